"""The coming months are there before they come, whoever makes them, and nobody waits while they are made."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import asyncpg
import pytest

from adapters.postgres.connection import Connection
from adapters.postgres.errors import Busy, PartitionError
from adapters.postgres.partitions import LOCK, PARENTS, Coverage, coverage, prepare
from tests.databases import Database, connected

SOURCE = Path(__file__).parents[2] / "src"
TODAY = date(2026, 11, 5)

_PARENTS = """
    CREATE TABLE payments (
        id         uuid        NOT NULL,
        created_at timestamptz NOT NULL,
        amount     bigint      NOT NULL CHECK (amount > 0),
        PRIMARY KEY (id, created_at)
    ) PARTITION BY RANGE (created_at);
    CREATE INDEX ON payments (amount) WHERE amount > 100;

    CREATE TABLE payment_history (
        payment_id         uuid        NOT NULL,
        payment_created_at timestamptz NOT NULL,
        seq                integer     NOT NULL,
        PRIMARY KEY (payment_id, payment_created_at, seq)
    ) PARTITION BY RANGE (payment_created_at);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'append-only'; END $$;
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payment_history FOR EACH ROW EXECUTE FUNCTION refuse();

    CREATE TABLE refunds (
        id                 uuid        NOT NULL,
        payment_created_at timestamptz NOT NULL,
        PRIMARY KEY (payment_created_at, id)
    ) PARTITION BY RANGE (payment_created_at);

    CREATE TABLE webhook_inbox (
        id         uuid        NOT NULL,
        arrived_at timestamptz NOT NULL,
        position   bigint      GENERATED ALWAYS AS IDENTITY,
        PRIMARY KEY (id, arrived_at)
    ) PARTITION BY RANGE (arrived_at);
