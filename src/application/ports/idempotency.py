"""Who used a key first, for requests that make no payment. Each method is one round trip."""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from application.ports.payments import Answer, Key


class IdempotencyKeys(Protocol):
    """
    Keeps keys and the answers under them. `claim` is a UUID of its own for each who tries.

    Raises, from every method:
        Unavailable: the database cannot serve now.
    """

    async def claim(self, key: Key, claim: UUID, now: datetime, lease_for: timedelta) -> Answer | None:
        """
        The key is ours for this long (None), or has its answer.

        Raises:
            KeyInUse: another claim of it is alive.
            KeyReused: it came with another body before.
            KeyExpired: it was used longer ago than keys are kept.
        """
        ...

    async def answer(self, key: Key, claim: UUID, answer: Answer) -> Answer:
        """Keep this answer if the claim is still ours; gives the one that is kept."""
        ...

    async def release(self, key: Key, claim: UUID) -> None:
        """Forget the key if the claim is still ours: nothing has happened under it."""
        ...
