"""A repeated request gets the first answer: for requests that make no payment."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from application.ports.idempotency import IdempotencyKeys
from application.ports.payments import Answer, Key
from application.ports.platform import Clock, NewId
from domain.errors import Unavailable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OnceAnswered:
    """What the caller is told; `replayed` where it was told before."""

    answer: Answer
    replayed: bool = False


class AnswerOnce:
    """
    - Same key, same body: the first answer again, byte for byte.
    - Whatever raises has changed nothing that repeating the request would not find: it does not occupy the key.
    - After a crash the key is free again when `lease_for` is over, so what runs under it must bear being repeated.

    Raises:
        KeyInUse, KeyReused, KeyExpired: refused; nothing happened.
        Unavailable: the key could not be claimed; nothing happened.
    """

    def __init__(self, *, keys: IdempotencyKeys, clock: Clock, new_id: NewId, lease_for: timedelta) -> None:
        self._keys = keys
        self._clock = clock
        self._new_id = new_id
        self._lease_for = lease_for

    async def execute(self, key: Key | None, run: Callable[[], Awaitable[Answer]]) -> OnceAnswered:
        """The answer that `run` gives, or has given to the first request with this key."""
        if key is None:
            return OnceAnswered(await run())
        claim = self._new_id()
        known = await self._keys.claim(key, claim, self._clock.now(), self._lease_for)
        if known is not None:
            return OnceAnswered(known, replayed=True)
        try:
            answer = await run()
        except BaseException:
            with suppress(Unavailable):  # then it is free when the lease is over
                await self._keys.release(key, claim)
            raise
        try:
            return OnceAnswered(await self._keys.answer(key, claim, answer))
        except Unavailable:  # it is done all the same; a repeat will find it
            log.warning("answer.not_stored")
            return OnceAnswered(answer)
