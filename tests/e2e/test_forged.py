"""What anyone could have sent is believed in nothing; what is proven is applied once."""

import hmac
import json
import time
from hashlib import sha256
from secrets import token_hex
from typing import Any

import httpx
import pytest

from tests.e2e.customers import problem, told
from tests.e2e.eventually import eventually
from tests.e2e.running import Service

pytestmark = pytest.mark.xdist_group("service")


async def test_a_forged_callback_on_the_well_known_path_changes_nothing(service: Service) -> None:
    """
    Not even with the prompt's real name: it only makes us ask Daraja, whose word stands.
    """
    customer = service.customer(does="1019")
    payment = told(await customer.pay(customer.by_phone()))
    (prompt,) = await service.daraja.prompts(customer.phone)
    paid = _paid(prompt["checkout_request_id"], amount=10)

    answer = await service.http.post(f"{service.api()}/webhooks/mpesa", json=paid)

    assert answer.json() == {"ResultCode": 0, "ResultDesc": "Accepted"}
    await _daraja_was_asked(service)
    seen = await customer.look(payment["id"])
    assert (seen["status"], seen["amount_captured"], seen["receipt"]) == ("REQUIRES_ACTION", 0, None)
    await customer.asked_once(payment["id"], paid=False)
    assert all(
        piece["source"] != "signed" for entry in await customer.story(payment["id"]) for piece in entry["evidence"]
    )


async def test_a_callback_for_a_token_that_was_never_made_is_not_found(service: Service) -> None:
    """
    404, whatever it names; and one whose token is of another shape.
    """
    customer = service.customer(does="1019")
    payment = told(await customer.pay(customer.by_phone()))
    (prompt,) = await service.daraja.prompts(customer.phone)
    paid = _paid(prompt["checkout_request_id"], amount=10)

    for token in (token_hex(32), "0" * 64, "guess"):
        problem(await service.http.post(f"{service.api()}/webhooks/mm/{token}", json=paid), 404, "not-found")

    assert (await customer.look(payment["id"]))["status"] == "REQUIRES_ACTION"


async def test_a_callback_that_names_another_s_prompt_changes_neither(service: Service) -> None:
    """
    Whoever knows one secret path can say nothing about another payment, nor pass that one's prompt off as theirs.
    """
    mine, theirs = service.customer(does="1019"), service.customer(does="1019")
    payments = [told(await one.pay(one.by_phone())) for one in (mine, theirs)]
    (my_prompt,), (their_prompt,) = [await service.daraja.prompts(one.phone) for one in (mine, theirs)]

    answer = await service.http.post(
        my_prompt["callback_url"], json=_paid(their_prompt["checkout_request_id"], amount=10)
    )

    assert answer.status_code == 200
    await service.nothing_waits()
    for customer, payment in zip((mine, theirs), payments, strict=True):
        assert (await customer.look(payment["id"]))["status"] == "REQUIRES_ACTION"
        await customer.story(payment["id"])


async def test_a_callback_is_believed_only_when_a_query_agrees(service: Service) -> None:
    """
    Even on the secret path: "paid" is a claim until Daraja says so itself.
    """
    customer = service.customer(does="1019")
    payment = told(await customer.pay(customer.by_phone()))
    (prompt,) = await service.daraja.prompts(customer.phone)

    answer = await service.http.post(prompt["callback_url"], json=_paid(prompt["checkout_request_id"], amount=10))

    assert answer.status_code == 200
    await service.nothing_waits()
    await _daraja_was_asked(service)
    seen = await customer.look(payment["id"])
    assert (seen["status"], seen["amount_captured"]) == ("PROCESSING", 0)
    await customer.story(payment["id"])


