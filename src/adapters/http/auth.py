"""Who is calling, and what they may do: bearer tokens."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from litestar.types import HTTPScope

from adapters.http.headers import values
from adapters.http.keys import Keys
from adapters.http.refusals import Unauthenticated
from adapters.http.tokens import LEEWAY, Verified, verify
from domain.errors import Forbidden

_LONGEST: Final = 8 * 1024
_MOST_REMEMBERED: Final = 1_024
#: Three segments of base64url; no padding, so that a token has one spelling.
_BEARER: Final = re.compile(rb"bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a token names, and what it allows."""

    user_id: UUID
    scopes: frozenset[str]

    @property
    def is_admin(self) -> bool:
        return "admin" in self.scopes

    def may_act_for(self, user_id: UUID) -> bool:
        return self.is_admin or user_id == self.user_id

    def needs(self, scope: str) -> None:
        """
        Raises:
            Forbidden: the token lacks `scope`.
        """
        if scope not in self.scopes:
            raise Forbidden(f"The token lacks the scope {scope}.")


class Authenticator:
    """
    Reads and verifies bearer tokens. What was verified is remembered (by the token's hash) until it expires or the
    keys change, so that a client's next call costs a hash.

    `max_age` is the longest that a token may live, in seconds; `now` is the time in seconds since 1970.
    """

    def __init__(self, *, keys: Keys, max_age: float, now: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._max_age = max_age
        self._now = now
        self._remembered: dict[bytes, tuple[Caller, float]] = {}
        self._generation = keys.generation

    async def authenticate(self, scope: HTTPScope) -> Caller:
        """
        Who sent this request.

        Raises:
            Unauthenticated: no valid token names anyone.
            Unavailable: there are no keys to verify tokens by.
        """
        token = _token(scope)
        await self._keys.refresh()
        if self._keys.generation != self._generation:
            self._remembered.clear()
            self._generation = self._keys.generation
        digest = sha256(token).digest()
        known = self._remembered.get(digest)
        now = self._now()
        if known is not None and now < known[1] + LEEWAY:
            return known[0]
        verified = await verify(token.decode("ascii"), self._keys, now=now, max_age=self._max_age)
        caller = Caller(verified.user_id, verified.scopes)
        self._remember(digest, caller, verified)
        return caller

    def _remember(self, digest: bytes, caller: Caller, verified: Verified) -> None:
        if self._keys.generation != self._generation:  # they changed while we looked: the next call looks again
            return
        self._remembered.pop(digest, None)
        if len(self._remembered) >= _MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = (caller, verified.expires_at)


def _token(scope: HTTPScope) -> bytes:
    sent = values(scope, b"authorization")
    if not sent:
        raise Unauthenticated
    if len(sent) > 1:
        raise Unauthenticated("Authorization header stands there twice")
    if len(sent[0]) > _LONGEST:
        raise Unauthenticated("token is longer than 8 KiB")
    bearer = _BEARER.fullmatch(sent[0])
    if bearer is None:
        raise Unauthenticated("Authorization header is not: Bearer <JWT>")
    return bearer[1]
