"""Where the gateways' words are kept before anyone acts on them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from application.ports.payments import Purpose
from domain.errors import PaymentError
from domain.ids import born
from domain.payment_method import GatewayName


@dataclass(frozen=True, slots=True)
class Message:
    """
    A webhook as it came: the exact bytes, who sent them, and what its secret path named, if it has one: a payment,
    perhaps one of its refunds, and what the path was made for.

    `event_id` is unique per gateway: the same event delivered again is the same message.
    """

    id: UUID
    gateway: GatewayName
    event_id: str
    body: bytes
    payment_id: UUID | None = None
    attempts: int = 0
    refund_id: UUID | None = None
    purpose: Purpose | None = None

    @property
    def arrived_at(self) -> datetime:
        """The millisecond inside the id (UTC)."""
        return born(self.id)


class TooEarly(PaymentError):
    """The message has outrun something of ours; it waits."""


class Inbox(Protocol):
    """
    Keeps webhooks until they are applied, once each.

    Raises, from every method:
        Unavailable: the database cannot serve now.
    """

    async def keep(self, message: Message) -> bool:
        """Durable from here on. False where the event is there already."""
        ...

    async def take(self, now: datetime, lease_for: timedelta, limit: int) -> list[Message]:
        """Up to `limit` messages to apply, oldest first, held for us for `lease_for`; counts an attempt."""
        ...

    async def done(self, message: Message, *, outcome: str) -> None:
        """Applied or rightly ignored: `outcome` says which."""
        ...

    async def later(self, message: Message, *, at: datetime, why: str, counts: bool) -> None:
        """Not yet: try again at `at`. `counts`: it was an attempt that failed, not one that came too early."""
        ...

    async def park(self, message: Message, *, why: str) -> None:
        """Given up: kept for a person to look at and replay."""
        ...

    async def waiting(self) -> int:
        """How many messages wait to be applied."""
        ...
