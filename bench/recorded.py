"""
The statements of one payment, taken from the service itself: a payment is made through the real API, in this process,
on a pool that writes down what it is told. Whatever becomes of the code, its peer does the same.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import httpx

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
    said: list[Said]

    async def rows(self, statement: str, *values: Any, urgent: bool = False) -> Sequence[asyncpg.Record]:
        self.said.append(Said(statement, values))
        return await super().rows(statement, *values, urgent=urgent)


async def record(settings: Settings, tokens: dict[UUID, str], times: int) -> list[Recording]:
    """
    Makes `times` payments, and tells what each of them said.

    Raises:
        RecordingError: one was not answered 201.
    """
    payments = NewPayments(tokens)
    async with _api(settings) as (recorder, client):
        recordings = [await _one(payments, recorder, client) for _ in range(times)]
    async with connected(settings.dsn or "") as connection:
        return [Recording(one.payment_id, [await _typed(connection, said) for said in one.said]) for one in recordings]


async def _one(payments: NewPayments, recorder: _Recorder, client: httpx.AsyncClient) -> Recording:
    request, user = payments.next()
    head, _, body = request.partition(b"\r\n\r\n")
    headers = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:]]
    recorder.said = []
    got = await client.post("/payments", content=body, headers=[(name, value) for name, value in headers])
    if not payments.is_right(user, Answer(got.status_code, b"", got.content)):
        raise RecordingError(f"the first payment was answered {got.status_code}: {got.text[:300]}")
    return Recording(UUID(payments.made[-1][0].decode()), recorder.said)


@asynccontextmanager
async def _api(settings: Settings) -> AsyncIterator[tuple[_Recorder, httpx.AsyncClient]]:
    """The graph of `entrypoints.container.opened`, around a pool that writes down."""
    recorder = _Recorder(settings.dsn or "", size=2, set_aside=1)
    recorder.said = []
    async with recorder:
        vault = Vault(await data_keys.load(recorder, MasterKeys.parse(settings.encryption_keys or "")))
        container = Container(settings=settings, database=recorder, vault=vault)
        gateways = configured_gateways(container, settings)
        container.gateways.override(gateways)
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
