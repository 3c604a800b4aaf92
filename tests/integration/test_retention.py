"""What is kept for a while only goes, and nothing that anybody still needs goes with it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from uuid_utils.compat import uuid7

from adapters.encryption import MasterKeys, Vault
from adapters.postgres import data_keys
from adapters.postgres.partitions import prepare
from adapters.postgres.payments import PostgresPayments
from adapters.postgres.pools import Database
from adapters.postgres.retention import drop_old_webhooks
from adapters.postgres.upkeep import PostgresUpkeep
from application.ports.payments import Answer
from domain.errors import KeyExpired
from tests import databases
from tests.builders import a_key, a_payment, a_promise, now
from tests.contracts.payments_contract import opened

A_MONTH = timedelta(days=30)
INSERT = """
    INSERT INTO webhook_inbox (id, arrived_at, gateway, event_id, body, state, next_try_at)
    VALUES ($1, $2, 'stripe', 'evt', '', $3, $2)
"""


@pytest.mark.parametrize(("state", "goes"), [("done", True), ("waiting", False), ("parked", False)])
async def test_a_month_of_webhooks_goes_once_nothing_of_it_waits(
    database: databases.Database, state: str, goes: bool
) -> None:
    """What is still to be applied, or to be looked at by a person, keeps its month."""
    async with databases.connected(database.owner_dsn) as owner:
        await prepare(owner, today=date(2026, 1, 15), months_ahead=1)
        await owner.execute(INSERT, uuid7(), datetime(2026, 1, 20, tzinfo=UTC), state)

        dropped = await drop_old_webhooks(owner, before=datetime(2026, 2, 1, tzinfo=UTC))
        again = await drop_old_webhooks(owner, before=datetime(2026, 2, 1, tzinfo=UTC))

    assert dropped == (["webhook_inbox_2026_01"] if goes else [])
    assert again == []


async def test_an_answer_goes_after_its_time_and_its_key_stays_as_a_tombstone(database: databases.Database) -> None:
    """The key is refused for ever: never a second execution."""
    async with Database(database.dsn, wait=5.0) as pool:
        vault = Vault(await data_keys.load(pool, MasterKeys({"test": bytes(32)})))
        payments = PostgresPayments(pool, vault, keys_kept_for=timedelta(microseconds=1))
        upkeep = PostgresUpkeep(pool, keys_kept_for=A_MONTH, inbox_kept_for=A_MONTH)
        await opened(payments, a_payment(), key=a_key())
        await payments.store_answer(a_key(), Answer(201, b"told"))

        await upkeep.prune(now())
        assert await pool.row("SELECT 1 FROM idempotency_keys WHERE answer IS NOT NULL")
        await upkeep.prune(now() + A_MONTH + timedelta(minutes=1))

        assert not await pool.row("SELECT 1 FROM idempotency_keys WHERE answer IS NOT NULL")
        with pytest.raises(KeyExpired):
            await payments.open(a_promise(key=a_key()))


async def test_events_go_after_a_week(database: databases.Database) -> None:
    """Nobody waits for them: the history has it all."""
    async with Database(database.dsn, wait=5.0) as pool:
        vault = Vault(await data_keys.load(pool, MasterKeys({"test": bytes(32)})))
        await opened(PostgresPayments(pool, vault, keys_kept_for=A_MONTH), a_payment())
        upkeep = PostgresUpkeep(pool, keys_kept_for=A_MONTH, inbox_kept_for=A_MONTH)

        await upkeep.prune(now() + timedelta(days=6))
        assert await pool.rows("SELECT FROM outbox")
        await upkeep.prune(now() + timedelta(days=8))
        assert not await pool.rows("SELECT FROM outbox")
