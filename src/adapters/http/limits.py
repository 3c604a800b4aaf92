"""The door: what is too large, too slow or misspelled does not come in."""

import asyncio
import re
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Receive, Scope, Send

from adapters.http.headers import values
from adapters.http.refusals import HeadersTooLarge, NoSuchSpelling, RequestRefused, RequestTooSlow, UrlTooLong

LONGEST_URL: Final = 8 * 1024
LARGEST_HEADERS: Final = 16 * 1024

#: Percent-encoding that nobody needs: of `-`, `.`, `/`, digits, letters, `_` and `~`.
_NEEDLESS: Final = re.compile(rb"%(?:2[d-f]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])", re.IGNORECASE)


class Door:
    """
    Stands before the router.

    `arrives_within` is how long the whole body may take, in seconds.

    Raises:
        UrlTooLong, HeadersTooLarge, NoSuchSpelling, RequestRefused: from the call itself.
        RequestTooSlow: from `receive`, so that whoever reads the body is stopped.
    """

    def __init__(self, app: ASGIApp, *, arrives_within: float) -> None:
        self._app = app
        self._arrives_within = arrives_within

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            refused = _refused(scope)
            if refused is not None:
                raise refused
            receive = _Arrival(receive, asyncio.get_running_loop().time() + self._arrives_within)
        await self._app(scope, receive, send)


class _Arrival:
    """A `receive` with a deadline for the whole body."""

    __slots__ = ("_complete", "_deadline", "_receive")

    def __init__(self, receive: Receive, deadline: float) -> None:
        self._receive = receive
        self._deadline = deadline
        self._complete = False

    async def __call__(self) -> HTTPReceiveMessage:
        if self._complete:
            return await self._plainly()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._plainly()
        except TimeoutError:
            raise RequestTooSlow from None
        self._complete = message["type"] != "http.request" or not message["more_body"]
        return message

    async def _plainly(self) -> HTTPReceiveMessage:
        message = await self._receive()
        if message["type"] == "http.request":  # both are optional in ASGI
            message.setdefault("body", b"")
            message.setdefault("more_body", False)
        return message  # type: ignore[return-value]  # a request's scope receives no websocket messages


def _refused(scope: HTTPScope) -> RequestRefused | None:
    raw_path = scope.get("raw_path") or scope["path"].encode()
    if len(raw_path) + len(scope["query_string"]) > LONGEST_URL:
        return UrlTooLong()
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
        return HeadersTooLarge()
    hosts = len(values(scope, b"host"))
    if hosts > 1 or (hosts < 1 and scope.get("http_version") == "1.1"):
        return RequestRefused("A request has one Host header (RFC 9112 3.2).")
    if b"//" in raw_path or (raw_path.endswith(b"/") and raw_path != b"/"):
        return NoSuchSpelling()
    if b"%" in raw_path and _NEEDLESS.search(raw_path):
        return NoSuchSpelling()
    return None
