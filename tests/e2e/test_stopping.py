"""SIGTERM: what is under way is finished, and then the process goes."""

import asyncio

import pytest

from tests.e2e.customers import told
from tests.e2e.eventually import eventually
from tests.e2e.running import API, WORKER, Service

pytestmark = pytest.mark.xdist_group("fragile")


async def test_a_payment_under_way_is_finished_before_the_api_goes(fragile: Service) -> None:
    """
    The charge is made and its answer still on the way when the API is told to stop: the client gets its 201.
    """
    customer = fragile.customer()
    await fragile.stripe.behave(latency_ms=700, only_path="/v1/payment_intents", only_method="POST", hold_webhooks=True)
    paying = asyncio.create_task(customer.pay(customer.by_card()))

    async def is_charged() -> bool:
        return bool(await fragile.stripe.charges(customer.id))

    await eventually(is_charged)
    fragile.ask_to_stop(API)

    payment = told(await paying)
    await fragile.ended(API)
    assert payment["status"] == "SUCCEEDED"
    assert await customer.payments() == [payment["id"]]


@pytest.mark.parametrize("name", [WORKER, API])
async def test_a_process_that_is_told_to_stop_ends_with_0(fragile: Service, name: str) -> None:
    """
    Whoever watches over it can tell an end that was asked for from a crash.
    """
    fragile.ask_to_stop(name)

    assert await fragile.ended(name) == 0
