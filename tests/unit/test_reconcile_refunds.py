"""The truth of refunds that are still open: asked for until it is known, and never sent twice."""

from datetime import timedelta

import pytest

from application.ports.gateway import NothingSent
from application.ports.payments import Outcome
from domain.errors import Unavailable
from domain.evidence import Claim, Reason, Source
from domain.history import verify
from domain.payment import Payment, ReferenceKind, Report
from domain.refund import Refund, RefundStatus
from domain.status import Status
from tests.builders import a_refund_request, a_request, evidence, now, paid, usd
from tests.worlds import LOST, PAID, World, given

GONE = Report(evidence=(paid(usd(1000), Source.FETCHED),), references={ReferenceKind.REFUND: "re_1"})
TAKEN = Report(evidence=(evidence(Claim.PROCESSING),), references={ReferenceKind.REFUND: "re_1"})


class Dead(BaseException):
    """The process is killed."""


async def a_world(first: Report | BaseException, *then: Report | BaseException) -> World:
    """A payment that succeeded, a refund whose request ended like `first`, and what the gateway says after that."""
    world = given(PAID)
    await world.start_payment.execute(a_request())
    world.refund_gateway.answers.extend([first, *then])
    try:
        await world.refund_payment.execute(a_refund_request(world.the_payment()))
    except Dead:
        world.clock.pass_(seconds=61)  # nobody holds its lease any more
    return world


def the_refund(world: World) -> Refund:
    (refund,) = world.refunds.refunds.values()
    return refund


async def booked(world: World) -> Payment:
    payment = world.the_payment()
    assert verify(await world.payments.history(payment.id), world.payments.kept[payment.id].head) is None
    return payment


class TestLooking:
    async def test_a_crash_in_between_is_finished_under_the_same_name(self) -> None:
        """Nobody knows whether it was sent: the same refund is sent again, and succeeds once."""
        world = await a_world(Dead(), GONE)
        assert (the_refund(world).status, (await booked(world)).amount_reserved) == (RefundStatus.PROCESSING, 1000)

        assert await world.look_at_refunds() == 1

        assert world.refund_gateway.sent == [the_refund(world).id] * 2
        assert the_refund(world).status is RefundStatus.SUCCEEDED
        payment = await booked(world)
        assert (payment.amount_refunded, payment.amount_reserved) == (1000, 0)
        assert not world.refunds.work

    async def test_after_a_while_it_is_only_looked_for(self) -> None:
        """Later it would be a surprise."""
        world = await a_world(Dead(), GONE)
        world.clock.pass_(minutes=2)

        await world.look_at_refunds()

        assert len(world.refund_gateway.sent) == 1
        assert world.refund_gateway.looked_up == [the_refund(world).id]
        assert the_refund(world).status is RefundStatus.SUCCEEDED

    async def test_what_has_a_name_is_never_sent_again(self) -> None:
        """The gateway has it."""
        world = await a_world(TAKEN, GONE)
        world.clock.pass_(seconds=26)
        await world.look_at_refunds()
        assert len(world.refund_gateway.sent) == 1
        assert the_refund(world).status is RefundStatus.SUCCEEDED

    async def test_a_crash_is_a_lost_answer(self) -> None:
        """What M-Pesa says next of "already reversed" is then our own doing."""
        world = await a_world(Dead(), NothingSent())
        await world.look_at_refunds()
        assert the_refund(world).status is RefundStatus.UNKNOWN

    async def test_what_was_never_sent_is_free_again(self) -> None:
        """The gateway would know it by now, and does not."""
        absent = evidence(Claim.FAILED, Source.FETCHED, reason=Reason.NEVER_SENT, at=now() + timedelta(hours=1))
        world = await a_world(LOST, Report(evidence=(absent,)))
        world.clock.pass_(hours=1)
        await world.look_at_refunds()
        assert (the_refund(world).status, the_refund(world).failure) == (RefundStatus.FAILED, Reason.NEVER_SENT)
        assert ((await booked(world)).refundable, world.refunds.work) == (2500, {})

    @pytest.mark.parametrize("away", [NothingSent(), Unavailable()])
    async def test_a_gateway_that_is_away_is_asked_again_later(self, away: BaseException) -> None:
        """The amount stays reserved; the refund stays open."""
        world = await a_world(LOST, away, GONE)
        world.clock.pass_(minutes=3)
        await world.look_at_refunds()
        assert (the_refund(world).status, (await booked(world)).amount_reserved) == (RefundStatus.UNKNOWN, 1000)
        assert await world.look_at_refunds() == 0

        world.clock.pass_(hours=2)
        await world.look_at_refunds()

        assert the_refund(world).status is RefundStatus.SUCCEEDED

    async def test_the_same_news_makes_no_story(self) -> None:
        """Polling adds nothing; the next look is planned."""
        again = Report(evidence=(evidence(Claim.PROCESSING, Source.FETCHED, at=now() + timedelta(hours=1)),))
        world = await a_world(TAKEN, again, again)
        world.clock.pass_(hours=1)
        await world.look_at_refunds()
        version = (await booked(world)).version
        world.clock.pass_(hours=1)
        assert await world.look_at_refunds() == 1
        assert (await booked(world)).version == version

    async def test_a_look_whose_lease_was_taken_is_kept_and_weighed_next(self) -> None:
        """Two who look are one who decides."""
        world = await a_world(LOST, GONE)
        world.clock.pass_(minutes=3)
        (due,) = await world.reconcile_refunds.take(5)
        world.clock.pass_(seconds=61)
        assert await world.reconcile_refunds.take(5)

        await world.reconcile_refunds.execute(due)

        assert the_refund(world).status is RefundStatus.UNKNOWN
        world.clock.pass_(seconds=61)
        await world.look_at_refunds()
        assert the_refund(world).status is RefundStatus.SUCCEEDED
        await booked(world)


