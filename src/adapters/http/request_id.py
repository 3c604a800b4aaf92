"""Around every request: its id, one line in the log, and the headers that every answer carries."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final
from uuid import UUID

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from adapters.http.cors import Cors
from adapters.http.headers import values
from adapters.http.problems import Problems
from adapters.http.stopwatch import Stopwatch, running
from domain.payment_method import looks_like_card_number, looks_like_phone

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

    `new_request_id` makes an id where the caller sent no sane one. `methods`: those of each path, by its template:
    where several handlers share one, Litestar's answer to OPTIONS tells only those of the first.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        problems: Problems,
        cors: Cors,
        methods: Mapping[str, Collection[str]],
        new_request_id: Callable[[], str],
    ) -> None:
        self._app = app
        self._allowed = {path: _allow(names) for path, names in methods.items()}
        self._problems = problems
        self._cors = cors
        self._new_request_id = new_request_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            await self._around(scope.copy(), receive, send)  # a server goes by its own copy: HEAD stays HEAD there
        else:
            await self._app(scope, receive, send)

    async def _around(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        stopwatch = Stopwatch()
        measured = running.set(stopwatch)
        mine = self._id(scope)
        scope["state"] = {**scope.get("state", {}), "request_id": mine}
        bound = bind_contextvars(request_id=mine, method=scope["method"])
        answer = _Answer(
            send,
            scope.copy(),
            identifier=mine.encode("ascii"),
            stopwatch=stopwatch,
            cors=self._cors,
            allowed=lambda: self._allowed.get(scope.get("path_template", "")),
        )
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
                duration_ms=round(stopwatch.total_ms(), 2),
                **{name: scope["state"][name] for name in _TOLD if name in scope["state"]},
            )
            reset_contextvars(**bound)
            running.reset(measured)

    def _id(self, scope: HTTPScope) -> str:
        sent = values(scope, b"x-request-id")
        text = sent[0].decode("ascii") if len(sent) == 1 and _SANE.fullmatch(sent[0]) else ""
        if not text or looks_like_card_number(text) or looks_like_phone(text):  # it goes into the log
            return self._new_request_id()
        return text


class _Answer:
    """
    A `send` that adds the headers of every answer and remembers the status; 0 until there is one.

    `scope` is the request as it came; `allowed` tells the methods of its path, once that is known.
    """

    __slots__ = ("_allowed", "_cors", "_id", "_scope", "_send", "_stopwatch", "status")

    def __init__(
        self,
        send: Send,
        scope: HTTPScope,
        *,
        identifier: bytes,
        stopwatch: Stopwatch,
        cors: Cors,
        allowed: Callable[[], bytes | None],
    ) -> None:
        self._allowed = allowed
        self._send = send
        self._scope = scope
        self._id = identifier
        self._stopwatch = stopwatch
        self._cors = cors
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*self._headers(list(message["headers"]))]
        elif self._scope["method"] == "HEAD" and message["type"] == "http.response.body":
            message["body"] = b""
        await self._send(message)

    def _headers(self, said: list[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
        names = dict(said)
        allowed = names.get(b"allow")
        if allowed is not None:
            allowed = self._allowed() or _allow(allowed.decode().split(", "))
            said = [(name, allowed if name == b"allow" else value) for name, value in said]
        yield from said
        yield from _ON_EVERY_ANSWER
        yield b"x-request-id", self._id
        yield b"server-timing", self._stopwatch.header()
        if b"cache-control" not in names:
            yield _UNLESS_SAID_OTHERWISE
        yield from self._cors.headers(self._scope, allowed)


def _allow(methods: Collection[str]) -> bytes:
    named = {*methods, "HEAD"} if "GET" in methods else methods
    return ", ".join(sorted(named)).encode("ascii")
