"""Which other origins' pages may read what we answer (the Fetch standard, 3.3). None unless configured."""

from collections.abc import Collection, Iterator
from typing import Final

from litestar.types import HTTPScope

from adapters.http.headers import values

_SENDS: Final = b"Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Read-After, X-Request-Id"
_READS: Final = b"ETag, Idempotent-Replayed, Location, Retry-After, Server-Timing, X-Read-After, X-Request-Id"
#: How long a browser may remember what it was told of a path, in seconds.
_REMEMBERED_FOR: Final = b"600"


class Cors:
    """
    Origins are compared as they are spelled. No credentials: a token is sent by the page that holds it, never by the
    browser for a page that does not.
    """

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = frozenset(origin.encode("ascii") for origin in origins)

    def headers(self, scope: HTTPScope, allowed: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        """What an answer says to the page that asked; `allowed` are its path's methods, where it told them."""
        if not self._origins:
            return
        yield b"vary", b"Origin"
        origins = values(scope, b"origin")
        if len(origins) != 1 or origins[0] not in self._origins:
            return
        yield b"access-control-allow-origin", origins[0]
        if allowed and scope["method"] == "OPTIONS" and values(scope, b"access-control-request-method"):
            yield b"access-control-allow-methods", allowed
            yield b"access-control-allow-headers", _SENDS
            yield b"access-control-max-age", _REMEMBERED_FOR
        else:
            yield b"access-control-expose-headers", _READS
