"""What an operator does with the database by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from adapters.postgres import migrate as migrations
from adapters.postgres.connection import Connection
from adapters.postgres.errors import Busy, DatabaseError
from domain.errors import Unavailable
from entrypoints.local import furnished, local_database, prepare_database, reached
from entrypoints.settings import ConfigurationError, Settings, load

#: What goes wrong with a database, and an operator can mend.
TROUBLE: Final = (DatabaseError, Unavailable, OSError, asyncpg.PostgresError)


#: Of other roles, an owner sees no more than that they are there.
_OTHER_SESSIONS: Final = """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE datname = current_database()
       AND usesysid IS NOT NULL
       AND pid <> pg_backend_pid()
"""


async def migrate() -> list[str]:
    """The names of what was applied."""
    with local_database(furnished(load(to_serve=False))) as settings:
        return await prepare_database(settings)


async def status() -> list[dict[str, Any]]:
    """Each migration, when it was applied, and what is wrong with it."""
    async with _owner() as (owner, _):
        return [
            {
                "name": one.name,
                "applied_at": one.applied_at.isoformat(timespec="seconds") if one.applied_at else None,
                "problem": _problem(one),
            }
            for one in await migrations.status(owner)
        ]


async def reset() -> None:
    """
    Everything dropped, everything migrated.

    Raises:
        Busy: somebody else is connected, most likely the service: its payments would vanish under it.
    """
    async with _owner() as (owner, settings):
        others = await owner.fetchval(_OTHER_SESSIONS)
        if others:
            raise Busy(f"{others} other sessions are open in this database: stop the service (`payments up`) first.")
        await migrations.reset(owner)
        await prepare_database(settings)


@asynccontextmanager
async def _owner() -> AsyncIterator[tuple[Connection, Settings]]:
    with local_database(furnished(load(to_serve=False))) as settings:
        if settings.owner_dsn is None:
            raise ConfigurationError("DATABASE_URL (or DB_HOST, DB_USER, DB_PASSWORD) must be set")
        async with reached(settings.owner_dsn) as owner:
            yield owner, settings


def _problem(one: migrations.MigrationStatus) -> str | None:
    if one.changed:
        return "was changed after it was applied"
    if one.applied_at is None:
        return "not applied"
    return None if one.known else "unknown to this code"
