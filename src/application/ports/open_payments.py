"""Everything on which work is left: nothing unfinished is ever forgotten, webhooks or not."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from application.ports.gateway import Operation
from application.ports.payments import Kept, Lease


@dataclass(frozen=True, slots=True)
class Due:
    """An open payment whose time has come, under a fresh lease."""

    kept: Kept
    operation: Operation
    lease: Lease


class OpenPayments(Protocol):
    """
    Hands out open payments, one at a time to each who asks. `Payments` opens and closes them with each step.

    Raises, from every method:
        Unavailable: the database cannot serve now.
    """

    async def operation(self, payment_id: UUID) -> Operation | None:
        """The call that may be in flight, or None where no work is left."""
        ...

    async def nudge(self, payment_id: UUID, now: datetime, at_most_every: timedelta) -> None:
        """Have an open payment looked at now, unless that was done a moment ago."""
        ...

    async def take_due(self, now: datetime, lease_for: timedelta, limit: int) -> list[Due]:
        """Up to `limit` open payments whose time has come and whose lease is over, each under a new lease of ours."""
        ...

    async def let_go(self, now: datetime) -> int:
        """Forget the settled whose duplicate window is over. Returns how many."""
        ...
