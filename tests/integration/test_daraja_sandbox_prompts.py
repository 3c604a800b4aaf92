"""The Daraja stand-in, by the fact sheet: what becomes of a prompt, by the phone it was sent to."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.test_daraja_sandbox import PUSH, Shop, a_shop, complaint, eventually

PAID = "The service request is processed successfully."
BEING_PROCESSED = (500, "500.001.1001", "The transaction is being processed")


@pytest.fixture(scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    folder = tmp_path_factory.mktemp("daraja")
    async with a_shop(folder, "--pay-after-ms", "50", "--prompt-life-ms", "200") as shop:
        yield shop


@pytest.fixture(scope="module")
async def slow_shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """Its customers take longer than any test."""
    folder = tmp_path_factory.mktemp("daraja")
    async with a_shop(folder, "--pay-after-ms", "600000", "--prompt-life-ms", "600000") as shop:
        yield shop


def callback(raw: bytes) -> dict[str, Any]:
    told = json.loads(raw, parse_float=Decimal)
    assert list(told) == ["Body"]
    assert list(told["Body"]) == ["stkCallback"]
    inner: dict[str, Any] = told["Body"]["stkCallback"]
    return inner


def metadata(raw: bytes) -> dict[str, Any]:
    return {item["Name"]: item.get("Value") for item in callback(raw)["CallbackMetadata"]["Item"]}


async def final(shop: Shop, checkout_request_id: str) -> dict[str, Any]:
    """What a query says once it says anything final."""

    async def look() -> dict[str, Any]:
        answer = await shop.query(checkout_request_id)
        over = answer.status_code == 200 and answer.json()["ResultCode"] != "4999"
        return answer.json() if over else {}

    return await eventually(look)


async def test_everyone_else_pays_and_the_shop_is_called_back(shop: Shop) -> None:
    """
    Numbers are JSON numbers, the amount has two decimals in its bytes, the time is Nairobi's, and nothing echoes
    the AccountReference.
    """
    phone, path = shop.phone(), shop.path()
    accepted = (await shop.push(phone, path, Amount="150")).json()

    (raw,) = await shop.receiver.wait_for(path)

    told, items = callback(raw), metadata(raw)
    payment = await shop.row("payments", phone=phone)
    taken_at = datetime.fromisoformat(payment["at"])
    assert {name: told[name] for name in ("MerchantRequestID", "CheckoutRequestID", "ResultCode", "ResultDesc")} == {
        "MerchantRequestID": accepted["MerchantRequestID"],
        "CheckoutRequestID": accepted["CheckoutRequestID"],
        "ResultCode": 0,
        "ResultDesc": PAID,
    }
    assert b'"Value":150.00}' in raw
    assert items.pop("Balance", None) is None
    assert items == {
        "Amount": Decimal("150.00"),
        "MpesaReceiptNumber": payment["receipt"],
        "TransactionDate": int(f"{taken_at:%Y%m%d%H%M%S}"),
        "PhoneNumber": int(phone),
    }
    assert str(taken_at.tzinfo) == "UTC+03:00"
    assert b"ORDER123" not in raw


async def test_the_ledger_tells_whose_money_moved(shop: Shop) -> None:
    """
    Whole shillings, by the id the shop was given, with a receipt of ten capitals and digits.
    """
    phone = shop.phone()
    accepted = (await shop.push(phone, Amount=2500, AccountReference="REF7")).json()

    payment = await shop.row("payments", phone=phone)

    assert payment["receipt"].isalnum()
    assert payment["receipt"] == payment["receipt"].upper()
    assert len(payment["receipt"]) == 10
    assert payment == {
        "checkout_request_id": accepted["CheckoutRequestID"],
        "receipt": payment["receipt"],
        "amount": 2500,
        "phone": phone,
        "account_reference": "REF7",
        "at": payment["at"],
    }


async def test_the_items_come_in_any_order_and_sometimes_with_a_balance_without_value(shop: Shop) -> None:
    """
    Whoever reads them by position, or expects a Value in each, is found out.
    """
    path = shop.path()
    for _ in range(6):
        await shop.push(shop.phone(), path)

    items = [callback(raw)["CallbackMetadata"]["Item"] for raw in await shop.receiver.wait_for(path, 6)]
    assert len({tuple(item["Name"] for item in each) for each in items}) > 1
    assert any({"Name": "Balance"} in each for each in items)


async def test_a_query_has_strings_and_neither_amount_nor_receipt(shop: Shop) -> None:
    """
    `ResultCode` is "0" in a query where it is 0 in a callback.
    """
    accepted = (await shop.push(shop.phone())).json()

    told = await final(shop, accepted["CheckoutRequestID"])

    assert told == {
        "ResponseCode": "0",
        "ResponseDescription": "The service request has been accepted successfully",
        "MerchantRequestID": accepted["MerchantRequestID"],
        "CheckoutRequestID": accepted["CheckoutRequestID"],
        "ResultCode": "0",
        "ResultDesc": PAID,
    }


async def test_a_query_about_a_prompt_that_is_still_open_is_an_error_500(slow_shop: Shop) -> None:
    """
    500.001.1001 "The transaction is being processed" means: wait.
    """
    accepted = (await slow_shop.push(slow_shop.phone())).json()

    assert complaint(await slow_shop.query(accepted["CheckoutRequestID"])) == BEING_PROCESSED


async def test_a_query_may_also_say_4999_while_a_prompt_is_open(slow_shop: Shop) -> None:
    """
    The newer form: HTTP 200, and still no answer.
    """
    accepted = (await slow_shop.push(slow_shop.phone("4999"))).json()

    told = await slow_shop.query(accepted["CheckoutRequestID"])

    assert told.status_code == 200
    assert told.json()["ResultCode"] == "4999"


async def test_4999_pays_after_a_while(shop: Shop) -> None:
    """
    4999 is no failure.
    """
    accepted = (await shop.push(shop.phone("4999"))).json()

    assert (await final(shop, accepted["CheckoutRequestID"]))["ResultCode"] == "0"


async def test_an_unknown_prompt_has_the_code_of_an_open_one_but_another_text(shop: Shop) -> None:
    """
    Whoever looks at the code alone waits for ever.
    """
    status, code, message = complaint(await shop.query("ws_CO_0101202600000000712345678"))

    assert (status, code) == BEING_PROCESSED[:2]
    assert message != BEING_PROCESSED[2]


@pytest.mark.parametrize(
    ("digits", "code", "description"),
    [
        ("0001", 1, "The balance is insufficient for the transaction."),
        ("0017", 17, None),
        ("0026", 26, None),
        ("1001", 1001, None),
        ("1019", 1019, "Transaction has expired"),
        ("1025", 1025, "An error occurred while sending a push request"),
        ("1032", 1032, "Request cancelled by user"),
        ("1037", 1037, "DS timeout user cannot be reached"),
        ("2001", 2001, "The initiator information is invalid."),
        ("9999", 9999, None),
    ],
)
async def test_a_failure_is_an_int_in_the_callback_and_text_in_the_query(
    shop: Shop, digits: str, code: int, description: str | None
) -> None:
    """
    No CallbackMetadata at all, and no money.
    """
    phone, path = shop.phone(digits), shop.path()
    accepted = (await shop.push(phone, path)).json()

    (raw,) = await shop.receiver.wait_for(path)

    told = callback(raw)
    asked = await final(shop, accepted["CheckoutRequestID"])
    assert set(told) == {"MerchantRequestID", "CheckoutRequestID", "ResultCode", "ResultDesc"}
    assert (told["ResultCode"], asked["ResultCode"]) == (code, str(code))
    assert told["ResultDesc"] == asked["ResultDesc"]
    assert description in {None, told["ResultDesc"]}
    assert not await shop.ledger("payments", phone=phone)


async def test_a_phone_has_one_prompt_at_a_time(slow_shop: Shop) -> None:
    """
    The second push is refused and sends nothing.
    """
    phone = slow_shop.phone()
    await slow_shop.push(phone)

    refused = await slow_shop.push(phone)

    assert complaint(refused) == (
        500,
        "500.001.1001",
        "Unable to lock subscriber, a transaction is already in process for the current subscriber",
    )
    assert len(await slow_shop.ledger("prompts", phone=phone)) == 1


async def test_a_phone_is_free_again_when_its_prompt_has_ended(shop: Shop) -> None:
    """
    Paid or not, the next push reaches it.
    """
    phone = shop.phone()
    first = (await shop.push(phone)).json()["CheckoutRequestID"]
    await final(shop, first)

    second = (await shop.push(phone)).json()["CheckoutRequestID"]

    assert second != first
    assert (await final(shop, second))["ResultCode"] == "0"
    assert len(await shop.ledger("payments", phone=phone)) == 2


async def test_a_customer_slower_than_the_prompt_finds_it_gone(tmp_path: Path) -> None:
    """
    Nobody answered in the prompt's life: 1037, and no money.
    """
    async with a_shop(tmp_path, "--pay-after-ms", "600000", "--prompt-life-ms", "50") as shop:
        accepted = (await shop.push(shop.phone())).json()

        assert (await final(shop, accepted["CheckoutRequestID"]))["ResultCode"] == "1037"
        assert not await shop.ledger("payments")


async def test_a_paybill_prompt_in_favour_of_another_is_not_permitted(shop: Shop) -> None:
    """
    PartyB and TransactionType must fit: 2028. A till's number differs from its head office's.
    """
    elsewhere = (await shop.push(shop.phone(), PartyB="600000")).json()
    till = (await shop.push(shop.phone(), PartyB="600000", TransactionType="CustomerBuyGoodsOnline")).json()

    assert (await final(shop, elsewhere["CheckoutRequestID"]))["ResultCode"] == "2028"
    assert (await final(shop, till["CheckoutRequestID"]))["ResultCode"] == "0"


async def test_0404_pays_and_never_says_so(shop: Shop) -> None:
    """
    The callback is missing; the query knows.
    """
    phone, path = shop.phone("0404"), shop.path()
    accepted = (await shop.push(phone, path)).json()

    assert (await final(shop, accepted["CheckoutRequestID"]))["ResultCode"] == "0"
    assert await shop.ledger("payments", phone=phone)
    await shop.push(shop.phone(), other := shop.path())
    await shop.receiver.wait_for(other)
    assert not shop.receiver.bodies[path]


async def test_0408_pays_and_calls_back_but_never_answers(shop: Shop) -> None:
    """
    The connection stays open until the shop gives up, and the callback is all it will ever learn.
    """
    phone, path = shop.phone("0408"), shop.path()

    with pytest.raises(httpx.ReadTimeout):
        await shop.post(PUSH, shop.request(phone, path), timeout=0.3)

    (raw,) = await shop.receiver.wait_for(path)
    payment = await shop.row("payments", phone=phone)
    assert callback(raw)["CheckoutRequestID"] == payment["checkout_request_id"]


async def test_0500_answers_an_internal_error_although_the_prompt_is_out(shop: Shop) -> None:
    """
    500.003.1001 is no proof that nothing happened.
    """
    phone, path = shop.phone("0500"), shop.path()

    answer = await shop.push(phone, path)

    assert complaint(answer) == (500, "500.003.1001", "Internal Server Error")
    (raw,) = await shop.receiver.wait_for(path)
    assert callback(raw)["ResultCode"] == 0
    assert await shop.ledger("payments", phone=phone)


async def test_0999_calls_back_three_times_for_one_payment(shop: Shop) -> None:
    """
    The last one comes late, and all three are equal to the byte.
    """
    phone, path = shop.phone("0999"), shop.path()
    await shop.push(phone, path)

    bodies = await shop.receiver.wait_for(path, 3)

    assert len(set(bodies)) == 1
    assert len(await shop.ledger("payments", phone=phone)) == 1


async def test_0998_calls_back_before_it_answers(shop: Shop) -> None:
    """
    The callback was delivered and taken when the push's answer arrives.
    """
    phone, path = shop.phone("0998"), shop.path()

    accepted = (await shop.push(phone, path)).json()

    (raw,) = shop.receiver.bodies[path]
    assert callback(raw)["CheckoutRequestID"] == accepted["CheckoutRequestID"]


async def test_0997_claims_another_amount_than_was_paid(shop: Shop) -> None:
    """
    The ledger has the truth.
    """
    phone, path = shop.phone("0997"), shop.path()
    await shop.push(phone, path, Amount=150)

    (raw,) = await shop.receiver.wait_for(path)

    assert metadata(raw)["Amount"] != 150
    assert (await shop.row("payments", phone=phone))["amount"] == 150


async def test_0996_pays_after_it_was_called_unreachable(tmp_path: Path) -> None:
    """
    First 1037 from callback and query, then the money and a 0 from both.
    """
    async with a_shop(tmp_path, "--pay-after-ms", "200") as shop:
        accepted = (await shop.push(shop.phone("0996"), "/late")).json()

        first = await final(shop, accepted["CheckoutRequestID"])
        paid_before = await shop.ledger("payments")
        bodies = await shop.receiver.wait_for("/late", 2)

        last = await final(shop, accepted["CheckoutRequestID"])
        assert (first["ResultCode"], last["ResultCode"]) == ("1037", "0")
        assert [callback(raw)["ResultCode"] for raw in bodies] == [1037, 0]
        assert (len(paid_before), len(await shop.ledger("payments"))) == (0, 1)


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("0002", (500, "500.003.02", "System is busy. Please try again in few minutes.")),
        ("0003", (500, "500.003.02", "Error Occurred: Spike Arrest Violation")),
        ("0200", (200, "500.003.1001", "Internal Server Error")),
    ],
)
async def test_some_phones_are_never_reached(shop: Shop, digits: str, said: tuple[int, str, str]) -> None:
    """
    Throttled, busy, or an error under HTTP 200: in truth nothing was sent.
    """
    phone = shop.phone(digits)

    assert complaint(await shop.push(phone)) == said
    assert not await shop.ledger("prompts", phone=phone)


async def test_0503_meets_the_firewalls_page(shop: Shop) -> None:
    """
    HTML where JSON was expected; nothing was sent.
    """
    phone = shop.phone("0503")

    answer = await shop.push(phone)

    assert answer.status_code == 503
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Incapsula incident ID" in answer.text
    assert not await shop.ledger("prompts", phone=phone)


async def test_a_callback_that_is_not_taken_is_not_repeated(shop: Shop) -> None:
    """
    One attempt, whatever the shop answers; the ledger keeps the answer.
    """
    path, shop.receiver.status = shop.path(), 503
    accepted = (await shop.push(shop.phone(), path)).json()

    attempt = await shop.row("callbacks", checkout_request_id=accepted["CheckoutRequestID"])

    shop.receiver.status = 200
    await shop.push(shop.phone(), other := shop.path())
    await shop.receiver.wait_for(other)
    assert attempt["status"] == 503
    assert len(shop.receiver.bodies[path]) == 1


async def test_a_callback_to_nobody_is_written_down_as_such(shop: Shop) -> None:
    """
    The money moved all the same.
    """
    accepted = (await shop.push(shop.phone(), CallBackURL="http://127.0.0.1:9/cb")).json()

    attempt = await shop.row("callbacks", checkout_request_id=accepted["CheckoutRequestID"])

    assert attempt["status"] is None
    assert attempt["error"] == "ClientConnectorError"
    assert await shop.ledger("payments", checkout_request_id=accepted["CheckoutRequestID"])
