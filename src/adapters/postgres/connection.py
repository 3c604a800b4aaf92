"""One connection, for as long as a job takes: migrations, partitions, a look around."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg

#: The one asyncpg type that signatures here need. It is generic for the type checker only, hence the quotes.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    """
    A connection of one's own, outside the pools and their limits of time.

    Raises:
        OSError, asyncpg.PostgresError: there is no such server, or it does not let us in.
    """
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "payments"})
    try:
        yield connection
    finally:
        await connection.close()
