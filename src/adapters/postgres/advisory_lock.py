"""One process at a time, by a lock that PostgreSQL keeps for us and drops when our connection is lost."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from adapters.postgres.connection import Connection
from adapters.postgres.errors import Busy

_POLL_S: Final = 0.05

_HOLDER: Final = """
    SELECT pid
      FROM pg_locks
      JOIN pg_database ON pg_database.oid = database AND datname = current_database()
     WHERE locktype = 'advisory' AND granted AND (classid, objid) = (0, $1)
"""


@asynccontextmanager
async def exclusively(connection: Connection, key: int, *, wait_s: float, work: str) -> AsyncIterator[None]:
    """
    Hold the lock `key` (below 2^31) of this database; `work` says in errors what it guards.

    It asks again and again rather than waiting inside PostgreSQL: CREATE INDEX CONCURRENTLY and DETACH PARTITION
    CONCURRENTLY wait for every statement that is running, so one that waits for their lock would be a deadlock.

    Raises:
        Busy: somebody else held it for `wait_s` seconds.
    """
    # No asyncio.timeout here: cancelling a question whose answer is "yes" would keep the lock.
    deadline = time.monotonic() + wait_s
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
        if time.monotonic() > deadline:
            holder = await connection.fetchval(_HOLDER, key)
            raise Busy(
                f"{work}: another process still does this after {wait_s:g} s (database session {holder}). "
                "Wait for it and try again, or see in pg_stat_activity what it waits for."
            )
        await asyncio.sleep(_POLL_S)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", key)