class TestGivingUp:
    async def test_the_truth_that_stays_away_goes_to_a_person_and_keeps_its_reserve(self) -> None:
        """After seven days; what comes later counts as always."""
        world = await a_world(LOST, Report(), GONE)
        world.clock.pass_(days=7)
        await world.look_at_refunds()
        assert (the_refund(world).status, (await booked(world)).amount_reserved) == (RefundStatus.REVIEW, 1000)

        world.clock.pass_(days=1)
        await world.look_at_refunds()

        assert the_refund(world).status is RefundStatus.SUCCEEDED
        assert (await booked(world)).amount_reserved == 0

    async def test_a_gateway_that_is_slow_is_not_the_truth_staying_away(self) -> None:
        """It says itself that it works on it."""
        slow = Report(evidence=(evidence(Claim.PROCESSING, Source.FETCHED, at=now() + timedelta(days=7)),))
        world = await a_world(TAKEN, slow, slow)
        world.clock.pass_(days=7)
        await world.look_at_refunds()
        world.clock.pass_(days=1)
        await world.look_at_refunds()
        assert the_refund(world).status is RefundStatus.PROCESSING


class TestAfterwards:
    async def test_what_came_back_is_free_again(self) -> None:
        """Weeks after it succeeded: FAILED, and may be given back another way."""
        world = await a_world(GONE)
        back = evidence(Claim.RETURNED, Source.SIGNED, reason=Reason.CARD_EXPIRED)
        await world.refund_is_told(Report(evidence=(back,)))
        assert (the_refund(world).status, the_refund(world).failure) == (RefundStatus.FAILED, Reason.CARD_EXPIRED)
        payment = await booked(world)
        assert (payment.amount_refunded, payment.refundable, payment.refund_status) == (0, 2500, "NONE")

    async def test_a_late_success_beside_what_was_given_meanwhile_is_doubted(self) -> None:
        """More went back than was taken: booked apart, and the payment is looked after until a person has."""
        world = await a_world(Report(evidence=(evidence(Claim.FAILED),)))
        world.refund_gateway.answers.append(Report(evidence=(paid(usd(2500)),)))
        first = the_refund(world).id
        await world.refund_payment.execute(a_refund_request(world.the_payment(), amount=None))
        before = await world.refunds.find(first)
        assert before is not None
        world.refunds.refunds = {first: before.refund}  # the one that is told of

        await world.refund_is_told(GONE)

        payment = await booked(world)
        assert (payment.status, payment.amount_refunded, payment.amount_excess_refunded) == (Status.REVIEW, 2500, 1000)
        assert payment.id in world.payments.work

    async def test_a_step_on_a_payment_that_moved_reads_again(self) -> None:
        """However often somebody is faster."""
        world = await a_world(LOST)
        before = await world.refunds.find(the_refund(world).id)
        assert before is not None
        await world.a_webhook_says(Report(evidence=(paid(usd(2500), Source.FETCHED),)))
        record, outcomes = world.refunds.record, []

        async def noted(step: object) -> object:
            outcomes.append(await record(step))  # type: ignore[arg-type]
            return outcomes[-1]

        world.refunds.record = noted  # type: ignore[method-assign, assignment]
        world.refunds.find = stale_once(before, world.refunds.find)  # type: ignore[method-assign, assignment]
        await world.refund_is_told(GONE)
        assert [recorded.outcome for recorded in outcomes] == [Outcome.STALE, Outcome.DONE]
        assert the_refund(world).status is RefundStatus.SUCCEEDED
        await booked(world)


def stale_once(before: object, find: object) -> object:
    """What was read a moment ago, and then what is true."""
    told = [before]

    async def found(*asked: object, **how: object) -> object:
        return told.pop() if told else await find(*asked, **how)  # type: ignore[operator]

    return found
