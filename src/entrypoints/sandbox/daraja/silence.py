"""A request that is never answered: the connection stays open until the other side gives up."""

import asyncio

from aiohttp import web


class Silence:
    """Keeps whoever asked waiting, but not a process that wants to end."""

    def __init__(self) -> None:
        self._kept: set[asyncio.Transport] = set()

    async def keep(self, request: web.Request) -> None:
        """Returns when nobody is left to read an answer."""
        transport = request.transport
        if transport is None:
            return
        self._kept.add(transport)
        while not transport.is_closing():  # noqa: ASYNC110 - a transport tells nobody that it closes
            await asyncio.sleep(0.02)
        self._kept.discard(transport)

    async def end(self, _: web.Application) -> None:
        """Cuts every such connection, still without an answer."""
        for transport in self._kept:
            transport.abort()
