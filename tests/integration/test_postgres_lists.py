"""Lists and notes in PostgreSQL: the contracts."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.encryption import MasterKeys, Vault
from adapters.postgres import data_keys
from adapters.postgres.notes import PostgresNotes
from adapters.postgres.open_payments import PostgresOpenPayments
from adapters.postgres.payment_lists import PostgresPaymentLists
from adapters.postgres.payments import PostgresPayments
from adapters.postgres.pools import Database
from tests import databases
from tests.contracts.lists_contract import ListsContract
from tests.contracts.notes_contract import NotesContract


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


class TestPostgresLists(ListsContract):
    @pytest.fixture
    def lists(self, pool: Database, vault: Vault) -> PostgresPaymentLists:
        return PostgresPaymentLists(pool, pool, vault)


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
