"""The Daraja stand-in, asked to give money back: reversals and B2C, by the fact sheet."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.test_daraja_sandbox import B2C, REVERSAL, Receiver, Shop, a_shop, complaint
from tests.integration.test_daraja_sandbox_restart import FAST, SLOW, a_killed_sandbox
from tests.integration.test_daraja_sandbox_status import PASSWORD, ask, credential, parameters

ACKNOWLEDGED = {"OriginatorConversationID", "ConversationID", "ResponseCode", "ResponseDescription"}


@pytest.fixture(scope="module")
async def the_shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with a_shop(tmp_path_factory.mktemp("daraja"), "--pay-after-ms", "20") as shop:
        yield shop


@pytest.fixture
async def shop(the_shop: Shop) -> AsyncIterator[Shop]:
    """Its sandbox behaves well again after each test."""
    yield the_shop
    await the_shop.behave(reset=True)


def reversal(shop: Shop, receipt: str, path: str = "/cb", **changes: Any) -> dict[str, Any]:
    return {
        "Initiator": "apiop37",
        "SecurityCredential": base64.b64encode(PASSWORD).decode(),
        "CommandID": "TransactionReversal",
        "TransactionID": receipt,
        "Amount": "150",
        "ReceiverParty": "174379",
        "RecieverIdentifierType": "11",
        "ResultURL": f"{shop.receiver.url}{path}/result",
        "QueueTimeOutURL": f"{shop.receiver.url}{path}/timeout",
        "Remarks": "Payment reversal",
    } | changes


def b2c(shop: Shop, path: str = "/cb", **changes: Any) -> dict[str, Any]:
    return {
        "OriginatorConversationID": f"refund_{next(shop.numbers)}",
        "InitiatorName": "testapi",
        "SecurityCredential": base64.b64encode(PASSWORD).decode(),
        "CommandID": "BusinessPayment",
        "Amount": "10",
        "PartyA": "600992",
        "PartyB": "254705912645",
        "Remarks": "remarked",
        "QueueTimeOutURL": f"{shop.receiver.url}{path}/timeout",
        "ResultURL": f"{shop.receiver.url}{path}/result",
        "Occassion": "ChristmasPay",
    } | changes


async def a_payment(shop: Shop, phone: str | None = None) -> str:
    """The receipt of 150 shillings, paid."""
    phone = phone or shop.phone()
    await shop.push(phone)
    receipt: str = (await shop.row("payments", phone=phone))["receipt"]
    return receipt


async def result(shop: Shop, endpoint: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What is posted for this request, once it was acknowledged."""
    acknowledged = (await shop.post(endpoint, body)).json()
    (raw,) = await shop.receiver.wait_for(f"{path}/result")
    told: dict[str, Any] = json.loads(raw)["Result"]
    for name in ("ConversationID", "OriginatorConversationID"):
        assert told[name] == acknowledged[name]
    return told


async def reverse(shop: Shop, receipt: str, **changes: Any) -> dict[str, Any]:
    path = shop.path()
    return await result(shop, REVERSAL, path, reversal(shop, receipt, path, **changes))


async def pay_out(shop: Shop, **changes: Any) -> dict[str, Any]:
    path = shop.path()
    return await result(shop, B2C, path, b2c(shop, path, **changes))


