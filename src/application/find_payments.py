"""The read side: one payment, and its story."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from application import notes
from application.ports.open_payments import OpenPayments
from application.ports.payments import Payments
from application.ports.platform import Clock, Sealer
from application.ports.positions import Position
from application.ports.stories import KeptStory, Stories
from domain.errors import Forbidden, NotFound, Unavailable
from domain.history import Entry, Note, verify
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

    def whose(self, user_id: UUID | None) -> UUID | None:
        """
        Whose things a list holds that was asked for `user_id` (None: for nobody in particular). None: everybody's.

        Raises:
            Forbidden: they are another user's, or would be if there were such a user.
        """
        if self.sees_all:
            return user_id
        if self.user_id is None or user_id not in {None, self.user_id}:
            raise Forbidden("The token is another user's.")
        return self.user_id


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
    """
    A payment's history, oldest first, and the notes in it by seq.

    `broken_at`: the first seq that is missing or altered; None: it verifies.
    """

    entries: list[Entry]
    broken_at: int | None
    notes: Mapping[int, Note] = field(default_factory=dict)


class FindHistory:
    """
    The whole story of a payment, and whether it is whole.

    Raises:
        NotFound: there is no such payment, or it is somebody else's.
    """

    def __init__(self, *, stories: Stories, sealer: Sealer) -> None:
        self._stories = stories
        self._sealer = sealer

    async def execute(self, payment_id: UUID, reader: Reader) -> Story:
        kept = await self._stories.of(payment_id, after=reader.written)
        if kept is None or not reader.may_see(kept):
            raise NotFound
        return Story(kept.entries, verify(kept.entries, kept.head), notes.read_all(kept.entries, self._sealer))
