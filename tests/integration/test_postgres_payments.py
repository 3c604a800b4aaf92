"""Payments in PostgreSQL: the contract, and what only a database can promise."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import asyncpg
import pytest

from adapters.encryption import MasterKeys, Vault
from adapters.postgres import data_keys
from adapters.postgres.open_payments import PostgresOpenPayments
from adapters.postgres.payments import PostgresPayments
from adapters.postgres.pools import Database, serving
from adapters.postgres.reading import Reading
from adapters.postgres.stories import PostgresStories
from application.ports.gateway import Operation
from application.ports.payments import Answer
from domain.errors import InDoubt, Unavailable
from domain.payment import ReferenceKind, Report
from tests import databases
from tests.builders import a_key, a_payment, a_promise, an_mpesa_payment, paid, usd
from tests.contracts.payments_contract import PaymentsContract, a_step, opened


@pytest.fixture
async def pool(database: databases.Database) -> AsyncIterator[Database]:
    async with Database(database.dsn, size=8, set_aside=2, wait=5.0) as pool:
        yield pool


@pytest.fixture
async def vault(pool: Database) -> Vault:
    return Vault(await data_keys.load(pool, MasterKeys({"test": bytes(32)})))


class TestPostgresPayments(PaymentsContract):
    @pytest.fixture
    def payments(self, pool: Database, vault: Vault) -> PostgresPayments:
        return PostgresPayments(pool, vault, keys_kept_for=timedelta(days=30))

    @pytest.fixture
    def open_payments(self, pool: Database, vault: Vault) -> PostgresOpenPayments:
        return PostgresOpenPayments(pool, vault)

    @pytest.fixture
    def stories(self, pool: Database) -> PostgresStories:
        return PostgresStories(Reading(pool))


@pytest.fixture
async def payments(pool: Database, vault: Vault) -> PostgresPayments:
    return PostgresPayments(pool, vault, keys_kept_for=timedelta(days=30))


async def test_history_cannot_be_rewritten_not_even_by_its_owner(
    payments: PostgresPayments, database: databases.Database
) -> None:
    """Append-only twice: the application's role has no right to, and a trigger refuses whoever has."""
    await opened(payments, a_payment())
    for dsn in (database.dsn, database.owner_dsn):
        async with databases.connected(dsn) as connection:
            for attempt in (
                "UPDATE payment_history SET seq = 7",
                "DELETE FROM payment_history",
                "TRUNCATE payment_history",
            ):
                with pytest.raises(asyncpg.PostgresError, match=r"append-only|permission denied"):
                    await connection.execute(attempt)


@pytest.mark.parametrize(
    ("statement", "partitions"),
    [
        (PostgresPayments._FIND, "payments_"),
        (PostgresStories._OF, "payments_"),
        (PostgresStories._OF, "payment_history_"),
    ],
)
async def test_a_look_up_by_id_touches_one_month(
    payments: PostgresPayments, pool: Database, statement: str, partitions: str
) -> None:
    """The id names its month, so that a look-up costs the same however many months there are."""
    payment = a_payment()
    await opened(payments, payment)

    async with pool.connection() as connection:
        plan = await connection.fetch(
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) " + statement, payment.id, payment.created_at
        )

    scanned = re.findall(rf"on ({partitions}\d{{4}}_\d{{2}})", "\n".join(row[0] for row in plan))
    assert scanned == [f"{partitions}{payment.created_at:%Y_%m}"]


async def test_a_month_that_is_missing_refuses_and_loses_nothing(
    payments: PostgresPayments, database: databases.Database
) -> None:
    """No partition for a new id: we cannot serve, and no half of a payment is left."""
    payment = a_payment()
    async with databases.connected(database.owner_dsn) as owner:
        await owner.execute(f"DROP TABLE payments_{payment.created_at:%Y_%m}")

    with pytest.raises(Unavailable):
        await payments.open(a_promise(payment, key=a_key()))

    async with databases.connected(database.owner_dsn) as owner:
        assert await owner.fetchval("SELECT count(*) FROM idempotency_keys") == 0
        assert await owner.fetchval("SELECT count(*) FROM open_payments") == 0


async def test_every_history_entry_has_its_event(payments: PostgresPayments, database: databases.Database) -> None:
    """History and outbox are one commit: nothing happened that is not told, nothing is told that did not happen."""
    kept, lease = await opened(payments, a_payment())
    await payments.record(a_step(kept, Report(evidence=(paid(usd(2500)),)), lease=lease))

    async with databases.connected(database.owner_dsn) as owner:
        events = await owner.fetch("SELECT seq, type FROM outbox ORDER BY seq")
        entries = await owner.fetch("SELECT seq FROM payment_history ORDER BY seq")
    assert [(row["seq"], row["type"]) for row in events] == [(1, "payment.created"), (2, "payment.succeeded")]
    assert [row["seq"] for row in entries] == [1, 2]


async def test_nothing_personal_is_readable_in_any_table(
    payments: PostgresPayments, database: databases.Database
) -> None:
    """Phone, metadata, tokens and stored answers are encrypted: a dump of the database gives nobody away."""
    canaries = ("712345678", "canary@example.com", "tok_canary", "secret-answer")
    payment = an_mpesa_payment(metadata={"email": "canary@example.com"})
    operation = Operation(started_at=payment.created_at, token="tok_canary")
    kept, lease = await opened(payments, payment, key=a_key(), operation=operation)
    answer = Answer(201, b"secret-answer")
    prompt = {ReferenceKind.CHECKOUT_REQUEST: "ws_CO_23112026011004490712345678"}
    told = Report(evidence=(paid(),), references=prompt)
    await payments.record(a_step(kept, told, lease=lease, key=a_key(), answer=answer))
    assert await payments.find_by_reference(*next(iter(prompt.items()))) == payment.id

    async with databases.connected(database.owner_dsn) as owner:
        tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        dump = ""
        for (table,) in tables:
            rows = await owner.fetch(f"SELECT t::text AS row FROM {table} AS t")  # noqa: S608 - our own tables
            dump += "\n".join(row["row"] for row in rows)
    assert str(payment.id) in dump
    for canary in canaries:
        assert canary not in dump
        assert canary.encode().hex() not in dump
    found = await payments.find(payment.id)
    assert found
    assert found.payment.references[ReferenceKind.CHECKOUT_REQUEST] == prompt[ReferenceKind.CHECKOUT_REQUEST]


async def test_a_database_that_goes_away_is_unavailable(payments: PostgresPayments, pool: Database) -> None:
    """A connection that was cut is no error of the caller's: it is told to come again, and coming again helps."""
    payment = a_payment()
    await opened(payments, payment)
    async with pool.connection() as connection:
        with pytest.raises(Unavailable), serving():
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    assert await payments.find(payment.id)


async def test_a_statement_that_was_cut_off_may_have_happened(pool: Database) -> None:
    """Nobody is told that nothing happened when nobody knows."""
    with pytest.raises(InDoubt):
        await pool.rows("SELECT pg_terminate_backend(pg_backend_pid())")


async def test_who_has_called_a_gateway_gets_a_connection_before_all_others(pool: Database) -> None:
    """Some connections are set aside for the step that makes a gateway's answer durable."""
    async with AsyncExitStack() as busy:
        for _ in range(6):
            await busy.enter_async_context(pool.connection())

        row = await pool.row("SELECT 1 AS here", urgent=True)

    assert row is not None
    assert row["here"] == 1
