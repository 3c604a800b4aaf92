"""What everyone who lists payments and users' stories must promise."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from application.ports.payment_lists import Line, PaymentLists, Place, Wanted
from application.ports.payments import Payments
from application.ports.seen_payment import SeenPayment
from application.ports.stories import Stories
from domain.evidence import Claim
from domain.history import GENESIS
from domain.payment import Payment, Report
from domain.payment_method import GatewayName
from domain.status import Status
from tests.builders import SOMEONE, SOMEONE_ELSE, a_payment, an_mpesa_payment, evidence, paid
from tests.contracts.payments_contract import a_step, entries_of, opened

A_MOMENT = timedelta(milliseconds=1)


def an_id_of(*, milliseconds_ago: int) -> UUID:
    return UUID(int=uuid7().int - (milliseconds_ago << 80))


async def given(payments: Payments, *some: Payment) -> list[UUID]:
    """These are opened; their ids, newest first."""
    for payment in some:
        await opened(payments, payment)
    return [payment.id for payment in sorted(some, key=lambda one: one.id, reverse=True)]


async def listed(lists: PaymentLists, wanted: Wanted = Wanted(), *, limit: int = 100) -> list[UUID]:  # noqa: B008
    return [payment.id for payment in await lists.payments(wanted, limit=limit)]


class ListsContract:
    """Subclasses give the fixtures `payments`, `stories` and `lists`, empty, over one store."""

    async def test_payments_come_newest_first_as_they_are(self, payments: Payments, lists: PaymentLists) -> None:
        """What a list says of a payment is what looking at it says."""
        ids = await given(payments, *(a_payment(description="a plan") for _ in range(3)), an_mpesa_payment())

        found = await lists.payments(Wanted(), limit=100)

        assert [payment.id for payment in found] == ids
        kept = [await payments.find(identifier) for identifier in ids]
        assert found == [SeenPayment.of(one.payment) for one in kept if one]

    async def test_pages_hold_every_payment_once(self, payments: Payments, lists: PaymentLists) -> None:
        """Also where many were made in the same millisecond."""
        stem = a_payment().id.int >> 62 << 62
        ids = await given(payments, *(a_payment(id=UUID(int=stem | number)) for number in range(7)))

        found: list[UUID] = []
        while page := await lists.payments(Wanted(), limit=3, after=found[-1] if found else None):
            found += [payment.id for payment in page]

        assert found == ids

    async def test_a_page_does_not_change_while_payments_are_added(
        self, payments: Payments, lists: PaymentLists
    ) -> None:
        """What is new stands before the first page, so that the next one is the same as before."""
        ids = await given(payments, *(a_payment() for _ in range(4)))
        await given(payments, a_payment())

        assert [payment.id for payment in await lists.payments(Wanted(), limit=9, after=ids[1])] == ids[2:]

    @pytest.mark.parametrize(
        "wanted",
        [
            Wanted(user_id=SOMEONE_ELSE),
            Wanted(order_id="order_2"),
            Wanted(status=Status.SUCCEEDED),
            Wanted(currency="KES"),
            Wanted(gateway=GatewayName.MPESA),
        ],
        ids=str,
    )
    async def test_each_filter_lets_through_what_has_it(
        self, payments: Payments, lists: PaymentLists, wanted: Wanted
    ) -> None:
        """And nothing else; a filter that is not given lets everything through."""
        one, other = a_payment(), an_mpesa_payment(user_id=SOMEONE_ELSE, order_id="order_2")
        await given(payments, one)
        kept, lease = await opened(payments, other)
        await payments.record(a_step(kept, Report(evidence=(paid(),)), lease=lease))

        assert await listed(lists, wanted) == [other.id]
        assert await listed(lists) == [other.id, one.id]

    async def test_filters_hold_together(self, payments: Payments, lists: PaymentLists) -> None:
        """All that are given must be so at once."""
        (one,) = await given(payments, a_payment(order_id="order_2"))
        await given(payments, a_payment(), a_payment(order_id="order_2", user_id=SOMEONE_ELSE))
        every = Wanted(
            user_id=SOMEONE,
            order_id="order_2",
            status=Status.PROCESSING,
            currency="USD",
            gateway=GatewayName.STRIPE,
            since=datetime(2020, 1, 1, tzinfo=UTC),
            until=datetime(2100, 1, 1, tzinfo=UTC),
        )

        assert await listed(lists, every) == [one]
        assert await lists.payments(every, limit=9, after=one) == []

    async def test_both_ends_of_a_period_belong_to_it(self, payments: Payments, lists: PaymentLists) -> None:
        """To the millisecond in which a payment was made."""
        payment = a_payment()
        await given(payments, payment)
        at = payment.created_at

        assert await listed(lists, Wanted(since=at, until=at)) == [payment.id]
        assert await listed(lists, Wanted(since=at + A_MOMENT)) == []
        assert await listed(lists, Wanted(until=at - A_MOMENT)) == []

    async def test_a_users_story_comes_newest_first_over_all_payments(
        self, payments: Payments, stories: Stories, lists: PaymentLists
    ) -> None:
        """Entries as they stand in each payment's story, with the hash before; nothing of anybody else's."""
        first, lease = await opened(payments, a_payment(id=an_id_of(milliseconds_ago=2)))
        second, _ = await opened(payments, a_payment(id=an_id_of(milliseconds_ago=1)))
        await opened(payments, a_payment(user_id=SOMEONE_ELSE))
        await payments.record(a_step(first, Report(evidence=(evidence(Claim.LOST),)), lease=lease))

        lines = await lists.history(SOMEONE, limit=100)

        begun, lost = await entries_of(stories, first.payment.id)
        assert [(line.entry.payment_id, line.entry.seq) for line in lines] == [
            (first.payment.id, 2),
            (second.payment.id, 1),
            (first.payment.id, 1),
        ]
        assert [line.entry for line in lines if line.entry.payment_id == first.payment.id] == [lost, begun]
        assert [line.previous for line in lines] == [begun.hash, GENESIS, GENESIS]
        assert [line.at for line in lines] == sorted((line.at for line in lines), reverse=True)

    async def test_pages_of_a_story_hold_every_entry_once(self, payments: Payments, lists: PaymentLists) -> None:
        """Also where many were written in the same millisecond."""
        stem = a_payment().id.int >> 62 << 62
        await given(payments, *(a_payment(id=UUID(int=stem | number)) for number in range(7)))
        whole = await lists.history(SOMEONE, limit=100)

        found = await lists.history(SOMEONE, limit=3)
        while page := await lists.history(SOMEONE, limit=3, after=place_of_last(found)):
            found += page

        assert found == whole
        assert len(found) == 7

    async def test_a_story_of_a_period_has_both_its_ends(self, payments: Payments, lists: PaymentLists) -> None:
        """By the time of the entry, not of its payment."""
        payment = a_payment(id=an_id_of(milliseconds_ago=1))
        kept, lease = await opened(payments, payment)
        step = a_step(kept, Report(evidence=(evidence(Claim.LOST),)), lease=lease)
        await payments.record(step)
        at = step.after.updated_at

        assert [line.entry.seq for line in await lists.history(SOMEONE, limit=9, since=at, until=at)] == [2]
        assert [line.entry.seq for line in await lists.history(SOMEONE, limit=9, until=at - A_MOMENT)] == [1]
        assert await lists.history(SOMEONE, limit=9, since=at + A_MOMENT) == []


def place_of_last(lines: list[Line]) -> Place:
    return Place(lines[-1].at, lines[-1].entry.payment_id, lines[-1].entry.seq)
