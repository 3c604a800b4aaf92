"""
Makes the coming months before they come: without a partition, a payment has nowhere to go.

A month is made by CREATE TABLE … LIKE and ATTACH, because PARTITION OF would lock the whole parent against everybody.
Both are one transaction; a table that was left unattached (by hand, by another tool) is attached, or replaced if
empty. A CHECK of the bounds before ATTACH would save a scan, but of a new table there is nothing to scan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Final

import asyncpg

from adapters.postgres.advisory_lock import exclusively
from adapters.postgres.connection import Connection
from adapters.postgres.errors import PartitionError

#: Parent -> the column whose UTC month decides. A payment's whole story sits in the month of the payment.
PARENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "payments": "created_at",
        "payment_history": "payment_created_at",
        "refunds": "payment_created_at",
        "webhook_inbox": "arrived_at",
    }
)
#: Fewer months ahead than this, and somebody must be woken.
ALARM_BELOW: Final = 2
#: Any number, but the same in every process.
LOCK: Final = 1_886_549_620
_WAIT_S: Final = 10.0

#: Months whose rows have a place. The session's time zone does not matter: PostgreSQL prints the bounds' offset.
_COVERED = r"""
    SELECT parent.relname AS parent,
           (regexp_match(pg_get_expr(child.relpartbound, child.oid), 'FROM \(''(.+?)''\)'))[1]::timestamptz AS starts,
           (regexp_match(pg_get_expr(child.relpartbound, child.oid), 'TO \(''(.+?)''\)'))[1]::timestamptz AS ends
      FROM pg_inherits
      JOIN pg_class AS child  ON child.oid = inhrelid
      JOIN pg_class AS parent ON parent.oid = inhparent
     WHERE inhparent = ANY (SELECT to_regclass(name) FROM unnest($1::text[]) AS name)
       AND child.relkind IN ('r', 'p')   -- indexes inherit, too
       AND NOT inhdetachpending          -- half detached takes no rows any more
"""

#: Identity is left out: PostgreSQL 17 and newer refuse a partition that counts for itself.
_CREATE = 'CREATE TABLE "{name}" (LIKE "{parent}" INCLUDING ALL EXCLUDING IDENTITY)'
_ATTACH = """
    ALTER TABLE "{parent}" ATTACH PARTITION "{name}"
          FOR VALUES FROM ('{starts:%Y-%m-%d} 00:00:00+00') TO ('{ends:%Y-%m-%d} 00:00:00+00')
"""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many months in a row a table has after the current one; -1 if not even that."""

    parent: str
    months_ahead: int

    @property
    def is_alarming(self) -> bool:
        return self.months_ahead < ALARM_BELOW


@dataclass(frozen=True, slots=True, order=True)
class _Month:
    year: int
    month: int

    @property
    def begins(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def next(self) -> "_Month":
        return _Month(self.year + self.month // 12, self.month % 12 + 1)

    def and_more(self, count: int) -> "list[_Month]":
        months = [self]
        for _ in range(count):
            months.append(months[-1].next)
        return months


async def prepare(
    connection: Connection,
    *,
    today: date,
    months_ahead: int = 3,
    parents: Sequence[str] = tuple(PARENTS),
    wait_s: float = _WAIT_S,
) -> list[str]:
    """
    Make the month of `today` (UTC) and the `months_ahead` after it, wherever missing; returns the new partitions.

    Any number of processes may do this at once, and as often as they like. `connection` belongs to the owner.

    Raises:
        PartitionError: a table cannot be made or attached; the earlier ones stay.
        Busy: another process held the lock for `wait_s` seconds.
    """
    wanted = _Month(today.year, today.month).and_more(months_ahead)
    if not await _missing(connection, parents, wanted):
        return []  # the usual day: one look, no lock
    async with exclusively(connection, LOCK, wait_s=wait_s, work="Making partitions"):
        return [await _make(connection, parent, month) for parent, month in await _missing(connection, parents, wanted)]


async def coverage(connection: Connection, *, today: date, parents: Sequence[str] = tuple(PARENTS)) -> list[Coverage]:
    """How far ahead of `today` (UTC) each table is prepared. Needs no rights on the tables."""
    covered = await _covered(connection, parents)
    answer = []
    for parent in parents:
        month, count = _Month(today.year, today.month), 0
        while (parent, month) in covered:
            month, count = month.next, count + 1
        answer.append(Coverage(parent, count - 1))
    return answer


async def _missing(connection: Connection, parents: Sequence[str], months: list[_Month]) -> list[tuple[str, _Month]]:
    covered = await _covered(connection, parents)
    return [(parent, month) for parent in parents for month in months if (parent, month) not in covered]


async def _covered(connection: Connection, parents: Sequence[str]) -> set[tuple[str, _Month]]:
    """By bounds rather than by name: a partition may cover several months, or be called something else."""
    covered = set()
    for parent, starts, ends in await connection.fetch(_COVERED, list(parents)):
        if not (starts and ends):
            continue  # a partition without an end is none of ours
        month = _Month(starts.year, starts.month)
        if starts > month.begins:
            month = month.next
        while month.next.begins <= ends:
            covered.add((parent, month))
            month = month.next
    return covered


async def _make(connection: Connection, parent: str, month: _Month) -> str:
    facts = {
        "name": f"{parent}_{month.year:04}_{month.month:02}",
        "parent": parent,
        "starts": month.begins,
        "ends": month.next.begins,
    }
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'")
            if not await _was_left(connection, str(facts["name"])):
                await connection.execute(_CREATE.format(**facts))
            await connection.execute(_ATTACH.format(**facts))
    except asyncpg.UndefinedTableError:
        raise PartitionError(f"There is no table {parent}. Run the migrations first.") from None
    except asyncpg.PostgresError as error:
        # Not chained: the cause's DETAIL quotes rows, and rows are people.
        raise PartitionError(
            f"{facts['name']} could not be made: {error.args[0]} ({error.sqlstate}). "
            "It is tried again on the next run; a table of this name that does not fit must be moved out of the way."
        ) from None
    return str(facts["name"])


async def _was_left(connection: Connection, name: str) -> bool:
    """Whether a table of this name waits to be attached; an empty one is dropped, as it may be of an older shape."""
    is_partition = await connection.fetchval("SELECT relispartition FROM pg_class WHERE oid = to_regclass($1)", name)
    if is_partition is None:
        return False
    if is_partition:
        return True  # of something else, or half detached: ATTACH says which
    await connection.execute(f'LOCK TABLE "{name}" IN ACCESS EXCLUSIVE MODE')
    if await connection.fetchval(f'SELECT EXISTS (SELECT FROM "{name}")'):  # noqa: S608  a name of our own making
        return True
    await connection.execute(f'DROP TABLE "{name}"')
    return False
