"""One keep-alive connection of the load generator: cheap, for it shares the machine with what it measures."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END_OF_HEAD: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response; status 0: the connection broke, or what came is not HTTP as we read it."""

    status: int
    head: bytes = b""
    body: bytes = b""


class Connection(asyncio.Protocol):
    """
    Sends one request at a time and hands its answer to `answered(connection, answer)`.

    `asked` and `due` (in seconds) are the user's: what was sent, and when it should have been.
    """

    __slots__ = ("_answered", "_body_at", "_buffer", "_ends_at", "_transport", "asked", "busy", "due")

    def __init__(self, answered: Callable[["Connection", Answer], None]) -> None:
        self._answered = answered
        self._buffer = b""
        self._body_at = self._ends_at = 0
        self._transport: asyncio.Transport
        self.asked: Any = None
        self.due = 0.0
        self.busy = False

    def send(self, request: bytes) -> None:
        self.busy = True
        self._transport.write(request)

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of TCP, it can write

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._ends_at and not self._read_head():
            return
        if len(self._buffer) >= self._ends_at:
            self._finish(Answer(int(self._buffer[9:12]), self._buffer[: self._body_at], self._buffer[self._body_at :]))

    def connection_lost(self, _error: Exception | None) -> None:
        if self.busy:
            self._finish(Answer(0, self._buffer))

    def _read_head(self) -> bool:
        end = self._buffer.find(_END_OF_HEAD)
        if end < 0:
            return False
        length = _LENGTH.search(self._buffer, 0, end + 2)
        if length is None:
            self._transport.abort()  # then it is lost
            return False
        self._body_at = end + len(_END_OF_HEAD)
        self._ends_at = self._body_at + int(length[1])
        return True

    def _finish(self, answer: Answer) -> None:
        self._buffer, self._ends_at, self.busy = b"", 0, False
        self._answered(self, answer)
