"""Refunds, captures and cancels in PostgreSQL: the contracts, and what only a database can promise."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from adapters.encryption import MasterKeys, Vault
from adapters.postgres import data_keys
from adapters.postgres.inbox import PostgresInbox
from adapters.postgres.open_payments import PostgresOpenPayments
from adapters.postgres.payments import PostgresPayments
from adapters.postgres.pools import Database
from adapters.postgres.reading import Reading
from adapters.postgres.refunds import PostgresRefunds
from adapters.postgres.stories import PostgresStories
from adapters.postgres.undertakings import PostgresUndertakings
from application.ports.inbox import Message
from application.ports.payments import Answer, Outcome
from domain.evidence import Claim
from domain.payment import Report
from domain.payment_method import GatewayName
from domain.refund import RefundOrigin
from tests import databases
from tests.builders import evidence
from tests.contracts.refunds_contract import (
    GONE,
    RefundsContract,
    a_paid,
    a_refund_key,
    a_refund_promise,
    a_refund_step,
    found,
    opened,
)
from tests.contracts.undertakings_contract import UndertakingsContract, a_capture, a_held
from tests.e2e.eventually import eventually

KEPT_FOR = timedelta(days=30)


@pytest.fixture
async def pool(database: databases.Database) -> AsyncIterator[Database]:
    async with Database(database.dsn, size=16, set_aside=2, wait=10.0) as pool:
        yield pool


@pytest.fixture
async def vault(pool: Database) -> Vault:
    return Vault(await data_keys.load(pool, MasterKeys({"test": bytes(32)})))


@pytest.fixture
def payments(pool: Database, vault: Vault) -> PostgresPayments:
    return PostgresPayments(pool, vault, keys_kept_for=KEPT_FOR)


@pytest.fixture
def open_payments(pool: Database, vault: Vault) -> PostgresOpenPayments:
    return PostgresOpenPayments(pool, vault)


@pytest.fixture
def stories(pool: Database) -> PostgresStories:
    return PostgresStories(Reading(pool))


@pytest.fixture
def refunds(pool: Database, vault: Vault) -> PostgresRefunds:
    return PostgresRefunds(pool, vault, keys_kept_for=KEPT_FOR)


@pytest.fixture
def undertakings(pool: Database, vault: Vault) -> PostgresUndertakings:
    return PostgresUndertakings(pool, vault, keys_kept_for=KEPT_FOR)


class TestPostgresRefunds(RefundsContract):
    """The fixtures above."""


class TestPostgresUndertakings(UndertakingsContract):
    """The fixtures above."""


async def test_every_history_entry_has_its_event(
    refunds: PostgresRefunds,
    undertakings: PostgresUndertakings,
    payments: PostgresPayments,
    database: databases.Database,
) -> None:
    """One commit: nothing happened that is not told, nothing is told that did not happen."""
    before, lease = await opened(refunds, await a_paid(payments))
    await refunds.record(a_refund_step(before, GONE, lease=lease))
    capture = a_capture(await a_held(payments))
    await undertakings.begin(capture)

    async with databases.connected(database.owner_dsn) as owner:
        told = "SELECT seq, type FROM outbox WHERE payment_id = $1 ORDER BY seq"
        written = "SELECT seq FROM payment_history WHERE payment_id = $1 ORDER BY seq"
        events = {one: await owner.fetch(told, one) for one in (before.kept.payment.id, capture.after.id)}
        entries = {one: await owner.fetch(written, one) for one in events}
    of_refund, of_capture = ([row["type"] for row in rows] for rows in events.values())
    assert of_refund == ["payment.created", "payment.succeeded", "refund.created", "refund.succeeded"]
    assert of_capture == ["payment.created", "payment.authorized", "payment.capture_requested"]
    for payment_id, rows in events.items():
        assert [row["seq"] for row in rows] == [row["seq"] for row in entries[payment_id]]


async def test_a_message_is_done_with_the_step_it_causes(
    refunds: PostgresRefunds, payments: PostgresPayments, pool: Database, vault: Vault
) -> None:
    """Whether it makes a refund or moves one."""
    inbox = PostgresInbox(pool, vault)
    messages = [Message(id=uuid7(), gateway=GatewayName.STRIPE, event_id=f"evt_{n}", body=b"{}") for n in range(2)]
    for message in messages:
        assert await inbox.keep(message)

    before, _ = await opened(
        refunds, await a_paid(payments), origin=RefundOrigin.EXTERNAL, operation=None, inbox_id=messages[0].id
    )
    assert await inbox.waiting() == 1
    await refunds.record(a_refund_step(before, GONE, inbox_id=messages[1].id))

    assert await inbox.waiting() == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payments SET amount_refunded = 2501",
        "UPDATE payments SET amount_reserved = 1501",
        "UPDATE payments SET amount_reserved = -1",
        "UPDATE payments SET amount_excess_refunded = -1",
        "UPDATE payments SET amount_to_capture = 0",
        "UPDATE payments SET amount_to_capture = amount + 1",
        "UPDATE refunds SET amount = 0",
        "UPDATE refunds SET status = 'DONE'",
        "UPDATE refunds SET channel = 'cash'",
        "UPDATE refunds SET origin = 'elsewhere'",
        "UPDATE refunds SET currency = 'usd'",
        "UPDATE refunds SET version = 0",
        "UPDATE refunds SET payment_created_at = payment_created_at + interval '1 millisecond'",
    ],
)
async def test_the_database_itself_refuses_impossible_books(
    refunds: PostgresRefunds, payments: PostgresPayments, database: databases.Database, change: str
) -> None:
    """Whatever a bug of ours would write: more back than was taken is not among what can be kept."""
    before, lease = await opened(refunds, await a_paid(payments))
    await refunds.record(a_refund_step(before, GONE, lease=lease))

    async with databases.connected(database.owner_dsn) as owner:
        with pytest.raises(asyncpg.CheckViolationError):
            await owner.execute(change)


async def test_a_step_the_books_refuse_leaves_nothing(
    refunds: PostgresRefunds, payments: PostgresPayments, database: databases.Database
) -> None:
    """All of it is one statement: key, refund, reserve, story and event, or nothing."""
    kept = await a_paid(payments)
    promise = a_refund_promise(kept, 2500, key=a_refund_key())
    wrong = replace(promise, payment=replace(promise.payment, amount_reserved=2501))

    with pytest.raises(asyncpg.CheckViolationError):
        await refunds.open(wrong)

    assert await payments.find(kept.payment.id) == kept
    async with databases.connected(database.owner_dsn) as owner:
        for table in ("refunds", "open_refunds", "idempotency_keys"):
            assert await owner.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608 - our own tables


async def test_a_look_up_by_id_touches_one_month(
    refunds: PostgresRefunds, payments: PostgresPayments, pool: Database
) -> None:
    """The id names its month, so that a look-up costs the same however many months there are."""
    before, _ = await opened(refunds, await a_paid(payments))
    moment = before.kept.payment.created_at

    async with pool.connection() as connection:
        plan = await connection.fetch(
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) " + PostgresRefunds._FIND, before.refund.id, moment
        )

    scanned = re.findall(r"on ((?:payments|refunds)_\d{4}_\d{2})", "\n".join(row[0] for row in plan))
    assert sorted(scanned) == [f"payments_{moment:%Y_%m}", f"refunds_{moment:%Y_%m}"]


async def test_nothing_personal_of_a_refund_is_readable(
    refunds: PostgresRefunds, payments: PostgresPayments, database: databases.Database
) -> None:
    """The shop's words, metadata, callback tokens and answers are encrypted."""
    canaries = ("canary-reason", "canary@example.com", "secret-answer", "canary-token")
    kept = await a_paid(payments)
    facts = {"reason": "canary-reason", "metadata": {"email": "canary@example.com"}}
    before, lease = await opened(refunds, kept, key=a_refund_key(), **facts)
    answer = Answer(201, b"secret-answer")
    await refunds.record(a_refund_step(before, GONE, lease=lease, key=a_refund_key(), answer=answer))

    async with databases.connected(database.owner_dsn) as owner:
        tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        dump = ""
        for (table,) in tables:
            rows = await owner.fetch(f"SELECT t::text AS row FROM {table} AS t")  # noqa: S608 - our own tables
            dump += "\n".join(row["row"] for row in rows)
    assert str(before.refund.id) in dump
    for canary in canaries:
        assert canary not in dump
        assert canary.encode().hex() not in dump
    assert (await found(refunds, before.refund.id)).refund.reason == "canary-reason"


async def test_who_loses_the_lease_in_the_last_moment_is_fenced(
    refunds: PostgresRefunds, payments: PostgresPayments, database: databases.Database
) -> None:
    """A worker is taking it over while we record that nothing was sent: it may send it, so ours is no end."""
    before, lease = await opened(refunds, await a_paid(payments))
    failed = a_refund_step(before, Report(evidence=(evidence(Claim.FAILED),)), lease=lease)

    async with databases.connected(database.owner_dsn) as worker, worker.transaction():
        await worker.execute("UPDATE open_refunds SET lease_epoch = lease_epoch + 1")
        recording = asyncio.create_task(refunds.record(failed))
        await eventually(lambda: worker.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))

    assert (await recording).outcome is Outcome.FENCED
    assert await refunds.find(before.refund.id) == before
