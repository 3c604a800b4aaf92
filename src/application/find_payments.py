"""The read side: one payment, and its story."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from application.ports.open_payments import OpenPayments
from application.ports.payments import Payments
from application.ports.platform import Clock
from application.ports.positions import Position
from application.ports.stories import KeptStory, Stories
from domain.errors import NotFound, Unavailable
from domain.history import Entry, verify
from domain.payment import Payment
from domain.status import Status

_NUDGE_AT_MOST_EVERY: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who wants to see: their own things only, unless `sees_all`; and all that they have `written`."""

    user_id: UUID | None
    sees_all: bool = False
    written: Position | None = None

    def may_see(self, thing: Payment | KeptStory) -> bool:
        return self.sees_all or thing.user_id == self.user_id


class FindPayment:
    """
    One payment. Looking at one whose truth is still out makes us ask the gateway again.

    Raises:
        NotFound: there is none, or it is somebody else's; the two look the same.
    """

    def __init__(self, *, payments: Payments, open_payments: OpenPayments, clock: Clock) -> None:
        self._payments = payments
        self._open_payments = open_payments
        self._clock = clock

    async def execute(self, payment_id: UUID, reader: Reader) -> Payment:
        kept = await self._payments.find(payment_id)
        if kept is None or not reader.may_see(kept.payment):
            raise NotFound
        payment = kept.payment
        now = self._clock.now()
        waits = not payment.status.is_closed and payment.status is not Status.REVIEW  # a person's is not asked about
        if waits and now - payment.updated_at > _NUDGE_AT_MOST_EVERY:
            with suppress(Unavailable):  # what was asked for is here; the nudge was a favour
                await self._open_payments.nudge(payment_id, now, _NUDGE_AT_MOST_EVERY)
        return payment


@dataclass(frozen=True, slots=True)
class Story:
    """A payment's history, oldest first. `broken_at`: the first seq that is missing or altered; None: it verifies."""

    entries: list[Entry]
    broken_at: int | None


class FindHistory:
    """
    The whole story of a payment, and whether it is whole.

    Raises:
        NotFound: there is no such payment, or it is somebody else's.
    """

    def __init__(self, *, stories: Stories) -> None:
        self._stories = stories

    async def execute(self, payment_id: UUID, reader: Reader) -> Story:
        kept = await self._stories.of(payment_id, after=reader.written)
        if kept is None or not reader.may_see(kept):
            raise NotFound
        return Story(kept.entries, verify(kept.entries, kept.head))
