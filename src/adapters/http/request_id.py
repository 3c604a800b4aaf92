"""Around every request: its id, one line in the log, and the headers that every answer carries."""

import re
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from adapters.http.headers import values
from adapters.http.problems import Problems
from domain.payment_method import looks_like_card_number

_SANE: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_TOLD: Final = ("payment_id",)
_NOTHING_MATCHED: Final = "unmatched"
_ON_EVERY_ANSWER: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_UNLESS_SAID_OTHERWISE: Final = (b"cache-control", b"no-store")

log = structlog.get_logger()


def request_id(scope: HTTPScope) -> str:
    """The id of this request: the caller's if it was sane, else ours."""
    return str(scope["state"]["request_id"])


def name_payment(scope: HTTPScope, payment_id: UUID) -> None:
    """The line in the log is about this payment."""
    scope["state"]["payment_id"] = str(payment_id)


class RequestLog:
    """
    The outermost layer. HEAD is let in as GET and its answer let out without the body (RFC 9110 9.1). What is raised
    further in without having been answered is answered here.

    `new_request_id` makes an id where the caller sent no sane one.
    """

    def __init__(self, app: ASGIApp, *, problems: Problems, new_request_id: Callable[[], str]) -> None:
        self._app = app
        self._problems = problems
        self._new_request_id = new_request_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            await self._around(scope.copy(), receive, send)  # a server goes by its own copy: HEAD stays HEAD there
        else:
            await self._app(scope, receive, send)

    async def _around(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        mine = self._id(scope)
        scope["state"] = {**scope.get("state", {}), "request_id": mine}
        bound = bind_contextvars(request_id=mine, method=scope["method"])
        answer = _Answer(send, mine.encode("ascii"), bodiless=scope["method"] == "HEAD")
        if scope["method"] == "HEAD":
            scope["method"] = "GET"
        try:
            await self._app(scope, receive, answer)
        except Exception as error:
            if answer.status:  # too late for another answer: the server ends the connection and logs it
                raise
            problem = self._problems.of(error, scope)
            await problem.reply()(scope, receive, answer)
        finally:
            log.info(
                "request.handled",
                route=scope.get("path_template", _NOTHING_MATCHED),
                status=answer.status,
                duration_ms=round((time.perf_counter() - began) * 1000, 2),
                **{name: scope["state"][name] for name in _TOLD if name in scope["state"]},
            )
            reset_contextvars(**bound)

    def _id(self, scope: HTTPScope) -> str:
        sent = values(scope, b"x-request-id")
        if len(sent) == 1 and _SANE.fullmatch(sent[0]) and not looks_like_card_number(sent[0].decode()):
            return sent[0].decode("ascii")
        return self._new_request_id()


class _Answer:
    """A `send` that adds the headers of every answer and remembers the status; 0 until there is one."""

    __slots__ = ("_bodiless", "_id", "_send", "status")

    def __init__(self, send: Send, identifier: bytes, *, bodiless: bool) -> None:
        self._send = send
        self._id = identifier
        self._bodiless = bodiless
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message["headers"], *_ON_EVERY_ANSWER, (b"x-request-id", self._id)]
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append(_UNLESS_SAID_OTHERWISE)
            message["headers"] = headers
        elif self._bodiless and message["type"] == "http.response.body":
            message["body"] = b""
        await self._send(message)
