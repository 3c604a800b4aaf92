"""Sends events to the webhook endpoint: signed, repeated until accepted, and never in the way of an answer."""

import asyncio
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import aiohttp

from entrypoints.sandbox.behaviour import Behaviour
from entrypoints.sandbox.ledger import Place
from entrypoints.sandbox.stripe.store import Store

_AT_ONCE: Final = 16
_TRIES: Final = 10
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_ANSWER_WITHIN: Final = 20.0


@dataclass(frozen=True)
class Destination:
    """Where webhooks go, the secret they are signed with and the types wanted (none named: all of them)."""

    url: str | None = None
    secret: str = ""
    types: frozenset[str] = frozenset()

    def wants(self, event_type: str) -> bool:
        return self.url is not None and (not self.types or event_type in self.types)

    def signature(self, body: bytes) -> str:
        """A `Stripe-Signature` of this moment."""
        moment = str(int(time.time()))
        signed = hmac.new(self.secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
        return f"t={moment},v1={signed.hexdigest()}"


@dataclass
class Courier:
    """A few senders and one queue; an event waits in the ledger, not in memory."""

    store: Store
    destination: Destination
    behaviour: Behaviour
    _queue: "asyncio.Queue[tuple[str, Place, int]]" = field(default_factory=asyncio.Queue)
    _senders: list["asyncio.Task[None]"] = field(default_factory=list)
    _session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Begin sending, with what an earlier process could not send."""
        if self.destination.url is None:
            return
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_ANSWER_WITHIN), connector=aiohttp.TCPConnector(limit=_AT_ONCE)
        )
        self._senders = [asyncio.create_task(self._send_forever(self._session)) for _ in range(_AT_ONCE)]
        for event_id, place in self.store.undelivered.items():
            self.send(event_id, place)

    async def stop(self) -> None:
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def send(self, event_id: str, place: Place) -> None:
        """Deliver the event now or when the rules allow it."""
        self.behaviour.deliver(partial(self._queue.put_nowait, (event_id, place, 1)))

    async def _send_forever(self, session: aiohttp.ClientSession) -> None:
        while True:
            event_id, place, attempt = await self._queue.get()
            if await self._accepted(session, self.store.ledger.read(place)):
                await self.store.delivered(event_id, accepted=True)
            elif attempt == _TRIES:
                await self.store.delivered(event_id, accepted=False)
            else:
                pause = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
                again = (event_id, place, attempt + 1)
                asyncio.get_running_loop().call_later(pause, self._queue.put_nowait, again)

    async def _accepted(self, session: aiohttp.ClientSession, body: bytes) -> bool:
        assert self.destination.url is not None  # noqa: S101  # for the type checker: nothing is sent without one
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": self.destination.signature(body),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            async with session.post(self.destination.url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status // 100 == 2  # noqa: PLR2004
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
