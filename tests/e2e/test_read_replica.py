"""Two APIs and a streaming replica that lags, goes away and comes back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e import stories
from tests.e2e.customers import Customer, told
from tests.e2e.eventually import eventually
from tests.e2e.running import Plan, Service
from tests.replicas import Replicated, needs_basebackup, replicated

pytestmark = [needs_basebackup, pytest.mark.xdist_group("database")]

HERE, THERE = "api-1", "api-2"


@dataclass
class Shop:
    """A customer of a service whose APIs read from a replica."""

    both: Replicated
    service: Service
    customer: Customer

    async def story(self, payment_id: str, *, api: str, after: str | None = None) -> list[Any]:
        """The statuses in the payment's story, as this API tells it."""
        headers = {"Authorization": f"Bearer {self.customer.token}"} | ({"X-Read-After": after} if after else {})
        answer = await self.service.http.get(f"{self.service.api(api)}/payment-history/{payment_id}", headers=headers)
        return [entry["status"] for entry in stories.check_told(answer.raise_for_status().json())]

    async def until_replica_serves(self, payment_id: str) -> None:
        """Both APIs are connected to it."""

        async def all_connected() -> bool:
            for api in (HERE, THERE):
                await self.story(payment_id, api=api)
            return await self.both.ask(self.both.standby, CONNECTED) == 2

        await eventually(all_connected)


CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'payments' AND usename <> current_user"


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with replicated({"max_connections": "100"}) as both:
        plan = Plan(apis=2, settings={"DATABASE_READ_URL": both.read_dsn})
        async with Service.running(plan, both.database, both.folder) as service:
            yield Shop(both, service, service.customer())


async def test_a_customer_sees_what_they_wrote_wherever_they_ask(shop: Shop) -> None:
    """
    Another API's replica may be behind: with the header it does not matter, and where they wrote not even without.
    A dead replica costs nobody anything, and is used again when it is back.
    """
    service, customer = shop.service, shop.customer
    payment = told(await customer.pay(customer.by_card("tok_threeDSecureRequired")))
    await shop.until_replica_serves(payment["id"])
    await shop.both.pause()
    before = await shop.story(payment["id"], api=HERE)
    await service.stripe.play("authenticate", (await service.stripe.intent(customer.id))["id"])
    await customer.until(payment["id"], "SUCCEEDED")
    written = await customer.pay(customer.by_card(order_id="order_2"), api=HERE)
    token = written.headers["x-read-after"]

    async def is_behind() -> bool:
        return await shop.story(payment["id"], api=THERE) == before

    await eventually(is_behind)  # a replica that was too slow for it once is tried again
    assert (await shop.story(payment["id"], api=THERE, after=token))[-1] == "SUCCEEDED"
    assert (await shop.story(payment["id"], api=HERE))[-1] == "SUCCEEDED"
    assert (await shop.story(told(written)["id"], api=THERE))[-1] == "SUCCEEDED"

    await shop.both.resume()
    shop.both.standby.stop()

    for api in (HERE, THERE):
        assert (await shop.story(payment["id"], api=api, after=token))[-1] == "SUCCEEDED"
        assert (await service.http.get(f"{service.api(api)}/health/ready")).is_success

    shop.both.start_standby()
    await shop.until_replica_serves(payment["id"])