@pytest.mark.parametrize("wrong", ["nobody's secret", "no time", "old", "future", "unsigned"])
async def test_an_event_that_is_not_proven_is_refused(service: Service, wrong: str) -> None:
    """
    400 and nothing changes: another secret, no time, older or newer than five minutes, no signature at all.
    """
    customer = service.customer()
    payment = told(await customer.pay(customer.by_card("tok_threeDSecureRequired")))
    body = _succeeded(await service.stripe.intent(customer.id))
    signed = {
        "nobody's secret": _signature(body, "whsec_guess"),
        "no time": _signature(body, service.webhook_secret).partition(",")[2],
        "old": _signature(body, service.webhook_secret, age=302),
        "future": _signature(body, service.webhook_secret, age=-302),
        "unsigned": None,
    }[wrong]

    answer = await _send(service, body, signed)

    problem(answer, 400, "invalid-signature")
    await service.nothing_waits()
    assert (await customer.look(payment["id"]))["status"] == "REQUIRES_ACTION"


async def test_an_event_that_is_replayed_changes_nothing(service: Service) -> None:
    """
    The same event again, truly signed: acknowledged again, applied once.
    """
    customer = service.customer()
    payment = told(await customer.pay(customer.by_card()))
    intent = await service.stripe.intent(customer.id)
    events = await service.stripe.events(intent["id"])
    for event in events:
        await service.applied(event["id"])
    before = await customer.story(payment["id"])

    for event in events * 3:
        body = json.dumps(event).encode()
        answer = await _send(service, body, _signature(body, service.webhook_secret))
        assert (answer.status_code, answer.json()) == (200, {"received": True})
    await service.nothing_waits()

    assert await customer.story(payment["id"]) == before
    await customer.charged_once(payment["id"])


async def test_an_event_about_somebody_else_s_intent_changes_nothing_of_ours(service: Service) -> None:
    """
    Truly signed, with our payment's id in its metadata, but another intent's name: the name decides.
    """
    customer = service.customer()
    payment = told(await customer.pay(customer.by_card("tok_threeDSecureRequired")))
    intent = await service.stripe.intent(customer.id)
    body = _succeeded({**intent, "id": "pi_somebodyelse"})

    answer = await _send(service, body, _signature(body, service.webhook_secret))

    assert answer.status_code == 200
    await service.applied(json.loads(body)["id"])
    assert (await customer.look(payment["id"]))["status"] == "REQUIRES_ACTION"
    await customer.story(payment["id"])


async def _daraja_was_asked(service: Service) -> None:
    """Twice more: whatever a query of before now could say is in by then."""
    before = (await service.daraja.ledger())["queries"]

    async def asked() -> bool:
        return bool((await service.daraja.ledger())["queries"] >= before + 2)

    await eventually(asked)


async def _send(service: Service, body: bytes, signature: str | None) -> httpx.Response:
    headers = {"Content-Type": "application/json"} | ({"Stripe-Signature": signature} if signature else {})
    return await service.http.post(f"{service.api()}/webhooks/stripe", content=body, headers=headers)


def _signature(body: bytes, secret: str, *, age: int = 0) -> str:
    moment = str(int(time.time()) - age)
    return f"t={moment},v1={hmac.digest(secret.encode(), f'{moment}.'.encode() + body, sha256).hex()}"


def _succeeded(intent: dict[str, Any]) -> bytes:
    """An event that says this intent was paid."""
    paid = {**intent, "status": "succeeded", "amount_received": intent["amount"]}
    event = {
        "id": f"evt_{token_hex(12)}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": paid},
    }
    return json.dumps(event).encode()


def _paid(checkout_request_id: str, *, amount: int) -> dict[str, Any]:
    """A callback that says this prompt was paid."""
    items = [
        {"Name": "Amount", "Value": amount},
        {"Name": "MpesaReceiptNumber", "Value": f"S{token_hex(5)[:9].upper()}"},
        {"Name": "TransactionDate", "Value": 20260131120000},
    ]
    callback = {
        "MerchantRequestID": "29115-34620561-1",
        "CheckoutRequestID": checkout_request_id,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {"Item": items},
    }
    return {"Body": {"stkCallback": callback}}
