"""
Bounds for a request on its way in. uvicorn has none: each byte cancels its keep-alive timer, so one byte every few
seconds holds a connection for ever, and headers without end are all kept. Pluggable as
`uvicorn.Config(http=SlowClientProtocol)`.
"""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adapters.http.problem_kinds import KINDS, Kind
from adapters.http.problems import PROBLEM_JSON
from adapters.http.refusals import HeadersTooLarge, RequestRefused, RequestTooSlow

#: A request's line and headers; what fits is judged again, more closely, at the application's door.
_LARGEST_HEAD: Final = 32 * 1024


def _farewell(kind: Kind) -> bytes:
    """A problem as bytes on the wire, after which the connection ends."""
    problem = {"type": "about:blank", "title": kind.title, "status": kind.status, "code": kind.code, "success": False}
    body = msgspec.json.encode(problem)
    return b"".join(
        (
            f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}\r\n".encode(),
            f"content-type: {PROBLEM_JSON}\r\ncontent-length: {len(body)}\r\n".encode(),
            b"connection: close\r\ncache-control: no-store\r\n\r\n",
            body,
        )
    )


_TOO_SLOW: Final = _farewell(KINDS[RequestTooSlow])
_TOO_LARGE: Final = _farewell(KINDS[HeadersTooLarge])
_NO_HTTP: Final = _farewell(KINDS[RequestRefused])


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
        self._head_size = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        self._begin()
        self._watch()

    def data_received(self, data: bytes) -> None:
        if self._began is None:  # not in on_message_begin: an empty line between requests begins no message
            self._begin()
        if not self._has_headers:
            self._head_size += len(data)
        super().data_received(data)
        if self._began is not None and not self._has_headers and self._head_size > _LARGEST_HEAD:
            self._part(_TOO_LARGE)
        self._watch()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are for its own log
        self._part(_NO_HTTP)

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
        self._head_size = 0

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
        if self._has_headers and self.cycle.response_started:
            self.transport.close()
        else:
            self._part(_TOO_SLOW)

    def _part(self, farewell: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(farewell)
            self.transport.close()
