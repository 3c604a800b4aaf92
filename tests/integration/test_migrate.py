"""The schema moves forward in order, once, whoever migrates at the same time, and never silently."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from adapters.postgres.connection import Connection
from adapters.postgres.errors import Busy, MigrationError
from adapters.postgres.migrate import FOLDER, LOCK, migrate, pending, reset, status
from adapters.postgres.partitions import prepare
from tests.databases import Database, connected

SOURCE = Path(__file__).parents[2] / "src"
GRANTS = FOLDER / "grants.sql"


@pytest.fixture
async def owner(blank_database: Database) -> AsyncIterator[Connection]:
    async with connected(blank_database.owner_dsn) as connection:
        yield connection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A db/ of two migrations, the second of which needs the first."""
    (tmp_path / "migrations").mkdir()
    write(tmp_path, "0001_shops.sql", "CREATE TABLE shops (id int PRIMARY KEY, name text);")
    write(tmp_path, "0002_owners.sql", "ALTER TABLE shops ADD owner text;\nINSERT INTO shops VALUES (1, 'a', 'b');")
    return tmp_path


def write(folder: Path, name: str, script: str) -> None:
    (folder / "migrations" / name).write_text(script, "utf-8")


class TestMigrating:
    async def test_every_file_is_applied_once_in_the_order_of_names(self, owner: Connection, folder: Path) -> None:
        """A second run finds nothing to do, and a new file is applied alone."""
        first = await migrate(owner, folder, app_role=None)
        again = await migrate(owner, folder, app_role=None)
        write(folder, "0003_more.sql", "INSERT INTO shops VALUES (2, 'c', 'd')")
        more = await migrate(owner, folder, app_role=None)

        assert [applied.name for applied in first] == ["0001_shops.sql", "0002_owners.sql"]
        assert again == []
        assert [applied.name for applied in more] == ["0003_more.sql"]
        assert await owner.fetchval("SELECT count(*) FROM shops") == 2

    async def test_a_changed_file_is_refused_by_name(self, owner: Connection, folder: Path) -> None:
        """What ran cannot be rewritten; databases of the same version would differ."""
        await migrate(owner, folder, app_role=None)
        write(folder, "0001_shops.sql", "CREATE TABLE shops (id bigint PRIMARY KEY, name text);")
        write(folder, "0003_more.sql", "INSERT INTO shops VALUES (2, 'c', 'd')")

        with pytest.raises(MigrationError, match=r"Changed after it was applied: 0001_shops\.sql"):
            await migrate(owner, folder, app_role=None)
        assert await owner.fetchval("SELECT count(*) FROM shops") == 1

    async def test_a_failing_file_leaves_nothing_of_itself(self, owner: Connection, folder: Path) -> None:
        """What came before it stays; corrected, it goes on from there."""
        write(folder, "0003_bad.sql", "CREATE TABLE half ();\n\nSELECT nonsense;")
        with pytest.raises(MigrationError, match=r'0003_bad\.sql, line 3: column "nonsense" does not exist'):
            await migrate(owner, folder, app_role=None)
        assert await owner.fetchval("SELECT to_regclass('half')") is None
        assert await pending(owner, folder) == ["0003_bad.sql"]

        write(folder, "0003_bad.sql", "CREATE TABLE half ();")
        assert [applied.name for applied in await migrate(owner, folder, app_role=None)] == ["0003_bad.sql"]

    async def test_an_error_quotes_no_rows(self, owner: Connection, folder: Path) -> None:
        """PostgreSQL's DETAIL holds what is in the table, and errors are logged."""
        write(folder, "0003_bad.sql", "INSERT INTO shops VALUES (1, 'secret', 'secret')")
        with pytest.raises(MigrationError, match="23505") as caught:
            await migrate(owner, folder, app_role=None)
        assert "DETAIL" not in str(caught.value)
        assert "(id)=(1)" not in str(caught.value)
        assert caught.value.__suppress_context__

    async def test_a_file_may_not_end_its_transaction(self, owner: Connection, folder: Path) -> None:
        """Else it could be applied and not noted, or half of it."""
        write(folder, "0003_commits.sql", "CREATE TABLE one (); COMMIT;")
        with pytest.raises(MigrationError, match="ends its own transaction"):
            await migrate(owner, folder, app_role=None)

    async def test_a_folder_without_migrations_is_an_error(self, owner: Connection, tmp_path: Path) -> None:
        """A wrong path must not look like a schema that is up to date."""
        for question in (migrate(owner, tmp_path, app_role=None), pending(owner, tmp_path)):
            with pytest.raises(MigrationError, match="No migrations in"):
                await question

    async def test_the_connections_own_limits_come_back(self, owner: Connection, folder: Path) -> None:
        """Migrations run under limits of their own, which nobody else should meet."""
        await owner.execute("SET lock_timeout = '7s'; SET statement_timeout = '8s'")
        write(folder, "0003_limits.sql", "CREATE TABLE limits AS SELECT current_setting('lock_timeout') AS locks")
        await migrate(owner, folder, app_role=None)
        assert await owner.fetchval("SELECT locks FROM limits") == "5s"
        assert await owner.fetchval("SHOW lock_timeout") == "7s"
        assert await owner.fetchval("SHOW statement_timeout") == "8s"


