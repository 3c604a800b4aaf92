"""What everyone who lists refunds must promise."""

import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from application.ports.payments import Payments
from application.ports.refund_lists import RefundLists, RefundPlace, WantedRefunds
from application.ports.refunds import RefundPromise, Refunds
from domain.history import RefundMove, tell
from domain.payment import Payment, Report
from domain.refund import Refund, RefundChannel, RefundStatus
from tests.builders import SOMEONE, SOMEONE_ELSE, THE_REQUEST, a_payment, now, paid, usd
from tests.contracts.payments_contract import a_step, opened

A_MOMENT = timedelta(milliseconds=1)


async def paid_for(payments: Payments, **facts: Any) -> Payment:
    kept, lease = await opened(payments, a_payment(**facts))
    await payments.record(a_step(kept, Report(evidence=(paid(usd(2500)),)), lease=lease))
    return kept.payment


async def refunded(payments: Payments, refunds: Refunds, payment: Payment, *, at: datetime, **facts: Any) -> Refund:
    """A refund of one cent, asked for at this time."""
    before = await payments.find(payment.id)
    assert before
    refund = Refund(
        **{
            "id": UUID(int=payment.id.int >> 80 << 80 | 7 << 76 | 2 << 62 | secrets.randbits(62)),
            "payment_id": payment.id,
            "user_id": payment.user_id,
            "money": usd(1),
            "channel": RefundChannel.STRIPE,
            "reason": "too small",
            "requested_at": at,
            "updated_at": at,
        }
        | facts
    )
    after = before.payment.rebooked(held=1, gone=0, at=at)
    entry = tell(before.payment, after, THE_REQUEST, before.head, RefundMove(None, refund))
    await refunds.open(RefundPromise(before=before, payment=after, refund=refund, entry=entry))
    return refund


class RefundListsContract:
    """Subclasses give the fixtures `payments`, `refunds` and `lists`, empty, over one store."""

    @pytest.fixture
    async def four(self, payments: Payments, refunds: Refunds) -> list[Refund]:
        """Two refunds of a payment, one of another one, one of another user's; newest first."""
        mine, other, theirs = [
            await paid_for(payments, user_id=user, order_id=f"order_{number}")
            for number, user in enumerate((SOMEONE, SOMEONE, SOMEONE_ELSE))
        ]
        began = now()
        made = [
            await refunded(payments, refunds, mine, at=began),
            await refunded(payments, refunds, other, at=began + A_MOMENT, status=RefundStatus.UNKNOWN),
            await refunded(payments, refunds, theirs, at=began + 2 * A_MOMENT),
            await refunded(payments, refunds, mine, at=began + 3 * A_MOMENT),
        ]
        return made[::-1]

    async def test_refunds_come_newest_first_as_they_are(
        self, four: list[Refund], refunds: Refunds, lists: RefundLists
    ) -> None:
        """By the time when they were asked for, not by that of their payment."""
        found = await lists.refunds(WantedRefunds(), limit=9)

        assert found == four
        alone = [await refunds.find(refund.id) for refund in four]
        assert found == [one.refund for one in alone if one]

    async def test_each_filter_lets_through_what_has_it(self, four: list[Refund], lists: RefundLists) -> None:
        """Alone and together."""
        newest, theirs, unknown, oldest = four
        for wanted, found in (
            (WantedRefunds(user_id=SOMEONE_ELSE), [theirs]),
            (WantedRefunds(payment_id=newest.payment_id), [newest, oldest]),
            (WantedRefunds(status=RefundStatus.UNKNOWN), [unknown]),
            (WantedRefunds(user_id=SOMEONE, since=unknown.requested_at), [newest, unknown]),
            (WantedRefunds(since=theirs.requested_at, until=theirs.requested_at), [theirs]),
            (WantedRefunds(payment_id=newest.payment_id, until=newest.requested_at - A_MOMENT), [oldest]),
            (WantedRefunds(payment_id=newest.payment_id, user_id=SOMEONE_ELSE), []),
            (WantedRefunds(payment_id=uuid7()), []),
            (WantedRefunds(payment_id=SOMEONE), []),
        ):
            assert await lists.refunds(wanted, limit=9) == found, wanted

    async def test_pages_hold_every_refund_once(self, payments: Payments, refunds: Refunds, lists: RefundLists) -> None:
        """Also where many were asked for in the same millisecond, of one payment."""
        payment, at = await paid_for(payments), now()
        made = [await refunded(payments, refunds, payment, at=at) for _ in range(5)]

        found: list[Refund] = []
        while page := await lists.refunds(WantedRefunds(), limit=2, after=_place(found)):
            found += page

        assert [refund.id for refund in found] == sorted((refund.id for refund in made), reverse=True)


def _place(found: list[Refund]) -> RefundPlace | None:
    return RefundPlace(found[-1].requested_at, found[-1].id) if found else None