class TestReversal:
    """A whole payment given back."""

    async def test_money_goes_back_after_the_acknowledgement(self, shop: Shop) -> None:
        """
        The result has a receipt of its own, the original's among its parameters, and numbers with decimals.
        """
        receipt, path = await a_payment(shop), shop.path()

        acknowledged = (await shop.post(REVERSAL, reversal(shop, receipt, path))).json()
        (raw,) = await shop.receiver.wait_for(f"{path}/result")

        assert set(acknowledged) == ACKNOWLEDGED
        assert acknowledged["ResponseCode"] == "0"
        told = json.loads(raw)["Result"]
        assert (told["ResultType"], told["ResultCode"]) == (0, 0)
        assert {("OriginalTransactionID", receipt), ("Amount", 150.0)} <= set(parameters(told))
        assert b'"Value":150.00' in raw
        assert len(told["TransactionID"]) == 10
        assert told["TransactionID"] != receipt
        row = await shop.row("reversals", original=receipt, result_code="0")
        assert (row["receipt"], row["amount"], row["outside"]) == (told["TransactionID"], 150, False)

    async def test_a_payment_is_reversed_once(self, shop: Shop) -> None:
        """
        R000001 for whoever comes later, also when two come at the same time.
        """
        receipt = await a_payment(shop)

        codes = [told["ResultCode"] for told in await asyncio.gather(*(reverse(shop, receipt) for _ in range(5)))]

        assert sorted(map(str, codes)) == ["0", *["R000001"] * 4]
        assert len(await shop.ledger("reversals", original=receipt, result_code="0")) == 1

    async def test_what_was_reversed_on_the_portal_is_reversed(self, shop: Shop) -> None:
        """
        `POST /_reverse/{receipt}` does what a person does there: once, and for payments only.
        """
        receipt = await a_payment(shop)
        outside = await shop.http.post(f"/_reverse/{receipt}")

        told = await reverse(shop, receipt)

        assert outside.status_code == 200
        assert told["ResultCode"] == "R000001"
        assert "ResultParameters" not in told
        (row,) = await shop.ledger("reversals", original=receipt, result_code="0")
        assert (row["receipt"], row["amount"], row["outside"]) == (outside.json()["receipt"], 150, True)
        assert (await shop.http.post(f"/_reverse/{receipt}")).status_code == 404
        assert (await shop.http.post("/_reverse/NEF61H8J60")).status_code == 404

    @pytest.mark.parametrize(
        ("changes", "code"),
        [({"TransactionID": "NEF61H8J60"}, "R000002"), ({"Amount": "149"}, 2006), ({"ReceiverParty": "600000"}, 11)],
    )
    async def test_what_cannot_be_reversed_is_told_later(
        self, shop: Shop, changes: dict[str, str], code: object
    ) -> None:
        """
        Acknowledged like any other; nothing moves, and a later one still can.
        """
        receipt = await a_payment(shop)

        told = await reverse(shop, receipt, **changes)

        assert told["ResultCode"] == code
        assert "ResultParameters" not in told
        assert told["TransactionID"].endswith("0000000")
        assert (await reverse(shop, receipt))["ResultCode"] == 0

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("Initiator", ""),
            ("SecurityCredential", "not base64!"),
            ("CommandID", "BusinessPayment"),
            ("TransactionID", ""),
            ("Amount", "1.50"),
            ("ReceiverParty", ""),
            ("RecieverIdentifierType", "4"),
            ("ResultURL", "https://shop.example/mpesa"),
            ("QueueTimeOutURL", ""),
            ("Remarks", "A"),
        ],
    )
    async def test_the_field_that_breaks_its_rule_is_named(self, shop: Shop, field: str, value: str) -> None:
        """
        400.002.02, and nothing is acknowledged.
        """
        refused = await shop.post(REVERSAL, reversal(shop, "NEF61H8J60", **{field: value}))

        assert complaint(refused) == (400, "400.002.02", f"Bad Request - Invalid {field}")

    async def test_the_correct_spelling_is_wrong(self, shop: Shop) -> None:
        """
        The portal's own FAQ: the key has its letters in the wrong order.
        """
        body = reversal(shop, "NEF61H8J60")
        body["ReceiverIdentifierType"] = body.pop("RecieverIdentifierType")

        refused = await shop.post(REVERSAL, body)

        assert complaint(refused) == (400, "400.002.02", "Bad Request - Invalid RecieverIdentifierType")