class TestWithoutTransaction:
    async def test_an_index_can_be_made_while_others_write(self, owner: Connection, folder: Path) -> None:
        """The first line says so; PostgreSQL allows it outside transactions only."""
        write(
            folder,
            "0003_index.sql",
            "-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS by_name ON shops (name)",
        )
        await migrate(owner, folder, app_role=None)
        assert await owner.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_name'::regclass") is True

    async def test_half_an_index_is_not_taken_for_a_whole_one(self, owner: Connection, folder: Path) -> None:
        """A failed attempt leaves an index that IF NOT EXISTS would accept and no query would use."""
        write(folder, "0003_same.sql", "INSERT INTO shops SELECT n, 'same' FROM generate_series(2, 3) AS n")
        write(
            folder,
            "0004_index.sql",
            "-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS u ON shops (name)",
        )
        with pytest.raises(MigrationError, match="could not create unique index"):
            await migrate(owner, folder, app_role=None)
        with pytest.raises(MigrationError, match="left u unfinished"):
            await migrate(owner, folder, app_role=None)

        await owner.execute("DELETE FROM shops WHERE id = 2; ")
        await owner.execute("DROP INDEX CONCURRENTLY u")
        assert [applied.name for applied in await migrate(owner, folder, app_role=None)] == ["0004_index.sql"]


_MIGRATES = """
import asyncio, sys, asyncpg
from pathlib import Path
from adapters.postgres.migrate import migrate
async def main():
    connection = await asyncpg.connect(sys.argv[1])
    sys.stdin.readline()
    print(len(await migrate(connection, Path(sys.argv[2]), app_role=None)))
    await connection.close()
asyncio.run(main())
"""


class TestTogether:
    async def test_eight_processes_apply_every_file_once(
        self, blank_database: Database, owner: Connection, folder: Path
    ) -> None:
        """Every copy of the service may migrate as it starts, indexes without a transaction among it."""
        write(folder, "0003_index.sql", "-- no-transaction\nCREATE INDEX CONCURRENTLY by_name ON shops (name)")
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                *("-c", _MIGRATES, blank_database.owner_dsn, folder),
                env={**os.environ, "PYTHONPATH": str(SOURCE)},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            for _ in range(8)
        ]
        answers = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))

        assert sorted(int(output) for output, _ in answers) == [0] * 7 + [3]
        assert await owner.fetchval("SELECT count(*) FROM schema_migrations") == 3

    async def test_eight_sessions_apply_every_file_once(self, blank_database: Database, folder: Path) -> None:
        """The same with all of them asking in the same millisecond."""
        write(folder, "0003_index.sql", "-- no-transaction\nCREATE INDEX CONCURRENTLY by_name ON shops (name)")

        async def one() -> int:
            async with connected(blank_database.owner_dsn) as connection:
                return len(await migrate(connection, folder, app_role=None))

        assert sorted(await asyncio.gather(*(one() for _ in range(8)))) == [0] * 7 + [3]

    async def test_waiting_for_another_ends_with_its_name(
        self, blank_database: Database, owner: Connection, folder: Path
    ) -> None:
        """Who waits too long learns which session to look at."""
        async with connected(blank_database.owner_dsn) as other:
            await other.execute("SELECT pg_advisory_lock($1)", LOCK)
            with pytest.raises(Busy, match=f"session {other.get_server_pid()}"):
                await migrate(owner, folder, app_role=None, wait_s=0.1)
            await other.execute("SELECT pg_advisory_unlock($1)", LOCK)
            assert len(await migrate(owner, folder, app_role=None)) == 2

    async def test_a_lost_session_leaves_no_lock_and_no_half(
        self, blank_database: Database, owner: Connection, folder: Path
    ) -> None:
        """The database drops both with the connection; the next one starts over."""
        write(folder, "0003_slow.sql", "CREATE TABLE half (); SELECT pg_terminate_backend(pg_backend_pid());")
        async with connected(blank_database.owner_dsn) as lost:
            with pytest.raises(MigrationError, match="0003_slow"):
                await migrate(lost, folder, app_role=None)

        write(folder, "0003_slow.sql", "CREATE TABLE half ();")
        assert [applied.name for applied in await migrate(owner, folder, app_role=None)] == ["0003_slow.sql"]