"""


@pytest.fixture
async def ledger(blank_database: Database) -> Database:
    """The partitioned tables, without a single month."""
    async with connected(blank_database.owner_dsn) as owner:
        await owner.execute(_PARENTS)
    return blank_database


@pytest.fixture
async def owner(ledger: Database) -> AsyncIterator[Connection]:
    async with connected(ledger.owner_dsn) as connection:
        yield connection


async def ahead(owner: Connection, today: date = TODAY) -> list[int]:
    return [one.months_ahead for one in await coverage(owner, today=today)]


async def store(owner: Connection, moment: datetime) -> str:
    """Put a payment of that moment away, and tell in which table it lies."""
    return str(
        await owner.fetchval(
            "INSERT INTO payments VALUES (gen_random_uuid(), $1, 1) RETURNING tableoid::regclass::text", moment
        )
    )


class TestPreparing:
    async def test_this_month_and_three_more_are_made_for_every_table(self, owner: Connection) -> None:
        """Names say which month; December is followed by January."""
        made = await prepare(owner, today=TODAY)
        assert made == [
            f"{parent}_{month}" for parent in PARENTS for month in ("2026_11", "2026_12", "2027_01", "2027_02")
        ]

    async def test_it_may_be_repeated(self, owner: Connection) -> None:
        """The worker does it every day; a new month makes one more."""
        await prepare(owner, today=TODAY)
        assert await prepare(owner, today=TODAY) == []
        assert await prepare(owner, today=date(2026, 12, 1)) == [f"{parent}_2027_03" for parent in PARENTS]

    async def test_months_are_utc_whatever_the_session_thinks(self, owner: Connection) -> None:
        """Nairobi is three hours ahead, and its month begins in ours."""
        await owner.execute("SET TimeZone = 'Africa/Nairobi'")
        await prepare(owner, today=TODAY)
        assert await store(owner, datetime(2026, 11, 30, 23, 59, 59, 999_999, UTC)) == "payments_2026_11"
        assert await store(owner, datetime(2026, 12, 1, tzinfo=UTC)) == "payments_2026_12"
        assert await prepare(owner, today=TODAY) == []
        assert await ahead(owner) == [3, 3, 3, 3]

    async def test_outside_of_all_months_nothing_is_taken(self, owner: Connection) -> None:
        """There is no default partition: it would make detaching wait."""
        await prepare(owner, today=TODAY)
        with pytest.raises(asyncpg.CheckViolationError, match="no partition"):
            await store(owner, datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC))

    async def test_indexes_and_keys_belong_to_the_parents(self, owner: Connection) -> None:
        """Each index of a parent has its part in every partition, and no partition has one more."""
        await prepare(owner, today=TODAY)
        rows = await owner.fetch("""
            SELECT parent.oid::regclass::text AS parent,
                   (SELECT count(*) FROM pg_index WHERE indrelid = parent.oid) AS wanted,
                   count(*) AS present,
                   count(*) FILTER (WHERE EXISTS (
                       SELECT FROM pg_inherits AS up WHERE up.inhrelid = indexrelid)) AS attached,
                   count(*) FILTER (WHERE indisprimary) AS keys,
                   count(DISTINCT part.inhrelid) AS partitions
              FROM pg_class AS parent
              JOIN pg_inherits AS part ON part.inhparent = parent.oid
              JOIN pg_index ON indrelid = part.inhrelid
             WHERE parent.relkind = 'p'
          GROUP BY parent.oid
        """)
        assert {row["parent"] for row in rows} == set(PARENTS)
        for row in rows:
            assert (row["partitions"], row["keys"]) == (4, 4)
            assert row["present"] == row["attached"] == row["wanted"] * 4

    async def test_rules_of_the_parent_hold_in_its_months(self, owner: Connection) -> None:
        """Checks come with LIKE, triggers with ATTACH; going round the parent helps nobody."""
        await prepare(owner, today=TODAY)
        with pytest.raises(asyncpg.CheckViolationError):
            await owner.execute("INSERT INTO payments_2026_11 VALUES (gen_random_uuid(), '2026-11-05Z', 0)")
        await owner.execute("INSERT INTO payment_history VALUES (gen_random_uuid(), '2026-11-05Z', 1)")
        for forbidden in (
            "UPDATE payment_history SET seq = 2",
            "DELETE FROM payment_history",
            "UPDATE payment_history_2026_11 SET seq = 2",
            "DELETE FROM payment_history_2026_11",
        ):
            with pytest.raises(asyncpg.RaiseError, match="append-only"):
                await owner.execute(forbidden)

    async def test_a_parents_identity_counts_over_all_months(self, owner: Connection) -> None:
        """A partition with a counter of its own would repeat numbers, or could not be attached at all."""
        await prepare(owner, today=TODAY)
        for month in (11, 12):
            arrival = datetime(2026, month, 5, tzinfo=UTC)
            await owner.execute("INSERT INTO webhook_inbox VALUES (gen_random_uuid(), $1)", arrival)
        assert await owner.fetchval("SELECT array_agg(position ORDER BY position) FROM webhook_inbox") == [1, 2]

    async def test_nobody_who_writes_waits_or_is_waited_for(self, ledger: Database, owner: Connection) -> None:
        """PARTITION OF would stand behind every open transaction, and every new payment behind it."""
        await prepare(owner, today=TODAY, months_ahead=0)
        async with connected(ledger.owner_dsn) as writer:
            transaction = writer.transaction()
            await transaction.start()
            await store(writer, datetime(2026, 11, 5, tzinfo=UTC))
            assert len(await prepare(owner, today=TODAY)) == 12
            await store(writer, datetime(2026, 11, 6, tzinfo=UTC))
            await transaction.commit()
            assert await store(writer, datetime(2026, 12, 5, tzinfo=UTC)) == "payments_2026_12"

    async def test_a_missing_table_is_named(self, blank_database: Database) -> None:
        """The message says to migrate first."""
        async with connected(blank_database.owner_dsn) as owner:
            with pytest.raises(PartitionError, match="no table payments"):
                await prepare(owner, today=TODAY)


class TestHealing:
    async def test_an_empty_table_left_unattached_is_made_anew(self, owner: Connection) -> None:
        """It may be older than the parent's last change; nothing is lost with it."""
        await owner.execute("CREATE TABLE payments_2026_12 (id uuid)")
        assert "payments_2026_12" in await prepare(owner, today=TODAY)
        assert await store(owner, datetime(2026, 12, 5, tzinfo=UTC)) == "payments_2026_12"

    async def test_a_table_with_rows_is_attached_with_its_rows(self, owner: Connection) -> None:
        """What somebody copied there by hand is kept."""
        await owner.execute("CREATE TABLE payments_2026_12 (LIKE payments INCLUDING ALL)")
        await owner.execute("INSERT INTO payments_2026_12 VALUES (gen_random_uuid(), '2026-12-05Z', 1)")
        await prepare(owner, today=TODAY)
        assert await owner.fetchval("SELECT count(*) FROM payments") == 1

    async def test_rows_that_do_not_fit_stop_this_month_and_are_kept(self, owner: Connection) -> None:
        """A person must look; the months before are made."""
        await owner.execute("CREATE TABLE payments_2026_12 (LIKE payments INCLUDING ALL)")
        await owner.execute("INSERT INTO payments_2026_12 VALUES (gen_random_uuid(), '2020-01-01Z', 1)")
        with pytest.raises(PartitionError, match="payments_2026_12 could not be made"):
            await prepare(owner, today=TODAY)
        assert await owner.fetchval("SELECT count(*) FROM payments_2026_12") == 1
        assert (await ahead(owner))[0] == 0

    async def test_a_month_under_another_name_is_left_alone(self, owner: Connection) -> None:
        """Bounds count, not names: two partitions for one month cannot be."""
        await owner.execute(
            "CREATE TABLE two_months PARTITION OF payments FOR VALUES FROM ('2026-11-01Z') TO ('2027-01-01Z')"
        )
        made = await prepare(owner, today=TODAY)
        assert [name for name in made if name.startswith("payments_")] == ["payments_2027_01", "payments_2027_02"]


