"""`kill -9` of the API while Stripe is asked for a refund or a capture: it is done once, and the key is told of it."""

from collections.abc import Callable

import httpx
import pytest

from tests.e2e.customers import told
from tests.e2e.eventually import eventually
from tests.e2e.running import API, STRIPE, Service
from tests.e2e.wire import Watch, when_answered, when_asked

pytestmark = pytest.mark.xdist_group("fragile")

_POINTS = pytest.mark.parametrize("point", [when_asked, when_answered], ids=["before it is sent", "before the answer"])


@_POINTS
async def test_money_goes_back_once_wherever_the_api_is_killed(
    fragile: Service, point: Callable[[bytes, Callable[[], None]], Watch]
) -> None:
    """
    Without any webhook: the worker finishes it, one refund at Stripe, and the retry is told 201.
    """
    customer = fragile.customer()
    payment = told(await customer.pay(customer.by_card()))
    await fragile.stripe.behave(hold_webhooks=True)
    fragile.wires[STRIPE].watch = point(rb"\APOST /v1/refunds ", lambda: fragile.kill(API))

    with pytest.raises(httpx.TransportError):
        await customer.refund(payment["id"], amount=1000, key="the-key")
    await fragile.heal_processes()

    async def answered() -> httpx.Response | None:
        answer = await customer.refund(payment["id"], amount=1000, key="the-key")
        assert answer.status_code in {201, 202, 409}, answer.text
        return answer if answer.status_code == 201 else None

    answer = await eventually(answered)
    assert answer is not None
    assert told(answer)["status"] == "SUCCEEDED"
    after = await customer.look(payment["id"])
    assert (after["amount_refunded"], after["amount_refundable"]) == (1000, 1500)
    assert await fragile.stripe.given_back(customer.id) == 1000
    assert len(await fragile.stripe.refunds(customer.id)) == 1
    await customer.story(payment["id"])


@_POINTS
async def test_held_money_is_taken_once_wherever_the_api_is_killed(
    fragile: Service, point: Callable[[bytes, Callable[[], None]], Watch]
) -> None:
    """
    Nobody is told that nothing was taken while it is being taken: 409 while it runs, 202, then 200.
    """
    customer = fragile.customer()
    payment = told(await customer.pay(customer.by_card(capture_method="manual")))
    await fragile.stripe.behave(hold_webhooks=True)
    fragile.wires[STRIPE].watch = point(rb"\APOST /v1/payment_intents/\w+/capture ", lambda: fragile.kill(API))

    with pytest.raises(httpx.TransportError):
        await customer.capture(payment["id"], amount=1000, key="the-key")
    await fragile.heal_processes()

    async def answered() -> httpx.Response | None:
        answer = await customer.capture(payment["id"], amount=1000, key="the-key")
        assert answer.status_code in {200, 202} or answer.json()["code"] == "idempotency-key-in-use", answer.text
        return answer if answer.status_code == 200 else None

    answer = await eventually(answered)
    assert answer is not None
    assert told(answer, 200)["amount_captured"] == 1000
    assert [charge["amount"] for charge in await fragile.stripe.charges(customer.id)] == [1000]
    await customer.story(payment["id"])