class TestLooking:
    async def test_status_shows_waiting_changed_and_unknown(self, owner: Connection, folder: Path) -> None:
        """One look tells whether code and database belong together."""
        assert [state.applied_at for state in await status(owner, folder)] == [None, None]
        await migrate(owner, folder, app_role=None)
        (folder / "migrations" / "0002_owners.sql").rename(folder / "migrations" / "0003_owners.sql")
        write(folder, "0001_shops.sql", "-- changed")

        states = await status(owner, folder)
        assert [(state.name, bool(state.applied_at), state.changed, state.known) for state in states] == [
            ("0001_shops.sql", True, True, True),
            ("0002_owners.sql", True, False, False),
            ("0003_owners.sql", False, False, True),
        ]

    async def test_the_application_can_tell_that_the_schema_is_behind(
        self, blank_database: Database, owner: Connection, folder: Path
    ) -> None:
        """The service refuses to start then, and it does not have the owner's password."""
        (folder / "grants.sql").write_text(GRANTS.read_text("utf-8"), "utf-8")
        async with connected(blank_database.dsn) as application:
            assert len(await pending(application, folder)) == 2
            await migrate(owner, folder, app_role=blank_database.application)
            assert await pending(application, folder) == []

    async def test_a_reset_leaves_an_empty_schema(self, owner: Connection, folder: Path) -> None:
        """And everything can be applied again."""
        await migrate(owner, folder, app_role=None)
        await reset(owner)
        assert await owner.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        assert len(await migrate(owner, folder, app_role=None)) == 2


_LEDGER = """
    CREATE TABLE payments (id uuid, created_at timestamptz, PRIMARY KEY (id, created_at))
        PARTITION BY RANGE (created_at);
    CREATE TABLE payment_history (payment_id uuid, payment_created_at timestamptz, seq int, PRIMARY KEY
        (payment_id, payment_created_at, seq)) PARTITION BY RANGE (payment_created_at);
    CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event text);
"""
_DAY = date(2026, 11, 5)
_INSERT = "INSERT INTO {} VALUES (gen_random_uuid(), '2026-11-05Z'{})"


class TestGrants:
    @pytest.fixture
    async def application(
        self, blank_database: Database, owner: Connection, tmp_path: Path
    ) -> AsyncIterator[Connection]:
        """The application's session; two partitions are there before the rights are given, two come after."""
        (tmp_path / "migrations").mkdir()
        write(tmp_path, "0001_ledger.sql", _LEDGER)
        (tmp_path / "grants.sql").write_text(GRANTS.read_text("utf-8"), "utf-8")
        parents = ("payments", "payment_history")
        await migrate(owner, tmp_path, app_role=None)
        await prepare(owner, today=_DAY.replace(month=10), months_ahead=0, parents=parents)
        await migrate(owner, tmp_path, app_role=blank_database.application)
        await prepare(owner, today=_DAY, months_ahead=0, parents=parents)
        async with connected(blank_database.dsn) as connection:
            yield connection

    async def test_rights_on_the_parent_suffice_for_later_partitions(self, application: Connection) -> None:
        """No default privileges are needed: rights are checked on the table that the statement names."""
        await application.execute(_INSERT.format("payments", ""))
        await application.execute("UPDATE payments SET id = gen_random_uuid()")
        await application.execute("DELETE FROM payments")
        await application.execute(_INSERT.format("payment_history", ", 1"))
        await application.execute("INSERT INTO outbox (event) VALUES ('told')")

    @pytest.mark.parametrize(
        "forbidden",
        [
            "UPDATE payment_history SET seq = 2",
            "DELETE FROM payment_history",
            "TRUNCATE payment_history",
            "UPDATE payment_history_2026_10 SET seq = 2",
            "DELETE FROM payment_history_2026_11",
            "SELECT FROM payments_2026_11",
            "DELETE FROM schema_migrations",
            "TRUNCATE outbox",
            "CREATE TABLE mine ()",
        ],
    )
    async def test_what_the_application_must_not_do_it_cannot(self, application: Connection, forbidden: str) -> None:
        """History is append only, and no partition is a way round that."""
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await application.execute(forbidden)

    async def test_a_role_that_is_missing_is_named(self, owner: Connection, folder: Path) -> None:
        """The message says what to create."""
        (folder / "grants.sql").write_text(GRANTS.read_text("utf-8"), "utf-8")
        with pytest.raises(MigrationError, match='no role "nobody_at_all"'):
            await migrate(owner, folder, app_role="nobody_at_all")

    async def test_a_roles_name_is_quoted_not_trusted(self, owner: Connection, folder: Path) -> None:
        """It comes from the environment."""
        strange = """Bobby"; DROP TABLE shops; --' $$ %s"""
        quoted = '"' + strange.replace('"', '""') + '"'
        (folder / "grants.sql").write_text(GRANTS.read_text("utf-8"), "utf-8")
        await owner.execute(f"CREATE ROLE {quoted}")
        try:
            await migrate(owner, folder, app_role=strange)
            assert await owner.fetchval("SELECT has_table_privilege($1, 'shops', 'INSERT')", strange) is True
        finally:
            await owner.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {quoted}")
            await owner.execute(f"REVOKE ALL ON SCHEMA public FROM {quoted}; DROP ROLE {quoted}")
