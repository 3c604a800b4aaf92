"""
A database of its own for every test that asks: one server per session, one migrated template, one clone per test.

The server is the one at TEST_DATABASE_URL (of somebody who may make databases and roles), else a container where
Docker answers, else the embedded one. Tests may not tell the difference.
"""

import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from adapters.postgres.connection import Connection, connected
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrate import FOLDER, migrate
from adapters.postgres.partitions import prepare

#: Durability is not what most tests are about; `synchronous_commit` stays on, as the service insists on it.
FAST: Final = {"fsync": "off", "full_page_writes": "off"}
IMAGE: Final = "postgres:18"


class Server(Protocol):
    @property
    def application(self) -> str: ...

    def dsn(self, database: str, *, owner: bool = False) -> str: ...


@dataclass(frozen=True, slots=True)
class Database:
    """A database and the two ways into it: `dsn` is that of the role `application`."""

    name: str
    application: str
    owner_dsn: str
    dsn: str


@dataclass(frozen=True, slots=True)
class GivenServer:
    """A server that is there already; the owner is whoever the URL names, the application's role is made."""

    url: str
    application: str = "payments_test_app"  # not the usual name: its password there is not ours to know

    def dsn(self, database: str, *, owner: bool = False) -> str:
        parts = urlsplit(self.url)
        person = parts.netloc.rpartition("@")[0] if owner else f"{self.application}:{self.application}"
        return parts._replace(netloc=f"{person}@{parts.netloc.rpartition('@')[2]}", path=f"/{database}").geturl()


@contextmanager
def a_folder() -> Iterator[Path]:
    """A temporary folder that any account can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="payments-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def a_database(server: Server, *, template: str) -> AsyncIterator[Database]:
    """A clone of `template`, dropped afterwards with whatever is still connected to it."""
    name = f"test_{uuid4().hex}"
    async with connected(server.dsn("postgres", owner=True)) as owner:
        await owner.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield Database(name, server.application, server.dsn(name, owner=True), server.dsn(name))
        finally:
            await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One server for all tests of this process."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield GivenServer(url)
    elif _docker_answers():
        with _container() as url:
            yield GivenServer(url)
    else:
        with a_folder() as folder, EmbeddedPostgres.start(folder / "postgres", settings=FAST) as server:
            yield server


@pytest.fixture(scope="session")
async def template(postgres_server: Server) -> AsyncIterator[str]:
    """The name of a database that has every migration, the rights, and the months around today."""
    role = postgres_server.application
    async with connected(postgres_server.dsn("postgres", owner=True)) as owner:
        await owner.execute(_MAKE_ROLE.format(role=role))
    async with a_database(postgres_server, template="template1") as made:
        async with connected(made.owner_dsn) as owner:
            await _fill(owner, role)
        yield made.name


@pytest.fixture
async def database(postgres_server: Server, template: str) -> AsyncIterator[Database]:
    """A migrated, empty database for one test."""
    async with a_database(postgres_server, template=template) as made:
        yield made


@pytest.fixture
async def blank_database(postgres_server: Server, template: str) -> AsyncIterator[Database]:
    """A database without any table, for tests that bring their own."""
    async with a_database(postgres_server, template="template1") as made:
        yield made


#: The embedded server has the role; of a given one, parallel sessions may make it at the same moment.
_MAKE_ROLE: Final = """
    DO $$ BEGIN
        CREATE ROLE {role} LOGIN PASSWORD '{role}';
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$
"""


async def _fill(owner: Connection, application: str) -> None:
    if not any((FOLDER / "migrations").glob("*.sql")):
        return
    await migrate(owner, app_role=application)
    await prepare(owner, today=datetime.now(UTC).date())


def _docker_answers() -> bool:
    """Asked by hand: the client takes a third of a second to import, and leaves its socket open when nobody answers."""
    where = urlsplit(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    family, address = (
        (socket.AF_UNIX, where.path)
        if where.scheme == "unix"
        else (socket.AF_INET, (where.hostname, where.port or 2375))
    )
    with socket.socket(family) as docker:
        docker.settimeout(1)
        try:
            docker.connect(address)
            docker.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in docker.recv(64)
        except OSError:
            return False


@contextmanager
def _container() -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415  only where there is a Docker

    settings = [argument for name, value in FAST.items() for argument in ("-c", f"{name}={value}")]
    with PostgresContainer(IMAGE, driver=None).with_command(["postgres", *settings]) as container:
        yield container.get_connection_url()
