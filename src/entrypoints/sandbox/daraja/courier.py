"""
Carries callbacks to their URL, once.

Nobody knows whether Safaricom repeats a callback that was not taken, so this one never does: a merchant that survives
that survives the kinder sort. Only what an earlier process left behind waits for a merchant who does not listen yet: a
stand-in and its merchant are often started together, and Safaricom never is.
"""

import asyncio
from typing import Any, Final

import aiohttp

from entrypoints.sandbox.behaviour import Behaviour
from entrypoints.sandbox.daraja.background import Background
from entrypoints.sandbox.daraja.book import Book

_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=10)
#: As much of an answer as is worth keeping.
_READ_AT_MOST: Final = 1024
_CONNECTIONS: Final = 256
#: Seconds that an overdue callback waits for somebody to listen, and between two tries.
_PATIENCE: Final = 60.0
_PAUSE: Final = 0.25
_NOBODY_LISTENS: Final = aiohttp.ClientConnectorError.__name__


class Courier:
    """Posts a body, writes down how it was received."""

    def __init__(self, book: Book, behaviour: Behaviour, background: Background) -> None:
        self._book = book
        self._behaviour = behaviour
        self._background = background
        self._http: aiohttp.ClientSession

    def open(self) -> None:
        """Needs the running loop."""
        # A fresh connection each: one that the merchant is just closing would lose the only attempt there is.
        connections = aiohttp.TCPConnector(limit=_CONNECTIONS, force_close=True)
        self._http = aiohttp.ClientSession(connector=connections, timeout=_TIMEOUT, auto_decompress=False)

    async def deliver(self, url: str, body: bytes, *, overdue: bool = False, **about: Any) -> None:
        """Returns when the (first) attempt was answered or given up; while callbacks are held, that is later."""
        attempted = asyncio.get_running_loop().create_future()

        async def attempt() -> None:
            await self._attempt(url, body, about, _PATIENCE if overdue else 0.0)
            if not attempted.done():
                attempted.set_result(None)

        def start() -> None:
            self._background.start(attempt())

        self._behaviour.deliver(start)
        await attempted

    async def close(self) -> None:
        """No more callbacks from this process."""
        await self._http.close()

    async def _attempt(self, url: str, body: bytes, about: dict[str, Any], patience: float) -> None:
        clock = asyncio.get_running_loop().time
        until = clock() + patience
        outcome = await self._post(url, body)
        while outcome.get("error") == _NOBODY_LISTENS and clock() < until:
            await asyncio.sleep(_PAUSE)
            outcome = await self._post(url, body)
        await self._book.write("callback", url=url, body=body.decode(), **about, **outcome)

    async def _post(self, url: str, body: bytes) -> dict[str, Any]:
        try:
            async with self._http.post(
                url, data=body, headers={"Content-Type": "application/json"}, allow_redirects=False
            ) as response:
                answer = await response.content.read(_READ_AT_MOST)
                return {"status": response.status, "answer": answer.decode(errors="replace")}
        except (aiohttp.ClientError, TimeoutError) as error:
            return {"status": None, "error": type(error).__name__}
