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
    OSError,
    TimeoutError,
)
_NO_PARTITION: Final = "no partition of relation"


class Database:
    """
    A pool of connections, some of them set aside for those who have already called a gateway.

    `wait` (seconds) is how long a caller waits for a connection before it is told that we cannot serve.
    Statements are single and atomic, so a connection needs no cleaning when it is given back.
    """

    def __init__(self, dsn: str, *, size: int = 16, set_aside: int = 4, wait: float = 1.0) -> None:
        self._pool = asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=size,
            reset=_keep,
            command_timeout=10,
            server_settings={
                "application_name": "payments",
                "statement_timeout": "5000",
                "lock_timeout": "2000",
                "idle_in_transaction_session_timeout": "10000",
            },
        )
        self._ordinary = asyncio.Semaphore(max(size - set_aside, 1))
        self._wait = wait

    async def __aenter__(self) -> Self:
        with_errors = serving()
        async with with_errors:
            await self._pool
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await asyncio.wait_for(self._pool.close(), timeout=10)
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self, *, urgent: bool = False) -> AsyncIterator[Connection]:
        """
        A connection. `urgent`: a gateway may have acted, and what it said must become durable.

        Raises:
            Unavailable: there is none in time, or the database cannot serve.
        """
        async with serving():
            if urgent:
                async with self._pool.acquire(timeout=self._wait * 5) as connection:
                    yield cast("Connection", connection)  # a proxy, which is one in all but type
            else:
                async with asyncio.timeout(self._wait):
                    await self._ordinary.acquire()
                try:
                    async with self._pool.acquire(timeout=self._wait) as connection:
                        yield cast("Connection", connection)  # a proxy, which is one in all but type
                finally:
                    self._ordinary.release()

    async def row(self, statement: str, *values: Any, urgent: bool = False) -> asyncpg.Record | None:
        """The first row of a single statement."""
        rows = await self.rows(statement, *values, urgent=urgent)
        return rows[0] if rows else None

    async def rows(self, statement: str, *values: Any, urgent: bool = False) -> Sequence[asyncpg.Record]:
        """
        All rows of a single statement; one that lost a deadlock is tried again.

        Raises:
            Unavailable: the database cannot serve; nothing has happened.
            InDoubt: the connection was cut under the statement; it may have happened.
        """
        for tries in range(1, _TRIES + 1):
            async with self.connection(urgent=urgent) as connection:
                try:
                    return await connection.fetch(statement, *values)
                except _LOST_A_RACE:
                    if tries == _TRIES:
                        raise
                except _CUT_OFF as why:  # it was sent, and we do not know what became of it
                    raise InDoubt from why
        raise Unavailable


@asynccontextmanager
async def serving() -> AsyncIterator[None]:
    """Turns what the database says when it cannot serve into our own word for it."""
    try:
        yield
    except _CANNOT_SERVE as why:
        raise Unavailable from why
    except asyncpg.CheckViolationError as why:
        if _NO_PARTITION in str(why):
            raise Unavailable from why
        raise


async def _keep(_connection: object) -> None:
    """Single statements leave nothing behind; asyncpg's own cleaning would cost a round trip each."""
