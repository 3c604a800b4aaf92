"""The truth of whatever is still open."""

from datetime import timedelta

from application.ports.gateway import NothingSent
from application.ports.webhooks import About
from application.record_report import Told
from domain.errors import Unavailable
from domain.evidence import Claim, Reason, Source
from domain.history import Cause, CauseKind
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import GatewayName
from domain.status import Status
from tests.builders import a_phone, a_request, evidence, kes, paid, usd
from tests.worlds import LOST, PAID, World, given

INTENT = {ReferenceKind.PAYMENT_INTENT: "pi_1"}
ASKS = Report(evidence=(evidence(Claim.REQUIRES_ACTION),), references=INTENT, next_action={"type": "three_d_secure"})
PROMPT = Report(evidence=(evidence(Claim.REQUIRES_ACTION),), references={ReferenceKind.CHECKOUT_REQUEST: "ws_CO_1"})


class Crash(BaseException):
    """The process ends here."""


async def crashed(*answers: Report | BaseException, mpesa: bool = False) -> World:
    """A payment whose process died between the gateway's answer and the commit."""
    world = given(Crash(), *answers)
    world.gateway.may_repeat = not mpesa
    method = {"method": a_phone(), "money": kes(10)} if mpesa else {}
    try:
        await world.start_payment.execute(a_request(**method))
    except Crash:
        world.clock.pass_(seconds=61)
    return world


class TestAfterACrash:
    async def test_the_same_call_is_sent_again_under_the_same_key_while_that_is_no_surprise(self) -> None:
        """Where the gateway takes a key, within two minutes: it gives the same charge or makes the first."""
        world = await crashed(PAID)

        await world.look()

        payment = world.the_payment()
        assert payment.status is Status.SUCCEEDED
        assert world.gateway.asked == [payment.id, payment.id]

    async def test_later_it_is_only_looked_for(self) -> None:
        """After two minutes a charge would come as a surprise."""
        world = await crashed(LOST)
        world.clock.pass_(minutes=2)

        await world.look()

        payment = world.the_payment()
        assert payment.status is Status.UNKNOWN
        assert (len(world.gateway.asked), world.gateway.looked_up) == (1, [payment.id])

    async def test_a_prompt_is_never_sent_twice(self) -> None:
        """M-Pesa takes no key: what may have been sent is only looked for."""
        world = await crashed(LOST, mpesa=True)
        await world.look()
        assert (len(world.gateway.asked), len(world.gateway.looked_up)) == (1, 1)
        assert world.the_payment().status is Status.UNKNOWN

    async def test_what_the_gateway_never_saw_is_failed_and_may_be_tried_again(self) -> None:
        """The gateway's list is authoritative; the purchase is free again."""
        never = evidence(Claim.FAILED, reason=Reason.NEVER_SENT)
        world = await crashed(Report(evidence=(never,)), PAID)
        world.clock.pass_(hours=1)
        await world.look()
        assert (world.the_payment().status, world.the_payment().reason) == (Status.FAILED, Reason.NEVER_SENT)
        assert (await world.start_payment.execute(a_request())).answer.status == 201

    async def test_nobody_acts_while_the_lease_lives(self) -> None:
        """The first may still be at the gateway."""
        world = await crashed(PAID)
        world.clock.pass_(seconds=-2)
        assert await world.look() == 0


