"""One customer is asked and charged once, however often the request is repeated, and by whichever API."""

import asyncio
from collections import Counter

import httpx
import pytest

from tests.e2e.customers import problem, told
from tests.e2e.running import Service

pytestmark = pytest.mark.xdist_group("service")


async def test_a_hundred_twins_with_one_key_charge_once(service: Service) -> None:
    """
    From two APIs at once: only 201, all of the same bytes, and 409 while the first runs; one payment, one charge.
    """
    customer = service.customer()
    body = customer.by_card()

    answers = await asyncio.gather(*(customer.pay(body, key="twins") for _ in range(100)))

    created = _only(answers, 201, 409)
    for early in (answer for answer in answers if answer not in created):
        problem(early, 409, "idempotency-key-in-use")
        assert int(early.headers["retry-after"]) > 0
    later = await customer.pay(body, key="twins")
    assert {answer.content for answer in created} == {later.content}
    assert later.headers["idempotent-replayed"] == "true"
    assert sum("idempotent-replayed" not in answer.headers for answer in created) == 1
    await customer.charged_once(told(later)["id"])
    await customer.story(told(later)["id"])


async def test_a_hundred_twins_with_one_key_send_one_prompt(service: Service) -> None:
    """
    The same for M-Pesa, which takes no key of ours: nobody's phone rings twice.
    """
    customer = service.customer()
    body = customer.by_phone()

    answers = await asyncio.gather(*(customer.pay(body, key="twins") for _ in range(100)))

    created = _only(answers, 201, 409)
    payment = told(created[0])
    await customer.until(payment["id"], "SUCCEEDED")
    later = await customer.pay(body, key="twins")
    assert {answer.content for answer in created} == {later.content}
    assert later.headers["idempotent-replayed"] == "true"
    await customer.asked_once(payment["id"])
    await customer.story(payment["id"])


async def test_the_same_purchase_at_once_without_a_key_is_made_once(service: Service) -> None:
    """
    A proxy's retry charges nobody twice: one 201, and 409 that names that payment for all others.
    """
    customer = service.customer()
    body = customer.by_card()

    answers = await asyncio.gather(*(customer.pay(body) for _ in range(30)))

    (created,) = _only(answers, 201, 409)
    payment = told(created)
    refused = [problem(answer, 409, "duplicate-payment") for answer in answers if answer is not created]
    assert {one["payment_id"] for one in refused} == {payment["id"]}
    await customer.charged_once(payment["id"])


async def test_a_purchase_just_made_is_a_duplicate_under_another_key_too(service: Service) -> None:
    """
    409 names the first; `allow_duplicate` is how a customer buys the same thing twice.
    """
    customer = service.customer()
    first = told(await customer.pay(customer.by_card(), key="one"))

    refused = await customer.pay(customer.by_card(), key="two")

    assert problem(refused, 409, "duplicate-payment")["payment_id"] == first["id"]
    await customer.charged_once(first["id"])
    second = told(await customer.pay(customer.by_card(allow_duplicate=True), key="two"))
    assert second["id"] != first["id"]
    assert len(await service.stripe.charges(customer.id)) == 2


async def test_the_same_prompt_without_a_key_is_a_duplicate(service: Service) -> None:
    """
    The same user, order, amount and phone: 409 while it is open, and when it has just succeeded.
    """
    customer = service.customer()
    payment = told(await customer.pay(customer.by_phone()))

    while_open = await customer.pay(customer.by_phone())
    await customer.until(payment["id"], "SUCCEEDED")
    afterwards = await customer.pay(customer.by_phone())

    for refused in (while_open, afterwards):
        assert problem(refused, 409, "duplicate-payment")["payment_id"] == payment["id"]
    await customer.asked_once(payment["id"])


async def test_a_key_belongs_to_its_body(service: Service) -> None:
    """
    Another body under a used key is refused with 422; another user's key of the same name is another key.
    """
    customer, other = service.customer(), service.customer()
    payment = told(await customer.pay(customer.by_card(), key="mine"))

    problem(await customer.pay(customer.by_card(amount=2501), key="mine"), 422, "idempotency-key-reused")

    assert told(await other.pay(other.by_card(), key="mine"))["id"] != payment["id"]
    await customer.charged_once(payment["id"])


async def test_a_decline_is_repeated_and_not_tried_again(service: Service) -> None:
    """
    The outcome is known: the same 402, byte for byte, and Stripe is not asked twice.
    """
    customer = service.customer()
    body = customer.by_card("tok_chargeDeclined")

    first, again = await customer.pay(body, key="declined"), await customer.pay(body, key="declined")

    problem(first, 402, "payment-declined")
    assert (again.status_code, again.content) == (402, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await service.stripe.intents(customer.id)) == 1


def _only(answers: list[httpx.Response], *statuses: int) -> list[httpx.Response]:
    """Nothing but these; gives those with the first of them."""
    seen = Counter(answer.status_code for answer in answers)
    assert set(seen) <= set(statuses), seen
    return [answer for answer in answers if answer.status_code == statuses[0]]
