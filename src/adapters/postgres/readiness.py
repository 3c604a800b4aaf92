"""Whether the database is one that money may be entrusted to, and whether we can serve from it now."""

from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from adapters.postgres import migrate, partitions
from adapters.postgres.connection import Connection
from adapters.postgres.errors import DatabaseError
from adapters.postgres.pools import Database
from application.ports.platform import Clock
from domain.errors import Unavailable

#: Clocks further apart than this put payments into the wrong order and the wrong month.
CLOCKS_APART: Final = timedelta(seconds=5)

_SAFE: Final = {
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "synchronous_commit": {"on", "remote_apply", "remote_write"},
}


class UnsafeDatabaseError(DatabaseError):
    """The database could lose what it confirmed."""


async def insist_on_durability(connection: Connection) -> None:
    """
    A payment is sent to a gateway once its promise is durable: a database that only pretends is refused.

    Raises:
        UnsafeDatabaseError: names the setting.
    """
    for name, accepted in _SAFE.items():
        value = await connection.fetchval("SELECT current_setting($1)", name)
        if value not in accepted:
            raise UnsafeDatabaseError(
                f"PostgreSQL runs with {name} = {value}; it must be {' or '.join(sorted(accepted))}"
            )


async def insist_on_schema(connection: Connection) -> None:
    """
    Raises:
        DatabaseError: migrations of this code have not been applied; names them.
    """
    missing = await migrate.pending(connection)
    if missing:
        raise DatabaseError(f"the schema is behind this code: run `payments db migrate` ({', '.join(missing)})")


class PostgresReadiness:
    """What an operator should know before requests are sent here."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def problems(self) -> list[str]:
        """What is wrong, in words anyone may read; nothing where all is well."""
        try:
            return await self._look()
        except (Unavailable, asyncpg.PostgresError):
            return ["the database does not answer"]

    async def _look(self) -> list[str]:
        async with self._database.connection() as connection:
            before = self._clock.now()
            theirs: datetime = await connection.fetchval("SELECT clock_timestamp()")
            ours = before + (self._clock.now() - before) / 2
            found = ["the database cannot be written to"] * await connection.fetchval("SELECT pg_is_in_recovery()")
            if abs(theirs - ours) > CLOCKS_APART:
                found.append(f"our clock and the database's are more than {CLOCKS_APART.seconds} s apart")
            coverage = await partitions.coverage(connection, today=datetime.now(UTC).date())
            found += [f"{table.parent} has no partition for this month" for table in coverage if table.months_ahead < 0]
            return found
