"""The read side: refunds, newest first and page by page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from application.ports.positions import Position
from domain.refund import Refund, RefundStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRefunds:
    """Which: all that is not None must hold. They were asked for from `since` to `until`, both inclusive (UTC)."""

    user_id: UUID | None = None
    payment_id: UUID | None = None
    status: RefundStatus | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundPlace:
    """Where a refund stands among all: by the time when it was asked for (UTC), then by its id."""

    requested_at: datetime
    refund_id: UUID


class RefundLists(Protocol):
    """
    Pages by the last refund of the page before: they stay as they are while others are added, and cost the same at any
    depth. They may be a moment behind, but not older than `written`.

    Raises, from every method:
        Unavailable: the database cannot serve now.
    """

    async def refunds(
        self,
        wanted: WantedRefunds,
        *,
        limit: int,
        after: RefundPlace | None = None,
        written: Position | None = None,
    ) -> list[Refund]:
        """Up to `limit` refunds, newest first, from the one that follows `after`."""
        ...
