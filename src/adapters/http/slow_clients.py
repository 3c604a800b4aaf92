"""
Bounds for a request on its way in. uvicorn has none: each byte cancels its keep-alive timer, so one byte every few
seconds holds a connection for ever, and headers without end are all kept. Pluggable as
`uvicorn.Config(http=SlowClientProtocol.documented(docs_url))`.
"""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar, Final, Self

import structlog
from uuid_utils.compat import uuid7
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adapters.http.problem_kinds import kind_of
from adapters.http.problems import PROBLEM_JSON, document
from adapters.http.refusals import HeadersTooLarge, RequestCutShort, RequestRefused, RequestTooSlow

#: A request's line and headers; what fits is judged again, more closely, at the application's door.
_LARGEST_HEAD: Final = 32 * 1024

log = structlog.get_logger()


class SlowClientProtocol(HttpToolsProtocol):
    """
    Both deadlines count from the first byte of a request (of the first request: from the connection), in seconds.

    A timer runs only while part of a request is awaited: a request that comes in one piece costs none. What is refused
    here the application does not answer: it has an id and a line in the log of its own.
    """

    headers_within: ClassVar[float] = 10.0
    request_within: ClassVar[float] = 15.0
    docs_url: ClassVar[str]

    @classmethod
    def documented(cls, docs_url: str) -> type[Self]:
        """What a server is given; `docs_url` is the base of problem types."""
        return type(cls.__name__, (cls,), {"docs_url": docs_url.rstrip("/")})

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
            self._part(HeadersTooLarge())
        self._watch()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are for its own log
        self._part(RequestRefused())

    def eof_received(self) -> None:
        """The client has said its last: if that was half a request, it is told so while it still listens."""
        if self._began is None or not self._head_size:
            return
        answered = self._has_headers and self.cycle.response_started
        another_is_answered = not self._has_headers and self.cycle is not None and not self.cycle.response_complete
        if not answered and not another_is_answered:
            self._part(RequestCutShort())

    def _unsupported_upgrade_warning(self) -> None:
        """An upgrade that is not offered is passed over (RFC 9110 7.8): nothing to warn of, nothing to install."""

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
            self._part(RequestTooSlow())

    def _part(self, refused: RequestRefused) -> None:
        """A problem as bytes on the wire, after which the connection ends."""
        if self.transport.is_closing():
            return
        kind, request_id = kind_of(refused), str(uuid7())
        body = document(kind, docs_url=self.docs_url, instance="", correlation_id=request_id, detail=refused.detail)
        log.info("request.refused", request_id=request_id, code=kind.code, status=kind.status)
        self.transport.write(
            b"".join(
                (
                    f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}\r\n".encode(),
                    f"content-type: {PROBLEM_JSON}\r\ncontent-length: {len(body)}\r\n".encode(),
                    f"x-request-id: {request_id}\r\nx-content-type-options: nosniff\r\n".encode(),
                    b"connection: close\r\ncache-control: no-store\r\n\r\n",
                    body,
                )
            )
        )
        self.transport.close()
