"""The wire between two processes, in a test's hand: it sees what passes, and cuts it at the very moment it chooses."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

#: Sees what was asked since the last answer, and the beginning of the answer (None while still asking); False cuts.
Watch = Callable[[bytes, bytes | None], bool]
_CHUNK: Final = 1 << 16


class Wire:
    """Carries bytes to `port` on this machine, both ways, as long as `watch` lets them pass."""

    def __init__(self, port: int) -> None:
        self.watch: Watch | None = None
        self.port = 0
        self._target = port
        self._links: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator["Wire"]:
        """Listens on a port of its own for as long as the block runs."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for link in self._links:
                link.cancel()
            await asyncio.gather(*self._links, return_exceptions=True)

    def passes(self, question: bytes, answer: bytes | None) -> bool:
        return self.watch is None or self.watch(question, answer)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.create_task(self._link(reader, writer))
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self)
        ways = {
            asyncio.create_task(link.ask(reader, there[1])),
            asyncio.create_task(link.answer(there[0], writer)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, there[1]):
                end.transport.abort()


class _Link:
    """One connection: what was asked on it, and whether the answer has begun."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._question = b""
        self._answering = False

    async def ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            self._question = data if self._answering else self._question + data
            self._answering = False
            if not self._wire.passes(self._question, None):
                return
            writer.write(data)
            await writer.drain()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            begins, self._answering = not self._answering, True
            if begins and not self._wire.passes(self._question, data):
                return
            writer.write(data)
            await writer.drain()


def when_asked(pattern: bytes, do: Callable[[], None]) -> Watch:
    """Once, when a question that matches is on its way: `do`, and cut before it arrives."""
    return _once(pattern, do, at_answer=False, passes=False)


def when_answered(pattern: bytes, do: Callable[[], None], *, passes: bool = False) -> Watch:
    """Once, when the answer to a question that matches is on its way: `do`, and cut (unless it `passes`)."""
    return _once(pattern, do, at_answer=True, passes=passes)


def _once(pattern: bytes, do: Callable[[], None], *, at_answer: bool, passes: bool) -> Watch:
    done = False

    def watch(question: bytes, answer: bytes | None) -> bool:
        nonlocal done
        if done or (answer is not None) is not at_answer or not re.search(pattern, question):
            return True
        done = True
        do()
        return passes

    return watch