class TestB2C:
    """A customer paid out of the shop's own account."""

    async def test_a_customer_is_paid_after_the_acknowledgement(self, shop: Shop) -> None:
        """
        Under the merchant's own name, with the parameters that the portal shows.
        """
        told = await pay_out(shop, OriginatorConversationID="600997_Test_32et3241ed8yu")

        seen = dict(parameters(told))
        assert set(seen) == {
            "TransactionAmount",
            "TransactionReceipt",
            "B2CRecipientIsRegisteredCustomer",
            "B2CChargesPaidAccountAvailableFunds",
            "ReceiverPartyPublicName",
            "TransactionCompletedDateTime",
            "B2CUtilityAccountAvailableFunds",
            "B2CWorkingAccountAvailableFunds",
        }
        assert (told["ResultCode"], seen["TransactionAmount"]) == (0, 10)
        assert told["TransactionID"] == seen["TransactionReceipt"]
        row = await shop.row("b2c", originator_conversation_id="600997_Test_32et3241ed8yu")
        assert (row["result_code"], row["receipt"], row["amount"]) == ("0", told["TransactionID"], 10)

    async def test_a_name_is_good_for_one_payment(self, shop: Shop) -> None:
        """
        Also when many come at the same time: the others are told that it was submitted.
        """
        body = b2c(shop)

        answers = await asyncio.gather(*(shop.post(B2C, body) for _ in range(5)))

        refused = [answer for answer in answers if answer.status_code != 200]
        assert len(refused) == 4
        for one in refused:
            assert complaint(one) == (500, "500.002.1001", "Duplicate OriginatorConversationID.")
        assert len(await shop.ledger("b2c", originator_conversation_id=body["OriginatorConversationID"])) == 1

    @pytest.mark.parametrize(
        ("changes", "code"), [({"Amount": "9"}, 2), ({"Amount": "250001"}, 3), ({"PartyA": "600000"}, 11)]
    )
    async def test_what_m_pesa_would_not_pay_is_told_later(
        self, shop: Shop, changes: dict[str, str], code: object
    ) -> None:
        """
        A number, and no parameters.
        """
        told = await pay_out(shop, **changes)

        assert told["ResultCode"] == code
        assert "ResultParameters" not in told

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("OriginatorConversationID", ""),
            ("InitiatorName", ""),
            ("SecurityCredential", "not base64!"),
            ("CommandID", "TransactionReversal"),
            ("Amount", "10.00"),
            ("PartyA", ""),
            ("PartyB", "0705912645"),
            ("Remarks", ""),
            ("QueueTimeOutURL", ""),
            ("ResultURL", "https://shop.example/mpesa"),
            ("Occassion", "x" * 101),
        ],
    )
    async def test_the_field_that_breaks_its_rule_is_named(self, shop: Shop, field: str, value: str) -> None:
        """
        400.002.02, and the name is still free.
        """
        body = b2c(shop)
        refused = await shop.post(B2C, body | {field: value})

        assert complaint(refused) == (400, "400.002.02", f"Bad Request - Invalid {field}")
        assert (await shop.post(B2C, body)).status_code == 200

    async def test_it_is_initiator_name_here(self, shop: Shop) -> None:
        """
        And Initiator with a reversal.
        """
        body = b2c(shop)
        body["Initiator"] = body.pop("InitiatorName")

        assert complaint(await shop.post(B2C, body))[2] == "Bad Request - Invalid InitiatorName"


class TestMischief:
    """What can be ordered of either."""

    @pytest.mark.parametrize("code", ["1", "11", "21", "2001", "2006", "2028", "8006", "R000001", "77"])
    async def test_the_next_reversal_ends_as_ordered(self, shop: Shop, code: str) -> None:
        """
        The next one only, and with no money moved.
        """
        receipt = await a_payment(shop)
        await shop.behave(refund_code=code)

        assert str((await reverse(shop, receipt))["ResultCode"]) == code
        assert not await shop.ledger("reversals", original=receipt, result_code="0")
        assert (await reverse(shop, receipt))["ResultCode"] == 0

    @pytest.mark.parametrize("code", ["1", "2", "3", "4", "8", "15", "21", "2040", "8006", "SFC_IC0003"])
    async def test_the_next_b2c_ends_as_ordered(self, shop: Shop, code: str) -> None:
        """
        The same for payments of ours.
        """
        await shop.behave(refund_code=code)

        assert str((await pay_out(shop))["ResultCode"]) == code

    async def test_a_request_can_die_in_the_queue_or_live_on_behind_it(self, shop: Shop) -> None:
        """
        QueueTimeOutURL is called instead; it says nothing of the money, which moves unless a code was ordered.
        """
        for code in ("0", "1"):
            receipt, path = await a_payment(shop), shop.path()
            await shop.behave(refund_timeouts=1, refund_code=code)
            await shop.post(REVERSAL, reversal(shop, receipt, path))

            (raw,) = await shop.receiver.wait_for(f"{path}/timeout")

            assert set(json.loads(raw)["Result"]) == {
                "ConversationID",
                "OriginatorConversationID",
                "ResultDesc",
                "ResultType",
            }
            assert not shop.receiver.bodies[f"{path}/result"]
            assert await shop.ledger("reversals", original=receipt, result_code=code)

    async def test_a_result_can_come_never_or_twice_or_before_the_answer(self, shop: Shop) -> None:
        """
        The money moves all the same.
        """
        never, twice, before = shop.path(), shop.path(), shop.path()
        await shop.behave(refund_silences=1)
        silent = (await shop.post(B2C, b2c(shop, never))).json()["ConversationID"]
        await shop.row("b2c", conversation_id=silent, result_code="0")

        await shop.behave(deliver_twice=True)
        await shop.post(B2C, b2c(shop, twice))
        first, second = await shop.receiver.wait_for(f"{twice}/result", 2)
        assert first == second

        await shop.behave(deliver_twice=False, refund_results_first=1)
        await shop.post(B2C, b2c(shop, before))
        assert len(shop.receiver.bodies[f"{before}/result"]) == 1
        assert not shop.receiver.bodies[f"{never}/result"]

    async def test_an_answer_can_be_dropped_after_the_work_was_done(self, shop: Shop) -> None:
        """
        The connection breaks; the money goes back, and the result comes.
        """
        receipt, path = await a_payment(shop), shop.path()
        await shop.behave(drop_answer=1)

        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await shop.post(REVERSAL, reversal(shop, receipt, path))

        await shop.receiver.wait_for(f"{path}/result")
        assert await shop.ledger("reversals", original=receipt, result_code="0")

    async def test_m_pesa_can_be_slow(self, shop: Shop) -> None:
        """
        Acknowledged at once, open as long as ordered.
        """
        await shop.behave(refund_delay_ms=600_000)

        acknowledged = (await shop.post(B2C, b2c(shop))).json()

        assert await shop.ledger("b2c", conversation_id=acknowledged["ConversationID"], result_code=None)


