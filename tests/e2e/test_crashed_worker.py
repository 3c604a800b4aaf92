"""`kill -9` of a worker: what it had taken up, another one finishes."""

import pytest

from tests.e2e.customers import Customer, told
from tests.e2e.eventually import eventually
from tests.e2e.running import STRIPE, WORKER, Service
from tests.e2e.wire import when_answered, when_asked

pytestmark = pytest.mark.xdist_group("fragile")

_DATABASE = f"{WORKER}-database"
#: How a worker's step reaches the database.
_STEP = b"UPDATE payments"


async def test_an_event_whose_worker_died_is_applied_by_another(fragile: Service) -> None:
    """
    Killed with its commit on the way: the money is seen once, by whoever comes next.
    """
    customer, payment_id = await _authenticating(fragile)
    await _killed_worker_anew(fragile)
    fragile.wires[_DATABASE].watch = when_asked(_STEP, lambda: fragile.kill(WORKER))

    await fragile.stripe.play("authenticate", (await fragile.stripe.intent(customer.id))["id"])

    await _finished_by_another(fragile, customer, payment_id)


async def test_a_look_whose_worker_died_is_finished_by_another(fragile: Service) -> None:
    """
    Killed between Stripe's answer and its commit, without any webhook: the lease ends, another one looks again.
    """
    customer, payment_id = await _authenticating(fragile)
    await fragile.stripe.behave(hold_webhooks=True)
    intent = (await fragile.stripe.intent(customer.id))["id"]
    await fragile.stripe.play("authenticate", intent)
    fragile.wires[STRIPE].watch = when_answered(
        f"GET /v1/payment_intents/{intent}".encode(), lambda: fragile.kill(WORKER)
    )

    await _finished_by_another(fragile, customer, payment_id)


async def test_a_job_that_cannot_be_done_stops_no_other(fragile: Service) -> None:
    """
    The coming months cannot be made, since the database's owner cannot come in: webhooks are applied all the same.
    """
    fragile.kill(WORKER)
    closed = fragile.database.owner_dsn.replace("payments_owner:", "payments_nobody:")
    await fragile.start("worker-2", DATABASE_OWNER_URL=closed)
    customer, payment_id = await _authenticating(fragile)
    await fragile.stripe.play("authenticate", (await fragile.stripe.intent(customer.id))["id"])

    async def is_paid_or_hopeless() -> bool:
        paid = (await customer.look(payment_id))["status"] == "SUCCEEDED"
        return paid or not fragile.runs("worker-2")

    await eventually(is_paid_or_hopeless)
    assert fragile.runs("worker-2")


async def _authenticating(service: Service) -> tuple[Customer, str]:
    customer = service.customer()
    payment = told(await customer.pay(customer.by_card("tok_threeDSecureRequired")))
    return customer, payment["id"]


async def _killed_worker_anew(service: Service) -> None:
    """One that has prepared no statement yet, so that it says them in full."""
    service.kill(WORKER)
    await service.heal_processes()


async def _finished_by_another(service: Service, customer: Customer, payment_id: str) -> None:
    async def is_dead() -> bool:
        return not service.runs(WORKER)

    await eventually(is_dead)
    await service.start("worker-2")
    await customer.until(payment_id, "SUCCEEDED")
    await customer.charged_once(payment_id)
    story = await customer.story(payment_id)
    assert sum(entry["status"] == "SUCCEEDED" and entry["was"] != "SUCCEEDED" for entry in story) == 1
