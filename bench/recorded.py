"""
The statements of one payment, taken from the service itself: a payment is made through the real API, in this process,
on a pool that writes down what it is told. Whatever becomes of the code, its peer does the same.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from dependency_injector import providers

from adapters.encryption import MasterKeys, Vault
from adapters.postgres import data_keys
from adapters.postgres.connection import Connection, connected
from adapters.postgres.pools import Database
from bench.connection import Answer
from bench.requests import NewPayments
from entrypoints.api import app
from entrypoints.container import Container, configured_gateways
from entrypoints.settings import Settings


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
    """What was said to the database to make one payment."""

    payment_id: UUID
    said: list[Said]


class _Recorder(Database):
    def __init__(self, dsn: str) -> None:
        super().__init__(dsn, size=2, set_aside=1)
        self.said: list[Said] = []

    async def rows(self, statement: str, *values: Any, urgent: bool = False) -> Sequence[asyncpg.Record]:
        self.said.append(Said(statement, values))
        return await super().rows(statement, *values, urgent=urgent)


async def record(settings: Settings, tokens: Mapping[UUID, str]) -> Recording:
    """
    Makes a payment, and tells what was said.

    Raises:
        RecordingError: it was not answered 201.
    """
    async with _api(settings) as (recorder, client):
        payment_id = await _pay(NewPayments(tokens), client)
    async with connected(settings.dsn or "") as connection:
        return Recording(payment_id, [await _typed(connection, said) for said in recorder.said])


async def _pay(payments: NewPayments, client: httpx.AsyncClient) -> UUID:
    request, user = payments.next()
    head, _, body = request.partition(b"\r\n\r\n")
    headers = [(name, value) for name, _, value in (line.partition(b": ") for line in head.split(b"\r\n")[1:])]
    got = await client.post("/payments", content=body, headers=headers)
    if not payments.is_right(user, Answer(got.status_code, b"", got.content)):
        raise RecordingError(f"the first payment was answered {got.status_code}: {got.text[:300]}")
    return UUID(payments.made[0][0].decode())


@asynccontextmanager
async def _api(settings: Settings) -> AsyncIterator[tuple[_Recorder, httpx.AsyncClient]]:
    """The graph of `entrypoints.container.opened`, around a pool that writes down."""
    recorder = _Recorder(settings.dsn or "")
    async with recorder:
        vault = Vault(await data_keys.load(recorder, MasterKeys.parse(settings.encryption_keys or "")))
        container = Container(settings=settings, database=recorder, vault=vault)
        recorder.said.clear()
        gateways = configured_gateways(container, settings)
        container.gateways.override(providers.Object(gateways))
        transport = httpx.ASGITransport(app(container, settings))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                yield recorder, client
        finally:
            for gateway in gateways.values():
                await gateway.close()


async def _typed(connection: Connection, said: Said) -> Said:
    prepared = await connection.prepare(said.sql)
    return replace(said, types=tuple(kind.name for kind in prepared.get_parameters()))
