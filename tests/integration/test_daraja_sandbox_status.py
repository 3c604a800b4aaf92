"""The Daraja stand-in, asked for the status of a transaction."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.integration.test_daraja_sandbox import STATUS, Shop, a_shop, complaint

PASSWORD = b"sandbox-initiator-password"


@pytest.fixture(scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with a_shop(tmp_path_factory.mktemp("daraja"), "--pay-after-ms", "20") as shop:
        yield shop


def question(shop: Shop, path: str, **changes: Any) -> dict[str, Any]:
    return {
        "Initiator": "testapiuser",
        "SecurityCredential": base64.b64encode(PASSWORD).decode(),
        "CommandID": "TransactionStatusQuery",
        "PartyA": "174379",
        "IdentifierType": "4",
        "ResultURL": f"{shop.receiver.url}{path}/result",
        "QueueTimeOutURL": f"{shop.receiver.url}{path}/timeout",
        "Remarks": "OK",
        "Occasion": "OK",
    } | changes


async def ask(shop: Shop, **changes: Any) -> dict[str, Any]:
    """The result that is posted for this question."""
    path = shop.path()
    acknowledged = (await shop.post(STATUS, question(shop, path, **changes))).json()
    (raw,) = await shop.receiver.wait_for(f"{path}/result")
    result: dict[str, Any] = json.loads(raw)["Result"]
    for name in ("ConversationID", "OriginatorConversationID"):
        assert result[name] == acknowledged[name]
    return result


def parameters(result: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(item["Key"], item.get("Value")) for item in result["ResultParameters"]["ResultParameter"]]


def credential(certificate: Path, password: bytes) -> str:
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return base64.b64encode(key.encrypt(password, padding.PKCS1v15())).decode()


async def test_a_question_is_acknowledged_at_once(shop: Shop) -> None:
    """
    The acknowledgement says nothing about the transaction.
    """
    answer = await shop.post(STATUS, question(shop, shop.path(), TransactionID="NEF61H8J60"))

    told = answer.json()
    assert answer.status_code == 200
    assert set(told) == {"OriginatorConversationID", "ConversationID", "ResponseCode", "ResponseDescription"}
    assert (told["ResponseCode"], told["ResponseDescription"]) == ("0", "Accept the service request successfully.")
    assert told["ConversationID"].startswith("AG_")


@pytest.mark.parametrize("by", ["receipt", "conversation"])
async def test_a_paid_transaction_is_completed(shop: Shop, by: str) -> None:
    """
    Found by its receipt or by the conversation that started it: amount as text, the payee under the payer's key,
    items without Value in between.
    """
    phone = shop.phone()
    accepted = (await shop.push(phone, Amount=300)).json()
    receipt = (await shop.row("payments", phone=phone))["receipt"]
    asked = {"TransactionID": receipt} if by == "receipt" else {"OriginalConversationID": accepted["MerchantRequestID"]}

    result = await ask(shop, **asked)

    told = parameters(result)
    assert (result["ResultType"], result["ResultCode"]) == (0, 0)
    assert {("TransactionStatus", "Completed"), ("Amount", "300"), ("ReceiptNo", receipt)} <= set(told)
    assert [key for key, _ in told].count("DebitPartyName") == 2
    assert ("TransactionReason", None) in told


@pytest.mark.parametrize(("digits", "state"), [("1032", "Cancelled"), ("1037", "Expired"), ("0001", "Declined")])
async def test_an_unpaid_transaction_has_a_state_but_no_receipt(shop: Shop, digits: str, state: str) -> None:
    """
    `ResultCode` 0 says only that the question was answered.
    """
    phone = shop.phone(digits)
    accepted = (await shop.push(phone)).json()
    await shop.row("prompts", phone=phone, result_code=str(int(digits)))

    result = await ask(shop, OriginalConversationID=accepted["MerchantRequestID"])

    assert result["ResultCode"] == 0
    assert {("TransactionStatus", state), ("ReceiptNo", None)} <= set(parameters(result))


@pytest.mark.parametrize("asked", [{"TransactionID": "NEF61H8J60"}, {"OriginalConversationID": "7071-4170-a0e5-83"}])
async def test_a_transaction_nobody_knows_is_a_failed_result(shop: Shop, asked: dict[str, str]) -> None:
    """
    No parameters, a code that is no success.
    """
    result = await ask(shop, **asked)

    assert result["ResultCode"] == "R000002"
    assert "ResultParameters" not in result


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Initiator", ""),
        ("SecurityCredential", "not base64!"),
        ("CommandID", "TransactionReversal"),
        ("TransactionID", ""),
        ("PartyA", ""),
        ("IdentifierType", "3"),
        ("ResultURL", "https://shop.example/mpesa"),
        ("QueueTimeOutURL", ""),
        ("Remarks", "A"),
    ],
)
async def test_the_field_that_breaks_its_rule_is_named(shop: Shop, field: str, value: str) -> None:
    """
    As with a push: 400.002.02.
    """
    refused = await shop.post(STATUS, question(shop, "/cb", **{"TransactionID": "NEF61H8J60", field: value}))

    assert complaint(refused) == (400, "400.002.02", f"Bad Request - Invalid {field}")


async def test_a_question_can_die_in_the_queue(shop: Shop) -> None:
    """
    QueueTimeOutURL is called instead, which says nothing about the transaction.
    """
    path = shop.path()
    await shop.behave(status_timeouts=1)
    acknowledged = (await shop.post(STATUS, question(shop, path, TransactionID="NEF61H8J60"))).json()

    (raw,) = await shop.receiver.wait_for(f"{path}/timeout")

    told = json.loads(raw)["Result"]
    assert told["ConversationID"] == acknowledged["ConversationID"]
    assert "ResultParameters" not in told
    assert not shop.receiver.bodies[f"{path}/result"]
    assert (await ask(shop, TransactionID="NEF61H8J60"))["ResultCode"] == "R000002"


async def test_with_a_certificate_only_the_encrypted_password_is_believed(tmp_path: Path) -> None:
    """
    PKCS#1 v1.5 under the sandbox's own certificate; everybody else is 2001, and told so only by the result.
    """
    certificate = tmp_path / "certificate.pem"
    async with a_shop(tmp_path, "--pay-after-ms", "20", "--certificate-out", str(certificate)) as shop:
        phone = shop.phone()
        await shop.push(phone)
        asked = {"TransactionID": (await shop.row("payments", phone=phone))["receipt"]}

        right = await ask(shop, SecurityCredential=credential(certificate, PASSWORD), **asked)
        wrong = await ask(shop, SecurityCredential=credential(certificate, b"another"), **asked)
        bare = await ask(shop, **asked)

    assert right["ResultCode"] == 0
    for refused in (wrong, bare):
        assert refused["ResultCode"] == 2001
        assert "ResultParameters" not in refused


async def test_the_certificate_outlives_the_process(tmp_path: Path) -> None:
    """
    A credential made before a restart opens after it.
    """
    certificate = tmp_path / "certificate.pem"
    arguments = ("--pay-after-ms", "20", "--certificate-out", str(certificate))
    async with a_shop(tmp_path, *arguments):
        before = credential(certificate, PASSWORD)

    certificate.unlink()
    async with a_shop(tmp_path, *arguments) as shop:
        assert (await ask(shop, SecurityCredential=before, TransactionID="NEF61H8J60"))["ResultCode"] == "R000002"
        assert certificate.exists()
