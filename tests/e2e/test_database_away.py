"""PostgreSQL crashes under a running service, and comes back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGQUIT

import pytest

from adapters.postgres.connection import connected
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrate import migrate
from adapters.postgres.partitions import prepare
from tests.databases import Database, a_folder
from tests.e2e.customers import problem, told
from tests.e2e.eventually import eventually
from tests.e2e.running import API, WORKER, Plan, Service

pytestmark = pytest.mark.xdist_group("database")


@dataclass
class Patient:
    """A service whose database can be taken away and given back."""

    service: Service
    server: EmbeddedPostgres
    folder: Path

    def crash(self) -> None:
        """As at a power cut: nothing is written down any more, every connection is gone."""
        self.server._process.send_signal(SIGQUIT)
        self.server._process.wait()

    def revive(self) -> None:
        """On the same port: recovery replays what was committed."""
        self.server = EmbeddedPostgres.start(self.folder, port=self.server.port)


@pytest.fixture(scope="module")
async def patient() -> AsyncIterator[Patient]:
    with a_folder() as folder:
        home = folder / "postgres"
        server = EmbeddedPostgres.start(home)
        patient = None
        try:
            async with connected(server.dsn(owner=True)) as owner:
                await migrate(owner, app_role=server.application)
                await prepare(owner, today=datetime.now(UTC).date())
            database = Database("payments", server.application, server.dsn(owner=True), server.dsn())
            async with Service.running(Plan(), database, folder) as service:
                patient = Patient(service, server, home)
                yield patient
        finally:
            (patient.server if patient else server).stop()


async def test_without_a_database_nobody_is_charged_and_nothing_is_lost(patient: Patient) -> None:
    """
    503 with Retry-After while it is away, for readiness too; afterwards the same processes go on, and all is there.
    """
    service, customer = patient.service, patient.service.customer()
    before = told(await customer.pay(customer.by_card(), key="before"))
    body = customer.by_card(order_id="order_2")

    patient.crash()
    refused = await customer.pay(body, key="during")
    read = await service.http.get(
        f"{service.api()}/payments/{before['id']}", headers={"Authorization": f"Bearer {customer.token}"}
    )
    ready = await service.http.get(f"{service.api()}/health/ready")
    live = await service.http.get(f"{service.api()}/health/live")
    charged = await service.stripe.charges(customer.id)
    patient.revive()

    for answer in (refused, read):
        problem(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
    problem(ready, 503, "not-ready")
    assert live.json() == {"status": "ok"}
    assert len(charged) == 1
    assert service.runs(API)
    assert service.runs(WORKER)

    async def ready_again() -> bool:
        return (await service.http.get(f"{service.api()}/health/ready")).is_success

    await eventually(ready_again)
    after = told(await customer.pay(body, key="during"))
    assert told(await customer.pay(customer.by_card(), key="before"))["id"] == before["id"]
    assert (await customer.look(before["id"]))["status"] == "SUCCEEDED"
    assert len(await service.stripe.charges(customer.id)) == 2
    for payment in (before, after):
        await customer.story(payment["id"])
    other = service.customer(does="0404")
    prompted = told(await other.pay(other.by_phone()))
    await other.until(prompted["id"], "SUCCEEDED")


async def test_what_a_gateway_tells_while_the_database_is_away_is_told_again(patient: Patient) -> None:
    """
    Without a database nothing is acknowledged: Stripe sends the event again, and it is applied.
    """
    service, customer = patient.service, patient.service.customer()
    payment = told(await customer.pay(customer.by_card("tok_threeDSecureRequired")))
    intent = await service.stripe.intent(customer.id)

    patient.crash()
    await service.stripe.play("authenticate", intent["id"])
    (succeeded, *_) = await service.stripe.events(intent["id"])
    patient.revive()

    await customer.until(payment["id"], "SUCCEEDED")
    await service.applied(succeeded["id"])
    await customer.charged_once(payment["id"])
    await customer.story(payment["id"])