_PREPARES = """
import asyncio, sys, asyncpg
from datetime import date
from adapters.postgres.partitions import prepare
async def main():
    connection = await asyncpg.connect(sys.argv[1])
    sys.stdin.readline()
    print(len(await prepare(connection, today=date(2026, 11, 5))))
    await connection.close()
asyncio.run(main())
"""


class TestTogether:
    async def test_two_processes_make_every_month_once(self, ledger: Database, owner: Connection) -> None:
        """Every worker looks after the partitions."""
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                *("-c", _PREPARES, ledger.owner_dsn),
                env={**os.environ, "PYTHONPATH": str(SOURCE)},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            for _ in range(2)
        ]
        answers = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
        assert sum(int(output) for output, _ in answers) == 16
        assert await ahead(owner) == [3, 3, 3, 3]

    async def test_eight_sessions_make_every_month_once(self, ledger: Database, owner: Connection) -> None:
        """The same with all of them asking in the same millisecond."""

        async def one() -> list[str]:
            async with connected(ledger.owner_dsn) as connection:
                return await prepare(connection, today=TODAY)

        answers = await asyncio.gather(*(one() for _ in range(8)))
        assert sorted(len(made) for made in answers) == [0] * 7 + [16]
        assert await ahead(owner) == [3, 3, 3, 3]

    async def test_where_nothing_is_missing_nobody_waits(self, ledger: Database, owner: Connection) -> None:
        """The daily look needs no lock; making something does."""
        await prepare(owner, today=TODAY)
        async with connected(ledger.owner_dsn) as other:
            await other.execute("SELECT pg_advisory_lock($1)", LOCK)
            assert await prepare(owner, today=TODAY) == []
            with pytest.raises(Busy, match=f"session {other.get_server_pid()}"):
                await prepare(owner, today=TODAY, months_ahead=4, wait_s=0.1)


class TestCoverage:
    async def test_it_counts_months_in_a_row_after_this_one(self, owner: Connection) -> None:
        """A gap ends the count: the gap's payments would have nowhere to go."""
        await prepare(owner, today=TODAY)
        assert await ahead(owner) == [3, 3, 3, 3]
        assert await ahead(owner, date(2027, 1, 31)) == [1, 1, 1, 1]
        assert await ahead(owner, date(2027, 3, 1)) == [-1, -1, -1, -1]
        await owner.execute("DROP TABLE payments_2026_12")
        assert await ahead(owner) == [0, 3, 3, 3]

    async def test_fewer_than_two_is_an_alarm(self) -> None:
        """Two months are time enough for a person; less is not."""
        assert [Coverage("payments", count).is_alarming for count in (-1, 0, 1, 2, 3)] == [True] * 3 + [False] * 2

    async def test_the_application_can_see_it(self, ledger: Database, blank_database: Database) -> None:
        """Readiness asks with the rights it has; a table that is missing counts as uncovered."""
        assert ledger is blank_database
        async with connected(ledger.dsn) as application:
            assert await ahead(application) == [-1, -1, -1, -1]

    async def test_the_template_is_ready_for_payments(self, database: Database) -> None:
        """What every other test relies on: the real tables, prepared."""
        async with connected(database.dsn) as application:
            states = await coverage(application, today=datetime.now(UTC).date())
        assert [state.parent for state in states if state.is_alarming] == []