@pytest.mark.parametrize("by", ["receipt", "conversation"])
async def test_transaction_status_knows_pay_outs(shop: Shop, by: str) -> None:
    """
    Reversals and B2C, by their own receipt or the conversation that started them.
    """
    for paid in (await pay_out(shop), await reverse(shop, await a_payment(shop))):
        name = paid["OriginatorConversationID"]
        asked = {"TransactionID": paid["TransactionID"]} if by == "receipt" else {"OriginalConversationID": name}

        told = parameters(await ask(shop, **asked))

        assert {("TransactionStatus", "Completed"), ("ReceiptNo", paid["TransactionID"])} <= set(told)
        assert ("OriginatorConversationID", name) in told


async def test_transaction_status_knows_what_did_not_move(shop: Shop) -> None:
    """
    Declined, without a receipt.
    """
    failed = await pay_out(shop, Amount="9")

    told = parameters(await ask(shop, OriginalConversationID=failed["OriginatorConversationID"]))

    assert {("TransactionStatus", "Declined"), ("ReceiptNo", None)} <= set(told)


async def test_with_a_certificate_only_the_encrypted_password_moves_money(tmp_path: Path) -> None:
    """
    Everybody else is 2001, and told so only by the result.
    """
    certificate = tmp_path / "certificate.pem"
    async with a_shop(tmp_path, "--pay-after-ms", "20", "--certificate-out", str(certificate)) as shop:
        receipt = await a_payment(shop)
        wrong = [await reverse(shop, receipt), await pay_out(shop)]
        sealed = credential(certificate, PASSWORD)
        right = [
            await reverse(shop, receipt, SecurityCredential=sealed),
            await pay_out(shop, SecurityCredential=sealed),
        ]

    assert [told["ResultCode"] for told in wrong] == [2001, 2001]
    assert [told["ResultCode"] for told in right] == [0, 0]


async def test_what_was_acknowledged_before_a_kill_is_settled_and_told_after_it(tmp_path: Path) -> None:
    """
    Once; names stay taken and reversed payments reversed.
    """
    ledger = tmp_path / "daraja.jsonl"
    async with Receiver.listening() as receiver:
        async with a_killed_sandbox(ledger, *FAST) as shop:
            receipt = await a_payment(shop)
            token = shop.token
        async with a_killed_sandbox(ledger, *SLOW) as shop:
            shop.token, shop.receiver = token, receiver
            back = (await shop.post(REVERSAL, reversal(shop, receipt, "/back"))).json()
            paid = (await shop.post(B2C, b2c(shop, "/paid", OriginatorConversationID="refund_1"))).json()

        async with a_killed_sandbox(ledger, *FAST) as shop:
            shop.token, shop.receiver = token, receiver
            (raw_back,) = await receiver.wait_for("/back/result")
            (raw_paid,) = await receiver.wait_for("/paid/result")
            await shop.row("callbacks", conversation_id=back["ConversationID"])
            await shop.row("callbacks", conversation_id=paid["ConversationID"])
        async with a_killed_sandbox(ledger, *FAST) as shop:
            shop.token, shop.receiver = token, receiver
            again = await reverse(shop, receipt)
            twice = await shop.post(B2C, b2c(shop, OriginatorConversationID="refund_1"))

    assert (json.loads(raw_back)["Result"]["ResultCode"], json.loads(raw_paid)["Result"]["ResultCode"]) == (0, 0)
    assert len(receiver.bodies["/back/result"]) == len(receiver.bodies["/paid/result"]) == 1
    assert again["ResultCode"] == "R000001"
    assert twice.status_code == 500
