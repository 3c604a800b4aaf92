"""
Absolute deadlines for a request to arrive. uvicorn has none: each byte starts its keep-alive timer anew, so one byte
every few seconds holds a connection for ever. Pluggable as `uvicorn.Config(http=SlowClientProtocol)`.
"""

import asyncio
from typing import Any, ClassVar, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adapters.http.problems import PROBLEM_JSON

_PROBLEM: Final = msgspec.json.encode(
    {
        "type": "about:blank",
        "title": "Request Timeout",
        "status": 408,
        "detail": "The request did not arrive in time.",
        "code": "request-timeout",
        "success": False,
    }
)
_TOO_SLOW: Final = b"".join(
    (
        b"HTTP/1.1 408 Request Timeout\r\n",
        f"content-type: {PROBLEM_JSON}\r\ncontent-length: {len(_PROBLEM)}\r\n".encode(),
        b"connection: close\r\ncache-control: no-store\r\n\r\n",
        _PROBLEM,
    )
)


class SlowClientProtocol(HttpToolsProtocol):
    """
    Both deadlines count from the first byte of a request (of the first request: from the connection), in seconds.

    A timer runs only while part of a request is awaited: a request that comes in one piece costs none.
    """

    headers_within: ClassVar[float] = 10.0
    request_within: ClassVar[float] = 15.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._began: float | None = None
        self._has_headers = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        self._begin()
        self._watch()

    def data_received(self, data: bytes) -> None:
        if self._began is None:  # not in on_message_begin: an empty line between requests begins no message
            self._begin()
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        if self._began is None:
            self._begin()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._has_headers = True
        self._stop()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._end()
        super().on_message_complete()

    def _begin(self) -> None:
        self._began = self.loop.time()
        self._has_headers = False

    def _end(self) -> None:
        self._began = None
        self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self) -> None:
        if self._began is not None and self._timer is None and not self.transport.is_closing():
            within = self.request_within if self._has_headers else self.headers_within
            self._timer = self.loop.call_at(self._began + within, self._too_slow)

    def _too_slow(self) -> None:
        self._timer = None
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and not self._has_headers:  # an earlier request is still being answered: it comes first
            self._begin()
            self._watch()
            return
        if not (self._has_headers and self.cycle.response_started):
            self.transport.write(_TOO_SLOW)
        self.transport.close()
