"""The peer of `GET /payments/{id}`: one Litestar route doing one SELECT by key, and nothing else."""

import socket
from multiprocessing.connection import Connection
from typing import Any, Final
from uuid import UUID

import asyncpg
import uvicorn
import uvloop
from litestar import Litestar, get
from litestar.params import FromPath

from domain.ids import created_at

_FIND: Final = "SELECT status, amount, currency, order_id FROM payments WHERE id = $1 AND created_at = $2"


def serve(line: Connection, dsn: str, connections: int) -> None:
    """Answers until it is ended; says its port when it listens."""
    uvloop.run(_serve(line, dsn, connections))


async def _serve(line: Connection, dsn: str, connections: int) -> None:
    async with asyncpg.create_pool(dsn, min_size=connections, max_size=connections, reset=_keep) as pool:

        @get("/payments/{payment_id:uuid}")
        async def find(payment_id: FromPath[UUID]) -> dict[str, Any]:
            row = await pool.fetchrow(_FIND, payment_id, created_at(payment_id))
            return {"id": payment_id, **(row or {})}

        config = uvicorn.Config(
            Litestar([find], openapi_config=None, logging_config=None),
            loop="uvloop",
            http="httptools",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
        )
        with socket.create_server(("127.0.0.1", 0)) as listening:
            line.send(listening.getsockname()[1])
            await uvicorn.Server(config).serve(sockets=[listening])


async def _keep(_connection: object) -> None:
    """asyncpg's own cleaning is a second round trip; the product does without it, too."""
