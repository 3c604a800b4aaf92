"""The inbox in PostgreSQL: the contract."""

from collections.abc import AsyncIterator

import pytest

from adapters.encryption import MasterKeys, Vault
from adapters.postgres import data_keys
from adapters.postgres.inbox import PostgresInbox
from adapters.postgres.pools import Database
from tests import databases
from tests.contracts.inbox_contract import InboxContract


class TestPostgresInbox(InboxContract):
    @pytest.fixture
    async def inbox(self, database: databases.Database) -> AsyncIterator[PostgresInbox]:
        async with Database(database.dsn, size=8, set_aside=2, wait=5.0) as pool:
            yield PostgresInbox(pool, Vault(await data_keys.load(pool, MasterKeys({"test": bytes(32)}))))
