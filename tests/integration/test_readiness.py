"""A database that money may be entrusted to, and whether we can serve from it."""

from datetime import timedelta

import pytest

from adapters.postgres.errors import DatabaseError
from adapters.postgres.pools import Database
from adapters.postgres.readiness import (
    PostgresReadiness,
    UnsafeDatabaseError,
    insist_on_durability,
    insist_on_schema,
)
from tests import databases
from tests.builders import now
from tests.fakes import StandingClock


class RunningClock(StandingClock):
    """The time, so much off."""

    def __init__(self, off: timedelta) -> None:
        super().__init__()
        self._off = off

    def now(self) -> "object":  # type: ignore[override]
        return now() + self._off


@pytest.mark.parametrize(("off", "ready"), [(0, True), (4, True), (6, False), (-6, False)])
async def test_clocks_that_are_apart_are_not_ready(database: databases.Database, off: int, ready: bool) -> None:
    """More than 5 s: payments would fall into the wrong order and the wrong month."""
    async with Database(database.dsn, wait=5.0) as pool:
        problems = await PostgresReadiness(pool, RunningClock(timedelta(seconds=off))).problems()  # type: ignore[arg-type]
    assert (problems == []) is ready


async def test_a_missing_month_is_not_ready(database: databases.Database) -> None:
    """A payment of this month would have nowhere to go."""
    async with databases.connected(database.owner_dsn) as owner:
        await owner.execute(f"DROP TABLE payments_{now():%Y_%m}")
    async with Database(database.dsn, wait=5.0) as pool:
        problems = await PostgresReadiness(pool, RunningClock(timedelta(0))).problems()  # type: ignore[arg-type]
    assert problems == ["payments has no partition for this month"]


async def test_a_database_that_does_not_answer_is_not_ready(database: databases.Database) -> None:
    """It is said in words anyone may read."""
    async with Database(database.dsn, wait=0.2) as pool:
        async with databases.connected(database.owner_dsn) as owner:
            await owner.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT 0")
            await owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert await PostgresReadiness(pool, RunningClock(timedelta(0))).problems() == [  # type: ignore[arg-type]
            "the database does not answer"
        ]


async def test_a_database_that_could_lose_a_commit_is_refused(database: databases.Database) -> None:
    """A payment is sent to a gateway once its promise is durable: the setting is named."""
    async with databases.connected(database.owner_dsn) as owner:
        await owner.execute("SET synchronous_commit = off")
        with pytest.raises(UnsafeDatabaseError, match=r"(synchronous_commit|fsync) = off"):
            await insist_on_durability(owner)


async def test_a_schema_behind_the_code_is_refused(
    database: databases.Database, blank_database: databases.Database
) -> None:
    """And the message says what to run."""
    async with databases.connected(database.dsn) as connection:
        await insist_on_schema(connection)
    async with databases.connected(blank_database.owner_dsn) as connection:
        with pytest.raises(DatabaseError, match="payments db migrate"):
            await insist_on_schema(connection)
