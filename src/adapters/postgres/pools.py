"""Connections, and what a database that cannot serve means to everyone else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Self, cast

import asyncpg

from adapters.postgres.connection import Connection
from domain.errors import InDoubt, Unavailable

#: How often a statement that lost a deadlock is tried again: it was rolled back, so nothing happens twice.
_TRIES: Final = 3
_LOST_A_RACE: Final = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
#: What says "not now" rather than "this statement is wrong".
_CANNOT_SERVE: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection that is being lost in this moment
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    *_LOST_A_RACE,
    OSError,
    TimeoutError,
)
#: What leaves open whether a statement that was sent has happened.
_CUT_OFF: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
_NO_PARTITION: Final = "no partition of relation"


class Database:
    """
    A pool of connections, some of them set aside for those who have already called a gateway.

    `wait` (seconds) is how long a caller waits for a connection before it is told that we cannot serve. `lazy`: opens
    without a connection, and so also where there is no server yet.
    Statements are single and atomic, so a connection needs no cleaning when it is given back: it goes on a stack of
    ours, which costs nothing, and to asyncpg's pool (a task and a timer each way) only when something was wrong.
    """

    def __init__(self, dsn: str, *, size: int = 16, set_aside: int = 4, wait: float = 1.0, lazy: bool = False) -> None:
        self._pool = asyncpg.create_pool(
            dsn,
            min_size=0 if lazy else 1,
            max_size=size,
            reset=_keep,
            command_timeout=10,
            server_settings={
                "application_name": "payments",
                # Planned anew for each payment, the long statements cost PostgreSQL half as much again; pruning by
                # parameters happens when they run.
                "plan_cache_mode": "force_generic_plan",
                "statement_timeout": "5000",
                "lock_timeout": "2000",
                "idle_in_transaction_session_timeout": "10000",
            },
        )
        self._places = asyncio.Semaphore(size)
        self._ordinary = asyncio.Semaphore(max(size - set_aside, 1))
        self._idle: list[Any] = []
        self._wait = wait

    async def __aenter__(self) -> Self:
        with serving():
            await self._pool
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            while self._idle:
                await self._pool.release(self._idle.pop())
            await asyncio.wait_for(self._pool.close(), timeout=10)
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """
        A connection, for what takes more than one statement.

        Raises:
            Unavailable: there is none in time, or the database cannot serve.
        """
        with serving():
            await _enter(self._ordinary, self._wait)
            try:
                async with self._taken(self._wait) as connection:
                    yield cast("Connection", connection)  # a proxy, which is one in all but type
            finally:
                self._ordinary.release()

    async def row(self, statement: str, *values: Any, urgent: bool = False) -> asyncpg.Record | None:
        """The first row of a single statement."""
        rows = await self.rows(statement, *values, urgent=urgent)
        return rows[0] if rows else None

    async def rows(self, statement: str, *values: Any, urgent: bool = False) -> Sequence[asyncpg.Record]:
        """
        All rows of a single statement; one that lost a deadlock is tried again. `urgent`: a gateway may have acted, and
        what it said must become durable.

        Raises:
            Unavailable: the database cannot serve; nothing has happened.
            InDoubt: the connection was cut under the statement; it may have happened.
        """
        with serving():
            if urgent:
                return await self._tried(statement, values, wait=5 * self._wait)
            await _enter(self._ordinary, self._wait)
            try:
                return await self._tried(statement, values, wait=self._wait)
            finally:
                self._ordinary.release()

    async def _tried(self, statement: str, values: Sequence[Any], *, wait: float) -> Sequence[asyncpg.Record]:
        for _ in range(_TRIES - 1):
            try:
                return await self._fetch(statement, values, wait=wait)
            except _LOST_A_RACE:
                continue
        return await self._fetch(statement, values, wait=wait)

    async def _fetch(self, statement: str, values: Sequence[Any], *, wait: float) -> Sequence[asyncpg.Record]:
        async with self._taken(wait) as connection:
            try:
                rows: Sequence[asyncpg.Record] = await connection.fetch(statement, *values)
            except _CUT_OFF as why:  # it was sent, and we do not know what became of it
                raise InDoubt from why
            else:
                return rows

    def _taken(self, wait: float) -> "_Taken":
        return _Taken(self._pool, self._places, self._idle, wait)


class _Taken:
    """A connection for one caller. A bare class: it is on every path."""

    __slots__ = ("_connection", "_idle", "_places", "_pool", "_wait")

    def __init__(self, pool: Any, places: asyncio.Semaphore, idle: list[Any], wait: float) -> None:
        self._pool = pool
        self._places = places
        self._idle = idle
        self._wait = wait

    async def __aenter__(self) -> Any:
        await _enter(self._places, self._wait)
        try:
            while self._idle:
                self._connection = self._idle.pop()
                if _is_open(self._connection):
                    return self._connection
                await self._pool.release(self._connection)
            self._connection = await self._pool.acquire(timeout=self._wait)
        except BaseException:
            self._places.release()
            raise
        return self._connection

    async def __aexit__(self, _: object, why: BaseException | None, __: object) -> None:
        try:
            if why is None:
                self._idle.append(self._connection)
                return
            if isinstance(why, asyncpg.ReadOnlySQLTransactionError):  # a primary that is none any more
                self._connection.terminate()
            await self._pool.release(self._connection)
        finally:
            self._places.release()


def _is_open(connection: Any) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # it was lost while it lay on the stack, and the pool has taken it back
        return False


async def _enter(places: asyncio.Semaphore, wait: float) -> None:
    """One of the places; a timer only where it must be waited for, since it costs more than entering."""
    if places.locked():
        async with asyncio.timeout(wait):
            await places.acquire()
    else:
        await places.acquire()


class serving:  # noqa: N801 - reads as what it does
    """Turns what the database says when it cannot serve into our own word for it. A bare class: it is on every path."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: type[BaseException] | None, why: BaseException | None, __: object) -> None:
        if why is None:
            return
        if isinstance(why, _CANNOT_SERVE) or (
            isinstance(why, asyncpg.CheckViolationError) and _NO_PARTITION in str(why)
        ):
            raise Unavailable from why


async def _keep(_connection: object) -> None:
    """Single statements leave nothing behind; asyncpg's own cleaning would cost a round trip each."""