class TestAsking:
    async def test_a_silent_gateway_is_asked_on_schedule(self) -> None:
        """25 s after the prompt; until then its callback has time."""
        world = given(PROMPT, Report(evidence=(evidence(Claim.SUCCEEDED, Source.QUERY),)))
        await world.start_payment.execute(a_request(method=a_phone(), money=kes(10)))
        assert await world.look() == 0
        world.clock.pass_(seconds=26)
        assert await world.look() == 1
        assert world.the_payment().status is Status.SUCCEEDED
        assert len(world.gateway.asked) == 1

    async def test_a_gateway_that_cannot_be_asked_is_asked_again(self) -> None:
        """A question that failed proves nothing."""
        world = given(PROMPT, NothingSent(), Unavailable(), Report(evidence=(paid(kes(10)),)))
        await world.start_payment.execute(a_request(method=a_phone(), money=kes(10)))
        for _ in range(3):
            world.clock.pass_(hours=2)
            assert await world.look() == 1
        assert world.the_payment().status is Status.SUCCEEDED

    async def test_asking_without_news_leaves_no_trace_in_the_story(self) -> None:
        """The history is of what happened."""
        still = Report(evidence=(evidence(Claim.REQUIRES_ACTION, Source.QUERY),))
        world = given(PROMPT, still, still)
        await world.start_payment.execute(a_request(method=a_phone(), money=kes(10)))
        for _ in range(3):
            world.clock.pass_(hours=1)
            await world.look()
        assert world.the_payment().version == 3

    async def test_asking_goes_on_after_a_person_was_called_and_changes_nothing_by_itself(self) -> None:
        """One version for the review, however often the gateway still does not know."""
        world = given(LOST)
        await world.start_payment.execute(a_request())
        for _ in range(5):
            world.clock.pass_(days=8)
            world.gateway.answers = [Report(evidence=(evidence(Claim.LOST, Source.CLOCK, at=world.clock.now()),))]
            await world.look()
        payment = world.the_payment()
        assert (payment.status, payment.version) == (Status.REVIEW, 3)

    async def test_the_week_counts_from_when_the_waiting_began(self) -> None:
        """A transfer that is funded in part on the eighth day waits from that day on."""
        world = given(ASKS)
        await world.start_payment.execute(a_request())
        world.clock.pass_(days=8)
        in_part = evidence(Claim.PROCESSING, Source.SIGNED, at=world.clock.now())
        await world.a_webhook_says(Report(evidence=(in_part,)))
        await world.look()
        assert world.the_payment().status is Status.PROCESSING
        world.clock.pass_(days=7)
        await world.look()
        assert world.the_payment().status is Status.REVIEW

    async def test_a_claim_to_be_paid_that_came_while_we_looked_is_asked_about_soon(self) -> None:
        """The look was asked before the claim, so it answers nothing about it."""
        world = given(PROMPT)
        await world.start_payment.execute(a_request(method=a_phone(), money=kes(10)))
        world.clock.pass_(minutes=16)
        (due,) = await world.reconcile.take(1)
        claim = evidence(Claim.PAID, Source.SIGNED, amount=kes(10), at=world.clock.now())
        await world.a_webhook_says(Report(evidence=(claim,)))
        await world.reconcile.execute(due)
        world.clock.pass_(seconds=16)
        assert await world.look() == 1

    async def test_a_week_without_truth_goes_to_a_person(self) -> None:
        """Never guessed: not failed, not forgotten."""
        world = given(LOST)
        await world.start_payment.execute(a_request())
        world.clock.pass_(days=6, hours=23)
        await world.look()
        assert world.the_payment().status is Status.UNKNOWN
        world.clock.pass_(days=1)
        await world.look()
        assert world.the_payment().status is Status.REVIEW
        assert world.the_payment().id in world.payments.work


