"""Money back through Stripe: never more than was taken, whoever asks, and whatever is lost on the way."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.e2e.customers import Customer, problem, told
from tests.e2e.eventually import eventually
from tests.e2e.running import Service

pytestmark = pytest.mark.xdist_group("service")


async def a_paid(customer: Customer, token: str = "tok_visa", **facts: Any) -> str:
    payment = told(await customer.pay(customer.by_card(token, **facts)))
    assert payment["status"] == "SUCCEEDED"
    return str(payment["id"])


async def agree(customer: Customer, payment_id: str, gone: int) -> None:
    """So much has gone: by the payment, by its refunds, by Stripe's books; and the story is whole."""
    payment = await customer.look(payment_id)
    assert (payment["amount_refunded"], payment["amount_refundable"]) == (gone, 2500 - gone), payment
    ours = await customer.refunds(payment_id)
    assert sum(refund["amount"] for refund in ours if refund["status"] == "SUCCEEDED") == gone
    assert await customer.service.stripe.given_back(customer.id) == gone
    await customer.story(payment_id)


async def test_ten_refunds_of_thirty_per_cent_at_once_are_three(service: Service) -> None:
    """
    From two APIs: three go back, seven are told how much is left; Stripe was asked three times.
    """
    customer = service.customer()
    payment_id = await a_paid(customer)

    answers = await asyncio.gather(*(customer.refund(payment_id, amount=750) for _ in range(10)))

    assert Counter(answer.status_code for answer in answers) == {201: 3, 422: 7}
    assert {answer.json()["refundable"] for answer in answers if answer.status_code == 422} == {250}
    assert len(await service.stripe.refunds(customer.id)) == 3
    await agree(customer, payment_id, 2250)


async def test_thirty_twins_with_one_key_give_back_once(service: Service) -> None:
    """
    Only 201, all of the same bytes, and 409 while the first runs.
    """
    customer = service.customer()
    payment_id = await a_paid(customer)

    answers = await asyncio.gather(*(customer.refund(payment_id, amount=100, key="twins") for _ in range(30)))

    assert {answer.status_code for answer in answers} <= {201, 409}
    later = await customer.refund(payment_id, amount=100, key="twins")
    assert {answer.content for answer in answers if answer.status_code == 201} == {later.content}
    assert later.headers["idempotent-replayed"] == "true"
    problem(await customer.refund(payment_id, amount=101, key="twins"), 422, "idempotency-key-reused")
    await agree(customer, payment_id, 100)


async def test_a_part_then_the_rest_then_nothing(service: Service) -> None:
    """
    Without an amount, all that is left; what is gone cannot go again; the payment stays SUCCEEDED.
    """
    customer = service.customer()
    payment_id = await a_paid(customer)

    part = told(await customer.refund(payment_id, amount=1000, reason="one item", metadata={"item": 7}))
    assert (part["status"], part["amount"], part["reason"]) == ("SUCCEEDED", 1000, "one item")
    assert (await customer.look(payment_id))["refund_status"] == "PARTIAL"
    assert told(await customer.refund(payment_id))["amount"] == 1500

    assert (await customer.refund(payment_id)).status_code == 422
    payment = await customer.look(payment_id)
    assert (payment["status"], payment["refund_status"]) == ("SUCCEEDED", "FULL")
    await agree(customer, payment_id, 2500)


async def test_what_is_not_taken_or_somebody_elses_cannot_go_back(service: Service) -> None:
    """
    409 for what waits for the customer, 404 for a stranger.
    """
    customer, stranger = service.customer(), service.customer()
    waiting = told(await customer.pay(customer.by_card("tok_threeDSecureRequired")))
    assert (await customer.refund(waiting["id"])).status_code == 409
    problem(await stranger.refund(waiting["id"]), 404, "not-found")


async def test_a_refund_that_fails_afterwards_gives_its_amount_back(service: Service) -> None:
    """
    SUCCEEDED, and a moment later the bank sends it back: FAILED, and the amount may be asked for again.
    """
    customer = service.customer()
    payment_id = await a_paid(customer, "tok_refundFail")

    refund = told(await customer.refund(payment_id, amount=1000))

    failed = await customer.until_refund(refund["id"], "FAILED")
    assert failed["failure"] == "card_expired"
    await agree(customer, payment_id, 0)


