"""
The statements of one payment, taken from the service itself: a payment is made through the real API, in this process,
on a pool that writes down what it is told. Whatever becomes of the code, its peer does the same.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, cast
from uuid import UUID

import asyncpg
import httpx
from dependency_injector import providers
from structlog.testing import capture_logs

from adapters.encryption import MasterKeys, Vault
from adapters.postgres import data_keys
from adapters.postgres.connection import Connection, connected
from adapters.postgres.pools import Database
from adapters.postgres.reading import Reading
from bench.connection import Answer
from bench.requests import NewPayments
from entrypoints.api import app
from entrypoints.container import Container, configured_gateways
from entrypoints.settings import Settings

#: What the client has set, and what it costs or saves, is the peer's, too.
_SESSION: Final = "SELECT name, setting FROM pg_settings WHERE source = 'client'"


class RecordingError(Exception):
    """The payment that was to be written down could not be made."""


@dataclass(frozen=True, slots=True)
class Said:
    """One statement with its values. `types`: PostgreSQL's names for them."""

    sql: str
    values: tuple[Any, ...]
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """What was said to the database to make one payment, and the settings of the session that said it."""

    payment_id: UUID
    said: list[Said]
    session: Mapping[str, str]


class _Recorder(Database):
    def __init__(self, dsn: str) -> None:
        super().__init__(dsn, size=2, set_aside=1)
        self._said: list[Said] = []

    def taken(self) -> list[Said]:
        """What was said since this was asked last."""
        said, self._said = self._said, []
        return said

    async def rows(self, statement: str, *values: Any, urgent: bool = False) -> Sequence[asyncpg.Record]:
        self._said.append(Said(statement, values))
        return await super().rows(statement, *values, urgent=urgent)


async def record(settings: Settings, payments: NewPayments, *, times: int) -> list[Recording]:
    """
    Makes so many payments, and tells what was said for each.

    Raises:
        RecordingError: one was not answered 201.
    """
    async with _api(settings) as (recorder, client):
        session = await session_of(recorder)
        recorder.taken()
        recordings = [Recording(await _pay(payments, client), recorder.taken(), session) for _ in range(times)]
    async with connected(settings.dsn or "") as connection:
        return [replace(one, said=[await _typed(connection, said) for said in one.said]) for one in recordings]


async def session_of(database: Database) -> Mapping[str, str]:
    """What the product sets for its sessions."""
    return {row["name"]: row["setting"] for row in await database.rows(_SESSION)}


async def _pay(payments: NewPayments, client: httpx.AsyncClient) -> UUID:
    request, user = payments.next()
    head, _, body = request.partition(b"\r\n\r\n")
    headers = [(name, value) for name, _, value in (line.partition(b": ") for line in head.split(b"\r\n")[1:])]
    with capture_logs():  # nobody wants to read them
        got = await client.post("/payments", content=body, headers=headers)
    if not payments.is_right(user, Answer(got.status_code, b"", got.content)):
        raise RecordingError(f"the first payment was answered {got.status_code}: {got.text[:300]}")
    return UUID(payments.made[-1][0].decode())


@asynccontextmanager
async def _api(settings: Settings) -> AsyncIterator[tuple[_Recorder, httpx.AsyncClient]]:
    """The graph of `entrypoints.container.opened`, around a pool that writes down."""
    recorder = _Recorder(settings.dsn or "")
    async with recorder:
        vault = Vault(await data_keys.load(recorder, MasterKeys.parse(settings.encryption_keys or "")))
        container = Container(settings=settings, database=recorder, reading=Reading(recorder), vault=vault)
        recorder.taken()
        gateways = configured_gateways(container, settings)
        container.gateways.override(providers.Object(gateways))
        transport = httpx.ASGITransport(cast("Any", app(container, settings)))  # the same, in other types
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                yield recorder, client
        finally:
            for gateway in gateways.values():
                await gateway.close()


async def _typed(connection: Connection, said: Said) -> Said:
    prepared = await connection.prepare(said.sql)
    return replace(said, types=tuple(kind.name for kind in prepared.get_parameters()))
