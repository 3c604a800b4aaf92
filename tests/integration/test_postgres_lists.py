"""Lists and notes in PostgreSQL: the contracts, and what only a database can promise."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.encryption import MasterKeys, Vault
from adapters.http.views import PaymentView, encode, render_note
from adapters.postgres import data_keys, rows
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
from application.ports.seen_payment import SeenPayment
from domain.evidence import Reason
from domain.payment import CaptureMethod, Payment, ReferenceKind
from domain.payment_method import MethodType, PaymentMethod
from domain.status import Status
from tests import databases
from tests.builders import SOMEONE, a_card, a_key, a_payment, a_phone, usd
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

    assert found == [SeenPayment.of(kept.payment)]
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


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


words = st.text(st.characters(codec="utf-8"), max_size=20)
documents = st.dictionaries(words, words | st.integers(-(2**53), 2**53) | st.booleans() | st.lists(words), max_size=3)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - it says where
methods = st.sampled_from(
    [
        a_card(token=None),
        a_phone(),
        PaymentMethod(type=MethodType.BANK_TRANSFER, country="DE"),
        PaymentMethod(type=MethodType.WALLET),
    ]
)
amounts = st.integers(0, 10**6)


@st.composite
def payments_of_any_kind(draw: st.DrawFn) -> Payment:
    refunded, reserved, left = draw(amounts), draw(amounts), draw(amounts)
    return a_payment(
        order_id="o" + draw(st.text("0123456789", max_size=20)),
        money=usd(draw(st.integers(1, 10**9))),
        method=draw(methods),
        capture_method=draw(st.sampled_from(CaptureMethod)),
        status=draw(st.sampled_from(Status)),
        reason=draw(some(st.sampled_from(Reason))),
        description=draw(some(words)),
        return_url=draw(some(words)),
        metadata=draw(documents),
        next_action=draw(some(documents)),
        references=draw(st.dictionaries(st.sampled_from(ReferenceKind), words.filter(lambda name: "\0" not in name))),
        capture_before=draw(some(moments)),
        amount_captured=refunded + reserved + left,
        amount_refunded=refunded,
        amount_reserved=reserved,
        amount_excess_refunded=draw(amounts),
        **{name: draw(st.booleans()) for name in ("cancel_requested", "disputed", "late", "order_overpaid")},
        updated_at=draw(moments),
    )


# Not by the steps that lead there: a list must show whatever may stand in a row.
_MAKE_IT_SO = """
    UPDATE payments
       SET capture_method = $2, status = $3, reason = $4, refs = $5, capture_before = $6, amount_captured = $7,
           amount_refunded = $8, amount_reserved = $9, amount_excess_refunded = $10, cancel_requested = $11,
           disputed = $12, late = $13, order_overpaid = $14, updated_at = $15
     WHERE id = $1
"""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payment=payments_of_any_kind())
async def test_a_list_tells_of_a_payment_what_the_payment_tells(
    payments: PostgresPayments, pool: Database, vault: Vault, payment: Payment
) -> None:
    """Whatever it became: a list reads less of it, and says the same, byte by byte."""
    await opened(payments, replace(payment, references={}), likeness=None)
    await pool.rows(
        _MAKE_IT_SO,
        payment.id,
        payment.capture_method,
        payment.status,
        payment.reason,
        rows.references_json(payment.references),
        payment.capture_before,
        payment.amount_captured,
        payment.amount_refunded,
        payment.amount_reserved,
        payment.amount_excess_refunded,
        payment.cancel_requested,
        payment.disputed,
        payment.late,
        payment.order_overpaid,
        payment.updated_at,
    )

    kept = await payments.find(payment.id)
    listed = await PostgresPaymentLists(Reading(pool), vault).payments(Wanted(order_id=payment.order_id), limit=100)

    assert kept is not None
    assert SeenPayment.of(kept.payment) in listed
    (shown,) = (PaymentView.seen(one) for one in listed if one.id == payment.id)
    assert encode(shown) == encode(PaymentView.of(kept.payment)) == encode(PaymentView.of(payment))
