"""Held money through Stripe: taken once, all or a part, or given up; whoever asks at the same time."""

import asyncio
from typing import Any

import pytest

from tests.e2e.customers import Customer, problem, told
from tests.e2e.running import Service

pytestmark = pytest.mark.xdist_group("service")


async def a_held(customer: Customer) -> str:
    payment = told(await customer.pay(customer.by_card(capture_method="manual")))
    assert (payment["status"], payment["amount_captured"]) == ("AUTHORIZED", 0)
    assert payment["capture_before"] is not None
    return str(payment["id"])


async def taken(customer: Customer) -> list[int]:
    """By Stripe's own books."""
    return [charge["amount"] for charge in await customer.service.stripe.charges(customer.id)]


async def ended(customer: Customer, payment_id: str, status: str, captured: int) -> dict[str, Any]:
    """So the payment ended, Stripe's books agree, and the story is whole."""
    payment = await customer.until(payment_id, status)
    assert payment["amount_captured"] == captured
    assert await taken(customer) == ([captured] if captured else [])
    await customer.story(payment_id)
    return payment


async def test_a_part_is_taken_once_and_the_rest_released(service: Service) -> None:
    """
    200; the same again says the same, with its key or without; another amount is 409; what was taken can go back.
    """
    customer = service.customer()
    payment_id = await a_held(customer)

    first = await customer.capture(payment_id, amount=1000, key="mine")
    assert told(first, 200)["status"] == "SUCCEEDED"
    again = await customer.capture(payment_id, amount=1000, key="mine")
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert told(await customer.capture(payment_id, amount=1000), 200)["amount_captured"] == 1000
    problem(await customer.capture(payment_id, amount=1001, key="mine"), 422, "idempotency-key-reused")
    assert (await customer.capture(payment_id)).status_code == 409
    assert (await customer.cancel(payment_id)).status_code == 409

    await service.nothing_waits()
    await ended(customer, payment_id, "SUCCEEDED", 1000)
    assert await service.stripe.refunds(customer.id) == []
    assert (await customer.refund(payment_id, amount=1001)).status_code == 422
    assert told(await customer.refund(payment_id))["amount"] == 1000


async def test_all_of_it_is_taken_without_a_body(service: Service) -> None:
    """
    200, and the webhook that follows changes nothing.
    """
    customer = service.customer()
    payment_id = await a_held(customer)
    assert (await customer.capture(payment_id, amount=2501)).status_code == 422

    told(await customer.capture(payment_id), 200)

    await service.nothing_waits()
    await ended(customer, payment_id, "SUCCEEDED", 2500)


async def test_many_who_capture_at_once_take_it_once(service: Service) -> None:
    """
    From two APIs, of two amounts: one is taken; the others are told the same, or that it is busy or over.
    """
    customer = service.customer()
    payment_id = await a_held(customer)

    answers = await asyncio.gather(*(customer.capture(payment_id, amount=1000 + n % 2) for n in range(10)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    (amount,) = await taken(customer)
    assert {told(answer, 200)["amount_captured"] for answer in answers if answer.status_code == 200} == {amount}
    await ended(customer, payment_id, "SUCCEEDED", amount)


async def test_what_is_held_is_released(service: Service) -> None:
    """
    CANCELLED by Stripe's word; again it is the same; there is nothing to take any more.
    """
    customer = service.customer()
    payment_id = await a_held(customer)

    assert told(await customer.cancel(payment_id, key="k"), 200)["status"] == "CANCELLED"

    told(await customer.cancel(payment_id), 200)
    assert (await customer.cancel(payment_id, key="k")).headers["idempotent-replayed"] == "true"
    assert (await customer.capture(payment_id)).status_code == 409
    await ended(customer, payment_id, "CANCELLED", 0)


async def test_a_customer_who_was_to_authenticate_is_not_waited_for(service: Service) -> None:
    """
    3-D Secure is given up with the payment.
    """
    customer = service.customer()
    payment = told(await customer.pay(customer.by_card("tok_threeDSecureRequired")))
    assert told(await customer.cancel(payment["id"]), 200)["status"] == "CANCELLED"
    await ended(customer, payment["id"], "CANCELLED", 0)


async def test_a_prompt_on_a_phone_is_not_taken_back(service: Service) -> None:
    """
    409, and whatever the customer does with it counts.
    """
    customer = service.customer()
    payment = told(await customer.pay(customer.by_phone()))
    problem(await customer.cancel(payment["id"]), 409, "not-cancellable")
    assert not (await customer.until(payment["id"], "SUCCEEDED"))["cancel_requested"]


@pytest.mark.parametrize("turn", range(3))
async def test_when_cancel_and_capture_race_the_truth_decides(service: Service, turn: int) -> None:
    """
    Either the money was taken or it was not, and we say what Stripe says.
    """
    customer = service.customer()
    payment_id = await a_held(customer)
    wishes = [customer.capture(payment_id, amount=1000), customer.cancel(payment_id)]

    answers = await asyncio.gather(*(wishes if turn % 2 else reversed(wishes)))

    assert {answer.status_code for answer in answers} <= {200, 202, 409}
    captured = bool(await taken(customer))
    await ended(customer, payment_id, "SUCCEEDED" if captured else "CANCELLED", 1000 if captured else 0)


@pytest.mark.parametrize("mischief", ["drop_answer", "drop_before", "fail_after"])
async def test_a_lost_answer_takes_it_once(service: Service, mischief: str) -> None:
    """
    202 UNKNOWN, or known at once; without any webhook the worker finds it, or sends what never arrived; the key tells.
    """
    customer = service.customer()
    payment_id = await a_held(customer)
    await service.stripe.behave(
        hold_webhooks=True, only_path="/v1/payment_intents", only_method="POST", **{mischief: 1}
    )

    answer = await customer.capture(payment_id, amount=1000, key="lost")

    assert answer.status_code in {200, 202}, answer.text
    await ended(customer, payment_id, "SUCCEEDED", 1000)
    assert told(await customer.capture(payment_id, amount=1000, key="lost"), 200)["status"] == "SUCCEEDED"
