"""Money through Stripe, from the shop's request to the ledger."""

import re

import pytest

from tests.e2e.customers import problem, told
from tests.e2e.eventually import eventually
from tests.e2e.running import Service

pytestmark = pytest.mark.xdist_group("service")


async def test_a_card_is_charged_at_once(service: Service) -> None:
    """
    201 with SUCCEEDED, one charge, and a story that verifies from the promise to the money. The answer says how much
    of its time Stripe took.
    """
    customer = service.customer()

    answer = await customer.pay(customer.by_card())
    payment = told(answer)

    assert re.fullmatch(r"gateway;dur=\d+\.\d\d, total;dur=\d+\.\d\d", answer.headers["server-timing"])
    assert (payment["status"], payment["amount_captured"]) == ("SUCCEEDED", 2500)
    assert payment["paymentMethod"] == {"type": "CARD", "brand": "VISA", "last4": "4242"}
    await customer.charged_once(payment["id"])
    story = await customer.story(payment["id"])
    assert [entry["status"] for entry in story[:2]] == ["PROCESSING", "SUCCEEDED"]
    assert story[0]["was"] is None


async def test_what_is_read_later_is_what_was_answered(service: Service) -> None:
    """
    A GET by another API tells the same payment, and another user's token does not find it.
    """
    customer, stranger = service.customer(), service.customer()
    payment = told(await customer.pay(customer.by_card(metadata={"order": {"items": ["Premium Plan"]}}), api="api-1"))

    read = await customer.look(payment["id"])

    assert {**read, "version": 0, "updated_at": ""} == {**payment, "version": 0, "updated_at": ""}
    answer = await service.http.get(
        f"{service.api()}/payments/{payment['id']}", headers={"Authorization": f"Bearer {stranger.token}"}
    )
    problem(answer, 404, "not-found")


async def test_a_wallet_is_charged_as_a_card_is(service: Service) -> None:
    """
    A wallet's token is a token: SUCCEEDED at once, one charge.
    """
    customer = service.customer()
    wallet = {"type": "WALLET", "token": "tok_applePay"}

    payment = told(await customer.pay(customer.by_card(paymentMethod=wallet)))

    assert (payment["status"], payment["paymentMethod"]["type"]) == ("SUCCEEDED", "WALLET")
    await customer.charged_once(payment["id"])
    await customer.story(payment["id"])


async def test_a_bank_transfer_succeeds_when_the_money_arrives(service: Service) -> None:
    """
    The customer is told where to pay; a webhook tells us that they did.
    """
    customer = service.customer()
    transfer = {"type": "BANK_TRANSFER", "country": "DE"}

    payment = told(await customer.pay(customer.by_card(paymentMethod=transfer, currency="EUR")))

    assert payment["status"] == "REQUIRES_ACTION"
    action = payment["next_action"]
    assert (action["type"], action["instructions"]["amount_remaining"]) == ("bank_transfer", 2500)
    assert action["instructions"]["financial_addresses"][0]["iban"]["country"] == "DE"
    assert await service.stripe.charges(customer.id) == []
    intent = await service.stripe.intent(customer.id)
    await service.stripe.play("fund", intent["id"], amount=1000)
    await service.stripe.play("fund", intent["id"], amount=1500)

    await customer.until(payment["id"], "SUCCEEDED")
    await customer.charged_once(payment["id"])
    await customer.story(payment["id"])


async def test_three_d_secure_succeeds_when_the_customer_authenticates(service: Service) -> None:
    """
    201 with what the customer's browser needs; the money is taken when the bank says yes, and not before.
    """
    customer = service.customer()

    payment = told(await customer.pay(customer.by_card("tok_threeDSecureRequired")))

    assert payment["status"] == "REQUIRES_ACTION"
    assert payment["next_action"]["type"] == "three_d_secure"
    intent = await service.stripe.intent(customer.id)
    assert payment["next_action"]["client_secret"] == intent["client_secret"]
    assert await service.stripe.charges(customer.id) == []
    await service.stripe.play("authenticate", intent["id"], outcome="succeed")

    await customer.until(payment["id"], "SUCCEEDED")
    await customer.charged_once(payment["id"])
    await customer.story(payment["id"])


async def test_a_failed_authentication_leaves_the_payment_to_the_customer(service: Service) -> None:
    """
    The client secret was given out: the customer may try another card, so nothing is FAILED.
    """
    customer = service.customer()
    payment = told(await customer.pay(customer.by_card("tok_threeDSecureRequired")))
    intent = await service.stripe.intent(customer.id)

    await service.stripe.play("authenticate", intent["id"], outcome="fail")
    (failed, *_) = await service.stripe.events(intent["id"])
    assert failed["type"] == "payment_intent.payment_failed"
    await service.applied(failed["id"])

    assert (await customer.look(payment["id"]))["status"] == "REQUIRES_ACTION"
    assert (await service.stripe.intent(customer.id))["status"] == "requires_payment_method"
    assert await service.stripe.charges(customer.id) == []
    await customer.story(payment["id"])


async def test_manual_capture_holds_the_money(service: Service) -> None:
    """
    AUTHORIZED, with the moment the hold ends; nothing is taken.
    """
    customer = service.customer()

    payment = told(await customer.pay(customer.by_card(capture_method="manual")))

    assert (payment["status"], payment["amount_captured"]) == ("AUTHORIZED", 0)
    assert payment["capture_before"] > payment["created_at"]
    assert (await service.stripe.intent(customer.id))["status"] == "requires_capture"
    assert await service.stripe.charges(customer.id) == []
    await customer.story(payment["id"])


async def test_a_decline_is_told_at_once_and_its_intent_cancelled(service: Service) -> None:
    """
    402 with the FAILED payment; behind it, the intent that could still be paid is given up, and FAILED stays.
    """
    customer = service.customer()

    answer = await customer.pay(customer.by_card("tok_chargeDeclinedInsufficientFunds"))

    problem(answer, 402, "payment-declined")
    payment = told(answer, 402)
    assert (payment["status"], payment["reason"]) == ("FAILED", "insufficient_funds")

    async def cancelled() -> bool:
        return bool((await service.stripe.intent(customer.id))["status"] == "canceled")

    await eventually(cancelled)
    await service.nothing_waits()
    assert (await customer.look(payment["id"]))["status"] == "FAILED"
    assert await service.stripe.charges(customer.id) == []
    await customer.story(payment["id"])