async def test_a_refund_that_pends_is_reserved_until_it_is_done(service: Service) -> None:
    """
    201 PROCESSING, its amount is nobody else's; then SUCCEEDED.
    """
    customer = service.customer()
    payment_id = await a_paid(customer, "tok_pendingRefund")

    refund = told(await customer.refund(payment_id, amount=2000))

    assert refund["status"] == "PROCESSING"
    assert (await customer.refund(payment_id, amount=501)).status_code == 422
    await customer.until_refund(refund["id"], "SUCCEEDED")
    await agree(customer, payment_id, 2000)


async def test_what_was_given_back_on_the_dashboard_counts(service: Service) -> None:
    """
    It becomes a row of its own, and only the rest is left.
    """
    customer = service.customer()
    payment_id = await a_paid(customer)
    await service.stripe.refund_on_dashboard(customer.id, 1500)

    async def seen() -> bool:
        return bool(await customer.refunds(payment_id))

    await eventually(seen)
    await service.nothing_waits()
    (refund,) = await customer.refunds(payment_id)
    assert (refund["origin"], refund["status"], refund["amount"]) == ("external", "SUCCEEDED", 1500)
    assert (await customer.refund(payment_id, amount=1001)).status_code == 422
    told(await customer.refund(payment_id, amount=1000))
    await agree(customer, payment_id, 2500)


async def test_what_stripe_knew_and_we_did_not_is_refused_and_free_again(service: Service) -> None:
    """
    Given back on the dashboard, and no webhook yet: Stripe refuses ours, which is FAILED; then the truth arrives.
    """
    customer = service.customer()
    payment_id = await a_paid(customer)
    await service.nothing_waits()
    await service.stripe.behave(hold_webhooks=True)
    await service.stripe.refund_on_dashboard(customer.id, 2500)

    refused = told(await customer.refund(payment_id))
    assert (refused["status"], refused["failure"]) == ("FAILED", "refund_refused")
    await service.stripe.behave(hold_webhooks=False)

    async def full() -> bool:
        return bool((await customer.look(payment_id))["refund_status"] == "FULL")

    await eventually(full)
    await agree(customer, payment_id, 2500)


@pytest.mark.parametrize("mischief", ["drop_answer", "drop_before", "fail_after"])
async def test_a_lost_answer_gives_back_once(service: Service, mischief: str) -> None:
    """
    202 UNKNOWN and reserved, or found at once; without any webhook SUCCEEDED, once; the key tells it ever after.
    """
    customer = service.customer()
    payment_id = await a_paid(customer)
    await service.stripe.behave(hold_webhooks=True, only_path="/v1/refunds", only_method="POST", **{mischief: 1})

    answer = await customer.refund(payment_id, amount=1000, key="lost")

    assert answer.status_code in {201, 202}, answer.text
    refund = answer.json()["data"]
    await customer.until_refund(refund["id"], "SUCCEEDED")
    again = [await customer.refund(payment_id, amount=1000, key="lost") for _ in range(2)]
    assert [one.headers["idempotent-replayed"] for one in again] == ["true", "true"]
    assert told(again[0])["id"] == refund["id"]
    assert again[0].content == again[1].content
    assert len(await service.stripe.refunds(customer.id)) == 1
    await agree(customer, payment_id, 1000)


async def test_parts_go_back_to_a_phone_one_after_the_other(service: Service) -> None:
    """
    Paid out twice, each under a name of its own; never a reversal beside them.
    """
    customer = service.customer()
    payment = told(await customer.pay(customer.by_phone(amount=15_000)))
    await customer.until_receipt(payment["id"])

    for amount in (5_000, 10_000):
        refund = told(await customer.refund(payment["id"], amount=amount))
        assert refund["channel"] == "b2c"
        await customer.until_refund(refund["id"], "SUCCEEDED")

    after = await customer.look(payment["id"])
    assert (after["amount_refunded"], after["refund_status"]) == (15_000, "FULL")
    await customer.story(payment["id"])


async def test_a_payment_without_a_receipt_waits_for_it(service: Service) -> None:
    """
    A query has proven it, its callback is not here: 409 receipt-pending; half a shilling is refused for good.
    """
    customer = service.customer()
    await service.daraja.behave(hold_webhooks=True)
    payment = told(await customer.pay(customer.by_phone()))
    await customer.until(payment["id"], "SUCCEEDED")

    problem(await customer.refund(payment["id"], key="k"), 409, "receipt-pending")
    assert (await customer.refund(payment["id"], amount=550)).status_code == 422
    await service.daraja.behave(hold_webhooks=False)
    await customer.until_receipt(payment["id"])

    refund = told(await customer.refund(payment["id"], key="k"))
    await customer.until_refund(refund["id"], "SUCCEEDED")
