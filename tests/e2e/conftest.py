"""The services that tests share: starting one takes seconds, and a new customer sees nothing of the others."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.postgres.connection import connected
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrate import migrate
from adapters.postgres.partitions import prepare
from tests.databases import a_database, a_folder
from tests.e2e.running import Plan, Service


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Where the processes keep what they keep; whoever they run as may enter it."""
    with a_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def durable_server(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server that means it when it says "committed": the service accepts no other."""
    with EmbeddedPostgres.start(folder / "postgres", settings={"max_connections": "300"}) as server:
        yield server


@pytest.fixture(scope="session")
async def durable_template(durable_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The name of a migrated database, to be cloned."""
    async with a_database(durable_server, template="template1") as made:
        async with connected(made.owner_dsn) as owner:
            await migrate(owner, app_role=durable_server.application)
            await prepare(owner, today=datetime.now(UTC).date())
        yield made.name


@pytest.fixture(scope="session")
async def shared_service(durable_server: EmbeddedPostgres, durable_template: str) -> AsyncIterator[Service]:
    """Two APIs, so that every test is also one of their having nothing to remember, and a worker."""
    async with a_database(durable_server, template=durable_template) as database:
        with a_folder() as logs:
            async with Service.running(Plan(apis=2), database, logs) as service:
                yield service


@pytest.fixture
async def service(shared_service: Service) -> AsyncIterator[Service]:
    """For tests that leave its processes alone; gateways may be told to misbehave."""
    yield shared_service
    await shared_service.heal()


@pytest.fixture(scope="session")
async def shared_fragile(durable_server: EmbeddedPostgres, durable_template: str) -> AsyncIterator[Service]:
    soon = {"STRIPE_TIMEOUT_SECONDS": "2", "MPESA_TIMEOUT_SECONDS": "2", "LEASE_SECONDS": "5"}
    async with a_database(durable_server, template=durable_template) as database:
        with a_folder() as logs:
            async with Service.running(Plan(wired=True, settings=soon), database, logs) as service:
                yield service


@pytest.fixture
async def fragile(shared_fragile: Service) -> AsyncIterator[Service]:
    """To be killed, one process at a time, at a moment that its wires tell; whole again after each test."""
    yield shared_fragile
    await shared_fragile.heal()