class TestEndings:
    async def test_an_abandoned_payment_is_cancelled_at_the_gateway(self) -> None:
        """Only the gateway's word closes it."""
        gone = evidence(Claim.CANCELLED, Source.ANSWER, code="canceled", reason=Reason.ABANDONED)
        world = given(ASKS)
        world.gateway.lifetime = timedelta(hours=1)
        await world.start_payment.execute(a_request())
        world.clock.pass_(minutes=59)
        await world.look()
        assert world.gateway.cancelled == []
        world.gateway.answers = [Report(evidence=(gone,))]
        world.clock.pass_(minutes=1)
        await world.look()
        assert world.gateway.cancelled == [world.the_payment().id]
        assert (world.the_payment().status, world.the_payment().reason) == (Status.CANCELLED, Reason.ABANDONED)

    async def test_a_declined_payment_that_could_still_be_paid_is_cancelled(self) -> None:
        """Its intent must not outlive the answer we gave."""
        declined = evidence(Claim.FAILED, code="card_declined", reason=Reason.DECLINED)
        gone = evidence(Claim.FAILED, Source.ANSWER, code="canceled", reason=Reason.DECLINED)
        world = given(Report(evidence=(declined,), references=INTENT), Report(evidence=(gone,)))
        await world.start_payment.execute(a_request())
        world.clock.pass_(seconds=26)

        await world.look()

        assert world.gateway.cancelled == [world.the_payment().id]
        assert world.the_payment().id not in world.payments.work

    async def test_a_failure_to_verify_first_is_asked_about_for_a_day(self) -> None:
        """Successes were seen after 1037: closing it does not end the asking, and holds nobody's purchase up."""
        unreachable = evidence(Claim.EXPIRED, Source.SIGNED, code="1037", verify_first=True)
        world = given(PROMPT)
        await world.start_payment.execute(a_request(method=a_phone(), money=kes(10)))
        await world.a_webhook_says(Report(evidence=(unreachable,)))
        world.clock.pass_(seconds=90)
        again = evidence(Claim.EXPIRED, Source.QUERY, code="1037", verify_first=True, at=world.clock.now())
        world.gateway.answers = [Report(evidence=(again,))]
        await world.look()
        assert world.the_payment().status is Status.EXPIRED
        row = world.payments.work[world.the_payment().id]
        assert row.likeness is None

        world.clock.pass_(hours=5)
        world.gateway.answers = [Report(evidence=(evidence(Claim.SUCCEEDED, Source.QUERY),))]
        await world.look()
        payment = world.the_payment()
        assert (payment.status, payment.late) == (Status.SUCCEEDED, True)

    async def test_a_late_success_of_an_order_that_was_paid_again_is_flagged(self) -> None:
        """Both are kept: the shop is told, nothing is hidden."""
        world = given(Report(evidence=(evidence(Claim.FAILED),)), PAID)
        first = await world.start_payment.execute(a_request())
        await world.start_payment.execute(a_request())
        kept = world.payments.kept[first.id]
        world.payments.kept = {first.id: kept} | world.payments.kept

        await late_success(world, kept.payment)
        await world.look()

        payment = world.payments.kept[first.id].payment
        assert (payment.status, payment.late, payment.order_overpaid) == (Status.SUCCEEDED, True, True)
        assert [entry.event for entry in world.payments.entries[payment.id]][-1] == "order.overpaid"

    async def test_an_order_that_is_paid_again_after_a_late_success_is_flagged_too(self) -> None:
        """The usual order of things: told failed, started again, the first succeeds late, then the second."""
        world = given(Report(evidence=(evidence(Claim.FAILED),)), LOST)
        first = await world.start_payment.execute(a_request())
        second = await world.start_payment.execute(a_request())
        await late_success(world, world.payments.kept[first.id].payment)
        await world.look()
        assert not world.payments.kept[first.id].payment.order_overpaid

        kept = world.payments.kept[second.id]
        told = Told(report=PAID, cause=Cause(CauseKind.WEBHOOK, "evt"), looked=False)
        await world.record_report.execute(kept, told)
        await world.look()

        assert world.payments.kept[second.id].payment.order_overpaid
        assert await world.look() == 0

    async def test_a_late_success_of_an_order_that_was_not_paid_again_is_not(self) -> None:
        """Late is not twice."""
        world = given(Report(evidence=(evidence(Claim.FAILED),)))
        await world.start_payment.execute(a_request())
        await late_success(world, world.the_payment())
        await world.look()
        assert (world.the_payment().late, world.the_payment().order_overpaid) == (True, False)


async def late_success(world: World, payment: Payment) -> None:
    world.means(b"late", Report(evidence=(paid(usd(2500), Source.SIGNED),)), about=About(payment_id=payment.id))
    await world.receive_webhook.execute(GatewayName.STRIPE, "evt_late", b"late")
    await world.apply_inbox.execute()
