"""The keys that tokens are verified by: one secret in development, else a published set that rotates."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import structlog

from adapters.http.key_sets import KeysUnreadable, Source, VerifyingKey, read_key_set
from domain.errors import Unavailable

#: A key we do not know makes us ask again at most this often, in seconds; without any key, sooner.
ASK_AGAIN_AFTER: Final = 30.0
_WITHOUT_KEYS: Final = 1.0
#: A key that was taken back is refused after this many seconds at the latest, where its source can be asked.
STALE_AFTER: Final = 300.0
SHORTEST_SECRET: Final = 32

log = structlog.get_logger()


class Keys(Protocol):
    """
    The keys we trust now.

    `generation` rises whenever a key comes or goes: what was verified before counts no more.
    """

    @property
    def generation(self) -> int: ...

    async def refresh(self) -> None:
        """Look for changes if that is due. Costs nothing where it is not."""
        ...

    async def find(self, kid: str | None) -> VerifyingKey | None:
        """
        The key of this name; without a name, the only one there is.

        Raises:
            Unavailable: no keys could be had yet.
        """
        ...


class SecretKey:
    """
    Development's way: a secret (HS256) shared with whoever makes tokens.

    Raises:
        ValueError: the secret is shorter than 32 bytes.
    """

    generation = 0

    def __init__(self, secret: str) -> None:
        if len(secret.encode()) < SHORTEST_SECRET:
            raise ValueError(f"a token secret needs at least {SHORTEST_SECRET} bytes")
        self._key = VerifyingKey(secret, "HS256")

    async def refresh(self) -> None:
        """A secret does not change while we run."""

    async def find(self, kid: str | None) -> VerifyingKey | None:  # noqa: ARG002 - there is one
        return self._key


class PublishedKeys:
    """
    A key set at a file or URL. The last good one is kept while its source is away or broken.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, source: Source, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.generation = 0
        self._source = source
        self._clock = clock
        self._keys: Mapping[str | None, VerifyingKey] = {}
        self._text = b""
        self._asking = asyncio.Lock()
        self._ask_again_at = clock()
        self._stale_at = clock()

    async def refresh(self) -> None:
        if self._clock() >= self._stale_at and not self._asking.locked():
            await self._ask()

    async def find(self, kid: str | None) -> VerifyingKey | None:
        key = self._named(kid)
        if key is None and self._clock() >= self._ask_again_at:
            await self._ask()
            key = self._named(kid)
        if not self._keys:
            raise Unavailable
        return key

    def _named(self, kid: str | None) -> VerifyingKey | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    async def _ask(self) -> None:
        async with self._asking:
            if self._clock() < self._ask_again_at:  # somebody asked while we waited for our turn
                return
            try:
                text = await self._source()
                keys = read_key_set(text)
            except KeysUnreadable as error:
                log.warning("keys.unreadable", why=str(error), kept=len(self._keys))
            else:
                self._stale_at = self._clock() + STALE_AFTER
                if text != self._text:
                    self._keys, self._text = keys, text
                    self.generation += 1
                    log.info("keys.changed", kids=sorted(str(kid) for kid in keys))
            self._ask_again_at = self._clock() + (ASK_AGAIN_AFTER if self._keys else _WITHOUT_KEYS)
            self._stale_at = max(self._stale_at, self._ask_again_at)
