"""The read side's door: lists, history and reports come from the replica, where there is one that is fit for it."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import asyncpg
import structlog

from adapters.postgres.pools import Database
from application.ports.positions import LATEST, Position
from domain.errors import Unavailable

#: How long a reader waits for the replica to say how far it is, in seconds; and for a connection to it.
PATIENCE: Final = 0.5
#: A replica that could not serve is tried by one reader after so many seconds; all others go to the primary.
TRY_AGAIN_AFTER: Final = 5.0
#: A replica that has not come to where the primary was so many seconds ago is lost; what is read is never older than
#: three times as many, and who has written is remembered for longer.
MAY_LAG: Final = 15.0

#: A statement that gave way to what was being replayed, or took too long: the replica is as well as before.
_THIS_ONE_ONLY: Final = (asyncpg.TransactionRollbackError, asyncpg.QueryCanceledError)
_START: Final = Position(0)

log = structlog.get_logger()


class Reading:
    """
    Reads from the replica, and from the primary wherever that cannot be: there is none, it is away or too slow, it is
    behind what the reader must see, or further behind than anyone should.

    Takes the place of a `Database` for statements that only read. `patience`: PATIENCE. `clock` is monotonic, in
    seconds.
    """

    def __init__(
        self,
        primary: Database,
        replica: Database | None = None,
        *,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._primary = primary
        self._replica = replica
        self._patience = patience
        self._clock = clock
        self._is_well: bool | None = None  # nobody knows yet
        self._try_at = clock()
        self._overdue = self._required = self._mark = _START
        self._marked_at = clock() - 2 * MAY_LAG

    @property
    def has_replica(self) -> bool:
        return self._replica is not None

    async def row(self, statement: str, *values: Any, after: Position | None = None) -> asyncpg.Record | None:
        """The first row of a single statement."""
        rows = await self.rows(statement, *values, after=after)
        return rows[0] if rows else None

    async def rows(self, statement: str, *values: Any, after: Position | None = None) -> Sequence[asyncpg.Record]:
        """
        All rows of a single statement that only reads, with everything in them that was written before `after`.

        Raises:
            Unavailable: no database can serve now.
        """
        if self._replica is not None and after != LATEST and self._may_try():
            found = await self._copied(self._replica, statement, values, after or _START)
            if found is not None:
                return found
        return await self._primary.rows(statement, *values)

    # Not the inserted but the flushed: a commit that was confirmed is, and nothing else is sent to replicas.
    _WRITTEN: Final = "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint AS position"

    async def position(self) -> Position | None:
        """As `application.ports.positions.Positions` says."""
        if self._replica is None:
            return None
        with suppress(Unavailable):
            (row,) = await self._primary.rows(self._WRITTEN)
            return Position(row["position"])
        return LATEST

    # A statement of its own, before the one that reads: in the same, the snapshot would be older than the answer.
    _REPLAYED: Final = "SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0')::bigint END"

    async def _copied(
        self, replica: Database, statement: str, values: Sequence[Any], after: Position
    ) -> Sequence[asyncpg.Record] | None:
        """From the replica; None where it cannot serve this."""
        await self._look_at_primary()
        try:
            async with replica.connection() as connection:
                replayed = await connection.fetchval(self._REPLAYED, timeout=self._patience)
                if replayed is None:
                    why = "not-in-recovery"  # the primary itself, or one that was promoted and goes its own way
                elif replayed < self._overdue:
                    why = "too-far-behind"
                else:
                    self._found()
                    enough = replayed >= max(after, self._required)
                    return await connection.fetch(statement, *values) if enough else None
        except (Unavailable, asyncpg.PostgresError) as failed:
            cause = failed.__cause__ or failed
            if isinstance(cause, _THIS_ONE_ONLY):
                return None
            why = type(cause).__name__
        self._lost(why)
        return None

    async def _look_at_primary(self) -> None:
        """Note from time to time how far it is. While it is away, what was noted last holds on."""
        age = self._clock() - self._marked_at
        if age < MAY_LAG:
            return
        self._marked_at += age
        position = await self.position()
        if position is not None and position != LATEST:
            # After a long silence what was noted last asks for too little.
            self._required = position if age >= 2 * MAY_LAG else self._mark
            self._overdue, self._mark = self._mark, position

    def _may_try(self) -> bool:
        if self._is_well:
            return True
        if self._clock() < self._try_at:
            return False
        self._try_at = self._clock() + TRY_AGAIN_AFTER
        return True

    def _found(self) -> None:
        if self._is_well is False:
            log.info("replica.back")
        self._is_well = True

    def _lost(self, why: str) -> None:
        if self._is_well is not False:
            log.warning("replica.lost", why=why)
        self._is_well = False
        self._try_at = self._clock() + TRY_AGAIN_AFTER
