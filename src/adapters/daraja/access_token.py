"""
Daraja's access token: one for all processes, because each that is fetched kills the one before.

It is fetched in one flight: within a process the callers share a task, between processes they share a claim.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from application.ports.platform import Clock
from application.ports.shared_token import SharedToken, Stored
from domain.errors import Unavailable

#: A token is given up this long before its end (or at half its life, if that is short): a request takes time too.
_SPARE: Final = timedelta(seconds=60)
#: Longer than a fetch can take: whoever claimed and then died does not keep the others waiting for ever.
_HOLD: Final = timedelta(seconds=5)
_POLL: Final = 0.05
#: Longer than a dead claim and a fetch after it.
_PATIENCE: Final = 10.0


class TokenUnavailable(Unavailable):
    """Daraja gave us no access token."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A token fresh from Daraja, and how long it lives."""

    token: str = field(repr=False)
    life: timedelta


class AccessToken:
    """
    The living token, without asking anyone while it is good.

    Raises, from `get` and `renew`:
        TokenUnavailable: Daraja gives none, or whoever fetches it takes too long.
        Unavailable: the shared store cannot be reached.
    """

    def __init__(self, *, fetch: Callable[[], Awaitable[Fetched]], shared: SharedToken, clock: Clock) -> None:
        self._fetch = fetch
        self._shared = shared
        self._clock = clock
        self._known: Stored | None = None
        self._refused: str | None = None
        self._flight: asyncio.Task[str] | None = None

    async def get(self) -> str:
        """The token to use now."""
        if self._known is not None and self._is_good(self._known):
            return self._known.token
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly())
            self._flight.add_done_callback(self._landed)
        # A caller who gives up must not end the flight for the others: the old token may be dead already.
        return await asyncio.shield(self._flight)

    async def renew(self, bad_token: str) -> str:
        """Another token than the one Daraja refused; asks for it only if nobody has done so yet."""
        if self._known is None or self._known.token == bad_token:
            self._refused = bad_token
        return await self.get()

    async def close(self) -> None:
        """Ends a flight that nobody waits for any more."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.gather(self._flight, return_exceptions=True)

    async def _fly(self) -> str:
        self._known = await self._find()
        return self._known.token

    def _landed(self, flight: asyncio.Task[str]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()  # looked at, even if all who waited for it are gone

    async def _find(self) -> Stored:
        patience = asyncio.get_running_loop().time() + _PATIENCE
        while asyncio.get_running_loop().time() < patience:
            stored = await self._shared.read()
            if stored is not None and self._is_good(stored):
                return stored
            generation = stored.generation if stored is not None else 0
            if await self._shared.claim(generation, _HOLD):
                return await self._replace(generation + 1)
            await asyncio.sleep(_POLL)
        raise TokenUnavailable

    async def _replace(self, generation: int) -> Stored:
        asked = self._clock.now()
        try:
            fetched = await self._fetch()
        except TokenUnavailable:
            # Perhaps the old one is dead now; surely the next caller should try at once, not wait for our claim to end.
            await self._shared.store("", asked, generation)
            raise
        expires_at = asked + fetched.life - min(_SPARE, fetched.life / 2)
        await self._shared.store(fetched.token, expires_at, generation)
        return Stored(fetched.token, expires_at, generation)

    def _is_good(self, stored: Stored) -> bool:
        return stored.token != self._refused and self._clock.now() < stored.expires_at
