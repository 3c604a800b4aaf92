"""
Applies `db/migrations/*.sql` in the order of their names, each exactly once, then `db/grants.sql`.

A file is one transaction, together with the note that it was applied. Where PostgreSQL forbids that (CREATE INDEX
CONCURRENTLY), the first line is `-- no-transaction` and the file is one statement that may be repeated (IF NOT
EXISTS): a crash can come between it and its note. Applied files never change; a change is a new file.
"""

import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import asyncpg

from adapters.postgres.advisory_lock import exclusively
from adapters.postgres.connection import Connection
from adapters.postgres.errors import Busy, MigrationError

#: The checkout's folder: the service is installed from it, in place.
FOLDER: Final = Path(__file__).parents[3] / "db"
#: Any number, but the same in every process.
LOCK: Final = 1_835_625_316
_WAIT_S: Final = 60.0

_BLOCKS_OTHERS_AT_MOST = "5s"
_RUNS_AT_MOST = "15min"

_CREATE = """
    CREATE TABLE IF NOT EXISTS public.schema_migrations (
        name        text        PRIMARY KEY,
        checksum    text        NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),  -- SHA-256 of the file
        applied_at  timestamptz NOT NULL DEFAULT now(),
        duration_ms integer     NOT NULL
    )
"""
_EXISTS = "SELECT to_regclass('public.schema_migrations') IS NOT NULL"
_ALL = "SELECT name, checksum, applied_at FROM public.schema_migrations"
_BROKEN_INDEXES = """
    SELECT relname AS name
      FROM pg_index
      JOIN pg_class ON oid = indexrelid
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'i' AND NOT indisvalid
"""
_NOTE = "INSERT INTO public.schema_migrations (name, checksum, duration_ms) VALUES ($1, $2, $3)"


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration that was applied just now."""

    name: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationStatus:
    """Where one migration stands. `known` is false for one that newer code has applied."""

    name: str
    applied_at: datetime | None
    changed: bool = False
    known: bool = True


@dataclass(frozen=True, slots=True)
class _Migration:
    name: str
    script: str
    checksum: str

    @classmethod
    def read(cls, path: Path) -> Self:
        content = path.read_bytes()
        return cls(path.name, content.decode(), hashlib.sha256(content).hexdigest())

    @property
    def in_transaction(self) -> bool:
        return self.script.partition("\n")[0].strip() != "-- no-transaction"


async def migrate(
    connection: Connection, folder: Path = FOLDER, *, app_role: str | None, wait_s: float = _WAIT_S
) -> list[Applied]:
    """
    Apply what is missing, in order, and give `app_role` its rights. Any number of processes may do this at once.

    `connection` belongs to the owner and is in no transaction; its timeouts are as before afterwards.

    Raises:
        MigrationError: a file fails, or an applied one was changed since; what came before it stays applied.
        Busy: another process was still migrating after `wait_s` seconds.
    """
    files = _files(folder)
    async with _alone(connection, wait_s):
        await connection.execute(_CREATE)
        states = _compare(files, await connection.fetch(_ALL))
        if changed := [state.name for state in states if state.changed]:
            raise MigrationError(
                f"Changed after it was applied: {', '.join(changed)}. Restore it, and write a new migration instead."
            )
        missing = {state.name for state in states if state.applied_at is None}
        applied = [await _apply(connection, file) for file in files if file.name in missing]
        if app_role and (grants := _grants(folder)):
            await _grant(connection, grants, app_role)
    return applied


async def status(connection: Connection, folder: Path = FOLDER) -> list[MigrationStatus]:
    """Every migration that the code or the database knows, by name. Needs no more than SELECT."""
    rows = await connection.fetch(_ALL) if await connection.fetchval(_EXISTS) else []
    return _compare(_files(folder), rows)


async def pending(connection: Connection, folder: Path = FOLDER) -> list[str]:
    """What this code needs and the database does not have: not empty means that the service must not start."""
    return [state.name for state in await status(connection, folder) if state.applied_at is None]


async def reset(connection: Connection, *, wait_s: float = _WAIT_S) -> None:
    """
    Drop everything in the schema `public`. It asks nobody: its caller guards production.

    Raises:
        Busy: another process was still migrating after `wait_s` seconds, or the tables are in use.
    """
    async with _alone(connection, wait_s):
        try:
            await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        except asyncpg.LockNotAvailableError:
            raise Busy("The tables are in use. Stop the service, then try again.") from None


def _files(folder: Path) -> list[_Migration]:
    found = sorted((folder / "migrations").glob("*.sql"))
    if not found:
        raise MigrationError(f"No migrations in {folder / 'migrations'}. Run from a checkout, or name its folder db/.")
    return [_Migration.read(path) for path in found]


def _grants(folder: Path) -> str | None:
    path = folder / "grants.sql"
    return path.read_text("utf-8") if path.exists() else None


def _compare(files: list[_Migration], rows: list[asyncpg.Record]) -> list[MigrationStatus]:
    applied = {row["name"]: row for row in rows}
    ours = [
        MigrationStatus(name=file.name, applied_at=row["applied_at"], changed=row["checksum"] != file.checksum)
        if (row := applied.pop(file.name, None))
        else MigrationStatus(name=file.name, applied_at=None)
        for file in files
    ]
    theirs = [MigrationStatus(name=row["name"], applied_at=row["applied_at"], known=False) for row in applied.values()]
    return sorted(ours + theirs, key=lambda state: state.name)


async def _apply(connection: Connection, file: _Migration) -> Applied:
    begun = time.monotonic()
    try:
        if not file.in_transaction:
            return await _apply_alone(connection, file, begun)
        await _limit(connection, _BLOCKS_OTHERS_AT_MOST, _RUNS_AT_MOST)
        async with connection.transaction():
            await connection.execute(file.script)
            if not connection.is_in_transaction():
                raise MigrationError(f"{file.name} ends its own transaction. Remove COMMIT and ROLLBACK from it.")
            return await _note(connection, file, begun)
    except asyncpg.PostgresError as error:
        # Not chained: the cause's DETAIL quotes rows, and rows are people.
        raise MigrationError(f"{file.name}{_place(file, error)}: {error.args[0]} ({error.sqlstate})") from None
    except asyncpg.InterfaceError:
        if not connection.is_closed():
            raise
        raise MigrationError(f"{file.name}: the connection was lost. Migrate again.") from None


async def _apply_alone(connection: Connection, file: _Migration, begun: float) -> Applied:
    # It waits for other people's transactions but makes nobody wait, and a limit would leave half an index behind.
    await _limit(connection, "0", "0")
    await connection.execute(file.script)
    if broken := await connection.fetch(_BROKEN_INDEXES):
        raise MigrationError(
            f"{file.name}: an earlier attempt left {', '.join(row['name'] for row in broken)} unfinished and unused. "
            "DROP INDEX CONCURRENTLY it, then migrate again."
        )
    return await _note(connection, file, begun)


async def _note(connection: Connection, file: _Migration, begun: float) -> Applied:
    duration_ms = round((time.monotonic() - begun) * 1000)
    await connection.execute(_NOTE, file.name, file.checksum, duration_ms)
    return Applied(file.name, duration_ms)


def _place(file: _Migration, error: asyncpg.PostgresError) -> str:
    position = str(getattr(error, "position", None) or "")
    return f", line {file.script.count(chr(10), 0, int(position) - 1) + 1}" if position.isdigit() else ""


async def _grant(connection: Connection, grants: str, app_role: str) -> None:
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", app_role):
        raise MigrationError(f'There is no role "{app_role}" to grant rights to. Create it, or correct DB_USER.')
    quoted = '"' + app_role.replace('"', '""') + '"'
    async with connection.transaction():
        await connection.execute(grants.replace(':"app_role"', quoted))


@asynccontextmanager
async def _alone(connection: Connection, wait_s: float) -> AsyncIterator[None]:
    """One migrating process at a time, under limits of its own."""
    if connection.is_in_transaction():
        raise MigrationError("A migration makes its own transactions. Give it a connection that is in none.")
    before = [await connection.fetchval(f"SHOW {name}") for name in ("lock_timeout", "statement_timeout")]
    async with exclusively(connection, LOCK, wait_s=wait_s, work="Migrating"):
        try:
            await _limit(connection, _BLOCKS_OTHERS_AT_MOST, _RUNS_AT_MOST)
            yield
        finally:
            if not connection.is_closed():
                await _limit(connection, *before)


async def _limit(connection: Connection, lock: str, statement: str) -> None:
    await connection.execute(f"SET lock_timeout = '{lock}'; SET statement_timeout = '{statement}'")
