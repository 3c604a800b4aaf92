"""The read side: pages of payments, and of a user's story."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, Self, TypeVar
from uuid import UUID

from application import notes
from application.find_payments import Reader
from application.ports.payment_lists import Line, PaymentLists, Place, Wanted
from application.ports.platform import Sealer
from application.ports.seen_payment import SeenPayment

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list. `is_last`: nothing follows."""

    items: Sequence[T]
    is_last: bool

    @classmethod
    def of(cls, found: Sequence[T], limit: int) -> Self:
        """From up to `limit` + 1 that were found: the last of them only tells that there are more."""
        return cls(found[:limit], is_last=len(found) <= limit)


class ListPayments:
    """
    Payments, newest first: one's own, or all for those who see all.

    Raises:
        Forbidden: another user's are asked for.
    """

    def __init__(self, *, lists: PaymentLists) -> None:
        self._lists = lists

    async def execute(self, wanted: Wanted, reader: Reader, *, limit: int, after: UUID | None) -> Page[SeenPayment]:
        theirs = replace(wanted, user_id=reader.whose(wanted.user_id))
        found = await self._lists.payments(theirs, limit=limit + 1, after=after, written=reader.written)
        return Page.of(found, limit)


class ListHistory:
    """
    What happened to a user's payments, newest first.

    Raises:
        Forbidden: they are another user's.
    """

    def __init__(self, *, lists: PaymentLists, sealer: Sealer) -> None:
        self._lists = lists
        self._sealer = sealer

    async def execute(
        self,
        user_id: UUID,
        reader: Reader,
        *,
        since: datetime | None,
        until: datetime | None,
        limit: int,
        after: Place | None,
    ) -> Page[Line]:
        reader.whose(user_id)
        found = await self._lists.history(
            user_id, since=since, until=until, limit=limit + 1, after=after, written=reader.written
        )
        page = Page.of(found, limit)
        return replace(page, items=[replace(line, note=notes.read(line.entry, self._sealer)) for line in page.items])
