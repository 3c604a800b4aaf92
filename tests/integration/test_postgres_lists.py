"""Lists and notes in PostgreSQL: the contracts, and what only a database can promise."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from adapters.encryption import MasterKeys, Vault
from adapters.http.views import render_note
from adapters.postgres import data_keys
from adapters.postgres.notes import PostgresNotes
from adapters.postgres.open_payments import PostgresOpenPayments
from adapters.postgres.payment_lists import PostgresPaymentLists
from adapters.postgres.payments import PostgresPayments
from adapters.postgres.pools import Database
from adapters.postgres.reading import Reading
from adapters.postgres.refund_lists import PostgresRefundLists
from adapters.postgres.refunds import PostgresRefunds
from adapters.postgres.stories import PostgresStories
from adapters.system import SystemClock
from application.add_note import AddNote, NoteRequest
from application.find_payments import Reader
from application.ports.payment_lists import Wanted
from application.ports.positions import LATEST, Position
from tests import databases
from tests.builders import SOMEONE, a_key, a_payment
from tests.contracts.lists_contract import ListsContract
from tests.contracts.notes_contract import NotesContract
from tests.contracts.payments_contract import opened
from tests.contracts.refund_lists_contract import RefundListsContract


@pytest.fixture
async def pool(database: databases.Database) -> AsyncIterator[Database]:
    async with Database(database.dsn, size=8, set_aside=2, wait=5.0) as pool:
        yield pool


@pytest.fixture
async def vault(pool: Database) -> Vault:
    return Vault(await data_keys.load(pool, MasterKeys({"test": bytes(32)})))


@pytest.fixture
def payments(pool: Database, vault: Vault) -> PostgresPayments:
    return PostgresPayments(pool, vault, keys_kept_for=timedelta(days=30))


@pytest.fixture
def stories(pool: Database) -> PostgresStories:
    return PostgresStories(Reading(pool))


class TestPostgresLists(ListsContract):
    @pytest.fixture
    def lists(self, pool: Database, vault: Vault) -> PostgresPaymentLists:
        return PostgresPaymentLists(Reading(pool), vault)


class TestPostgresNotes(NotesContract):
    @pytest.fixture
    def open_payments(self, pool: Database, vault: Vault) -> PostgresOpenPayments:
        return PostgresOpenPayments(pool, vault)

    @pytest.fixture
    def notes(self, pool: Database, vault: Vault) -> PostgresNotes:
        return PostgresNotes(pool, vault, keys_kept_for=timedelta(days=30))

    @pytest.fixture
    def sealer(self, vault: Vault) -> Vault:
        return vault


class TestPostgresRefundLists(RefundListsContract):
    @pytest.fixture
    def refunds(self, pool: Database, vault: Vault) -> PostgresRefunds:
        return PostgresRefunds(pool, vault, keys_kept_for=timedelta(days=30))

    @pytest.fixture
    def lists(self, pool: Database, vault: Vault) -> PostgresRefundLists:
        return PostgresRefundLists(Reading(pool), vault)


@dataclass
class Asked(Reading):
    """A read side that remembers how recent it had to be."""

    primary: Database
    after: list[Position | None] = field(default_factory=list)

    async def rows(self, statement: str, *values: Any, after: Position | None = None) -> Sequence[Any]:
        self.after.append(after)
        return await self.primary.rows(statement, *values)


async def test_what_belongs_to_an_order_is_never_late(payments: PostgresPayments, pool: Database, vault: Vault) -> None:
    """Whoever asks whether an order is paid decides by it: it is read where it was written. Other lists may be late."""
    reading = Asked(pool)
    lists = PostgresPaymentLists(reading, vault)
    kept, _ = await opened(payments, a_payment())

    found = await lists.payments(Wanted(order_id="order_1", user_id=SOMEONE), limit=9, written=Position(5))
    await lists.payments(Wanted(user_id=SOMEONE), limit=9, written=Position(5))
    await lists.history(SOMEONE, limit=9, written=Position(5))
    await lists.history(SOMEONE, limit=9)

    assert found == [kept.payment]
    assert reading.after == [LATEST, Position(5), Position(5), None]


async def test_a_note_is_readable_in_no_table_and_has_its_event(
    payments: PostgresPayments, pool: Database, vault: Vault, database: databases.Database
) -> None:
    """A dump of the database, its stored answers too, gives nobody away."""
    notes = PostgresNotes(pool, vault, keys_kept_for=timedelta(days=30))
    add = AddNote(payments=payments, notes=notes, sealer=vault, render=render_note, clock=SystemClock())
    kept, _ = await opened(payments, a_payment())
    asked = NoteRequest(payment_id=kept.payment.id, text="canary@example.com", request_id="r", key=a_key())

    answer = await add.execute(asked, Reader(SOMEONE))

    assert b"canary@example.com" in answer.answer.body
    async with databases.connected(database.owner_dsn) as owner:
        tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables:
            rows = await owner.fetch(f"SELECT t::text AS row FROM {table} AS t")  # noqa: S608 - our own tables
            dump = "\n".join(row["row"] for row in rows)
            assert "canary" not in dump
            assert b"canary".hex() not in dump
        events = await owner.fetch("SELECT seq, type FROM outbox ORDER BY seq")
    assert [tuple(row) for row in events] == [(1, "payment.created"), (2, "payment.noted")]
