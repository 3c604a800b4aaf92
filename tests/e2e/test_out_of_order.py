"""Webhooks late, shuffled and twice, and nothing but webhooks: the worker does not look by itself for ten minutes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from adapters.postgres.embedded import EmbeddedPostgres
from tests.databases import a_database, a_folder
from tests.e2e.customers import Customer, told
from tests.e2e.eventually import eventually
from tests.e2e.running import Plan, Service

pytestmark = pytest.mark.xdist_group("listener")


@dataclass(frozen=True, slots=True)
class Expected:
    """A payment, and what it must become when everything that was held back is told."""

    customer: Customer
    payment_id: str
    status: str


@pytest.fixture(scope="module")
async def listener(durable_server: EmbeddedPostgres, durable_template: str) -> AsyncIterator[Service]:
    """A service that learns from events alone."""
    plan = Plan(settings={"CHECK_AFTER_SECONDS": "600"})
    async with a_database(durable_server, template=durable_template) as database:
        with a_folder() as logs:
            async with Service.running(plan, database, logs) as service:
                yield service


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_events_in_any_order_and_twice_end_in_the_same_states(listener: Service, seed: int) -> None:
    """
    Nothing goes backwards and nothing is counted twice, whichever event comes first.
    """
    mischief = {"hold_webhooks": True, "shuffle": True, "deliver_twice": True, "seed": seed}
    await listener.stripe.behave(**mischief)
    await listener.daraja.behave(**mischief)
    expected = [
        await _a_card(listener, "tok_visa", "SUCCEEDED"),
        await _an_authentication(listener, ["succeed"], "SUCCEEDED"),
        await _an_authentication(listener, ["fail"], "REQUIRES_ACTION"),
        await _a_transfer(listener),
        await _a_settlement(listener),
        await _a_decline(listener),
        await _a_prompt(listener, "0000", "SUCCEEDED"),
        await _a_prompt(listener, "0999", "SUCCEEDED"),
        await _a_prompt(listener, "0996", "SUCCEEDED"),
        await _a_prompt(listener, "0997", "REVIEW"),
        await _a_prompt(listener, "1032", "CANCELLED"),
    ]

    await listener.stripe.behave(hold_webhooks=False)
    await listener.daraja.behave(hold_webhooks=False)

    for one in expected:
        await one.customer.until(one.payment_id, one.status)
    await listener.nothing_waits()
    for one in expected:
        assert (await one.customer.look(one.payment_id))["status"] == one.status
        statuses = [entry["status"] for entry in await one.customer.story(one.payment_id)]
        assert "SUCCEEDED" not in statuses[: statuses.index(one.status)]
        charges = await listener.stripe.charges(one.customer.id)
        paid = await listener.daraja.payments(one.customer.phone)
        assert len(charges) + len(paid) == (one.status in {"SUCCEEDED", "REVIEW"})


async def _a_card(service: Service, token: str, status: str) -> Expected:
    customer = service.customer()
    return Expected(customer, told(await customer.pay(customer.by_card(token)))["id"], status)


async def _an_authentication(service: Service, outcomes: list[str], status: str) -> Expected:
    waiting = await _a_card(service, "tok_threeDSecureRequired", status)
    intent = await service.stripe.intent(waiting.customer.id)
    for outcome in outcomes:
        await service.stripe.play("authenticate", intent["id"], outcome=outcome)
    return waiting


async def _a_transfer(service: Service) -> Expected:
    customer = service.customer()
    method = {"type": "BANK_TRANSFER"}
    payment = told(await customer.pay(customer.by_card(paymentMethod=method, currency="GBP")))
    intent = await service.stripe.intent(customer.id)
    await service.stripe.play("fund", intent["id"], amount=2400)
    await service.stripe.play("fund", intent["id"], amount=100)
    return Expected(customer, payment["id"], "SUCCEEDED")


async def _a_settlement(service: Service) -> Expected:
    waiting = await _a_card(service, "tok_processing", "SUCCEEDED")
    await service.stripe.play("settle", (await service.stripe.intent(waiting.customer.id))["id"])
    return waiting


async def _a_decline(service: Service) -> Expected:
    customer = service.customer()
    payment = told(await customer.pay(customer.by_card("tok_chargeDeclined")), 402)
    return Expected(customer, payment["id"], "FAILED")


async def _a_prompt(service: Service, does: str, status: str) -> Expected:
    """Everything has happened on the phone, and nothing of it is told yet."""
    customer = service.customer(does=does)
    payment = told(await customer.pay(customer.by_phone()))

    async def over() -> bool:
        (prompt,) = await service.daraja.prompts(customer.phone)
        paid = bool(await service.daraja.payments(customer.phone))
        return prompt["result_code"] is not None and paid == (status in {"SUCCEEDED", "REVIEW"})

    await eventually(over)
    return Expected(customer, payment["id"], status)
