"""Drops the months of webhooks that nobody needs any more."""

from datetime import datetime
from typing import Final

from adapters.postgres.advisory_lock import exclusively
from adapters.postgres.connection import Connection

#: Any number, but the same in every process.
LOCK: Final = 1_886_549_621

_OLD: Final = r"""
    SELECT child.relname AS name, inhdetachpending AS half_detached
      FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
     WHERE inhparent = 'webhook_inbox'::regclass
       AND (regexp_match(pg_get_expr(child.relpartbound, child.oid), 'TO \(''(.+?)''\)'))[1]::timestamptz <= $1
     ORDER BY child.relname
"""


async def drop_old_webhooks(connection: Connection, *, before: datetime, wait_s: float = 10.0) -> list[str]:
    """
    Drops the months that ended by `before` and hold nothing that still waits to be applied or looked at.

    Detached concurrently, so that webhooks keep coming in; a detach that was cut short is finished by the next run.

    Raises:
        Busy: another process is at it and did not finish in time.
    """
    dropped: list[str] = []
    async with exclusively(connection, LOCK, wait_s=wait_s, work="dropping old webhooks"):
        for name, half_detached in await connection.fetch(_OLD, before):
            if await connection.fetchval(f"SELECT EXISTS (SELECT FROM \"{name}\" WHERE state <> 'done')"):  # noqa: S608
                continue
            how = "FINALIZE" if half_detached else "CONCURRENTLY"
            await connection.execute(f'ALTER TABLE webhook_inbox DETACH PARTITION "{name}" {how}')
            await connection.execute(f'DROP TABLE "{name}"')
            dropped.append(name)
    return dropped
