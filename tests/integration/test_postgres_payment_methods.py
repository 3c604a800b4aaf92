"""Saved methods and idempotency keys in PostgreSQL: the contracts, and what only a database can promise."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from adapters.encryption import MasterKeys, Vault
from adapters.postgres import data_keys
from adapters.postgres.idempotency import PostgresIdempotencyKeys
from adapters.postgres.payment_methods import PostgresPaymentMethods, PostgresUnkeptMethods
from adapters.postgres.pools import Database
from application.ports.payments import Answer
from tests import databases
from tests.builders import SOMEONE, a_key, now
from tests.contracts.idempotency_contract import IdempotencyContract
from tests.contracts.payment_methods_contract import PaymentMethodsContract, saved, saved_phone


@pytest.fixture
async def pool(database: databases.Database) -> AsyncIterator[Database]:
    async with Database(database.dsn, size=8, set_aside=2, wait=5.0) as pool:
        yield pool


@pytest.fixture
async def vault(pool: Database) -> Vault:
    return Vault(await data_keys.load(pool, MasterKeys({"test": bytes(32)})))


class Both(PostgresPaymentMethods, PostgresUnkeptMethods):
    """The two adapters over the same tables."""

    def __init__(self, database: Database, vault: Vault) -> None:
        PostgresPaymentMethods.__init__(self, database, vault)
        PostgresUnkeptMethods.__init__(self, database, account="test")


@pytest.fixture
def methods(pool: Database, vault: Vault) -> Both:
    return Both(pool, vault)


@pytest.fixture
def keys(pool: Database, vault: Vault) -> PostgresIdempotencyKeys:
    return PostgresIdempotencyKeys(pool, vault, keys_kept_for=timedelta(days=30))


class TestPostgresPaymentMethods(PaymentMethodsContract):
    pass


class TestPostgresIdempotencyKeys(IdempotencyContract):
    pass


async def test_nothing_personal_can_be_read_without_the_keys(
    methods: Both, keys: PostgresIdempotencyKeys, database: databases.Database
) -> None:
    """A phone, a token and an answer are encrypted or blinded: a dump of the database gives nobody away."""
    await saved_phone(methods, "254712345678")
    await saved(methods, token="tok_canary")
    claim = uuid7()
    await keys.claim(a_key(), claim, now(), timedelta(minutes=1))
    await keys.answer(a_key(), claim, Answer(201, b"secret-answer"))

    async with databases.connected(database.owner_dsn) as owner:
        dump = ""
        for table in ("payment_methods", "unkept_methods", "gateway_customers", "default_methods", "idempotency_keys"):
            dump += str(await owner.fetch(f"SELECT t::text FROM {table} AS t"))  # noqa: S608 - our own tables

    assert str(SOMEONE) in dump
    for canary in ("712345678", "tok_canary", "secret-answer"):
        assert canary not in dump
        assert canary.encode().hex() not in dump


async def test_the_database_itself_refuses_a_second_default(methods: Both, database: databases.Database) -> None:
    """Whatever writes to it: one user prefers one method, and none that is gone."""
    one, two = await saved(methods, "one"), await saved(methods, "two")
    await methods.prefer(SOMEONE, one)

    async with databases.connected(database.dsn) as connection:
        for method in (two, uuid7()):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError):
                await connection.execute("INSERT INTO default_methods VALUES ($1, $2)", SOMEONE, method)


async def test_an_account_has_customers_of_its_own(methods: Both, pool: Database) -> None:
    """A customer of test mode is none in live mode."""
    live = PostgresUnkeptMethods(pool, account="live")

    assert await methods.own(SOMEONE, "cus_test") == "cus_test"
    assert await live.own(SOMEONE, "cus_live") == "cus_live"
