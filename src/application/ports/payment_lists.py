"""The read side: payments, and what happened to a user's, newest first and page by page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from application.ports.positions import Position
from application.ports.seen_payment import SeenPayment
from domain.history import Entry, Note
from domain.payment_method import GatewayName
from domain.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which payments: all that is not None must hold. They were made from `since` to `until`, both inclusive (UTC)."""

    user_id: UUID | None = None
    order_id: str | None = None
    status: Status | None = None
    currency: str | None = None
    gateway: GatewayName | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands among all of its user's: by its time (UTC), then by its payment and seq."""

    at: datetime
    payment_id: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class Line:
    """
    An entry among others, with its time (UTC) and the hash of the one before it in its payment's story.

    `note` is the one that it holds, once somebody has opened it.
    """

    entry: Entry
    previous: bytes
    at: datetime
    note: Note | None = None


class PaymentLists(Protocol):
    """
    Pages by the last thing of the page before: they stay as they are while others are added, and cost the same at any
    depth. They may be a moment behind, but not older than `written`; where an order is asked for, not at all.

    Raises, from every method:
        Unavailable: the database cannot serve now.
    """

    async def payments(
        self, wanted: Wanted, *, limit: int, after: UUID | None = None, written: Position | None = None
    ) -> list[SeenPayment]:
        """Up to `limit` payments, newest first, from the one that follows `after`."""
        ...

    async def history(
        self,
        user_id: UUID,
        *,
        limit: int,
        since: datetime | None = None,
        until: datetime | None = None,
        after: Place | None = None,
        written: Position | None = None,
    ) -> list[Line]:
        """Up to `limit` entries about a user's payments, written from `since` to `until`, newest first."""
        ...
