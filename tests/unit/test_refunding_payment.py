"""What refunds, captures and cancels do to a payment: its amounts always add up, and never too much goes back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from domain.errors import Invalid, NotCancellable, NotCapturable, NotRefundable, PaymentDisputed, RefundTooLarge
from domain.evidence import Claim, Source
from domain.history import RefundMove, event_type, refund_event
from domain.payment import CaptureMethod, Payment, Report
from domain.refund import Refund, RefundOrigin, RefundStatus
from domain.status import Status
from tests.builders import a_paid_payment, a_payment, a_refund, an_mpesa_payment, evidence, now, usd

CAPTURED = 2500
START = now()


class Refunding(RuleBasedStateMachine):
    """Refunds of one payment in any order: asked for, made outside, succeeding, failing, coming back, late."""

    refunds = Bundle("refunds")

    def __init__(self) -> None:
        super().__init__()
        self.payment: Payment = a_paid_payment()
        self.all: dict[object, Refund] = {}
        self.at = START

    @rule(target=refunds, amount=st.one_of(st.none(), st.integers(min_value=-1, max_value=CAPTURED + 1)))
    def asks(self, amount: int | None) -> object:
        before = self.payment
        try:
            money = before.money_to_refund(amount)
        except (RefundTooLarge, NotRefundable) as refused:
            wanted = before.refundable if amount is None else amount
            if isinstance(refused, RefundTooLarge):
                assert not 1 <= wanted <= before.refundable
            else:
                assert before.status is not Status.SUCCEEDED
            return None
        assert money.amount == (before.refundable if amount is None else amount) > 0
        refund = a_refund(before, money=money)
        self.payment = before.rebooked(held=refund.amount_held, gone=0, at=self.at)
        self.all[refund.id] = refund
        assert self._asked_for() <= CAPTURED
        return refund.id

    @rule(target=refunds, amount=st.integers(min_value=1, max_value=CAPTURED))
    def is_made_outside(self, amount: int) -> object:
        refund = a_refund(self.payment, money=usd(amount), origin=RefundOrigin.EXTERNAL)
        self.payment = self.payment.rebooked(held=refund.amount_held, gone=refund.amount_gone, at=self.at)
        self.all[refund.id] = refund
        return refund.id

    @rule(
        refund=refunds,
        claim=st.sampled_from(Claim),
        source=st.sampled_from([Source.FETCHED, Source.SIGNED, Source.ANSWER, Source.CLOCK]),
    )
    def is_told_of(self, refund: object, claim: Claim, source: Source) -> None:
        if refund is None:
            return
        self.at += timedelta(seconds=1)
        was = self.all[refund]
        after = was.learn(Report(evidence=(evidence(claim, source, at=self.at),)), self.at)
        held, gone = after.amount_held - was.amount_held, after.amount_gone - was.amount_gone
        self.payment = self.payment.rebooked(held=held, gone=gone, at=self.at)
        self.all[refund] = after

    @rule(refund=consumes(refunds))
    def is_forgotten(self, refund: object) -> None:
        """No more is told of it."""

    @rule()
    def the_payment_is_looked_at(self) -> None:
        seen = evidence(Claim.SUCCEEDED, Source.FETCHED, amount=self.payment.money, at=self.at)
        self.payment = self.payment.learn(Report(evidence=(seen,)), self.at)

    @invariant()
    def what_is_booked_is_what_is_known(self) -> None:
        payment = self.payment
        assert payment.amount_reserved == sum(refund.amount_held for refund in self.all.values())
        gone = sum(refund.amount_gone for refund in self.all.values())
        assert payment.amount_refunded + payment.amount_excess_refunded == gone

    @invariant()
    def the_books_add_up(self) -> None:
        payment = self.payment
        assert min(payment.amount_refunded, payment.amount_reserved, payment.amount_excess_refunded) >= 0
        assert payment.amount_captured == CAPTURED
        assert payment.amount_refunded + payment.amount_reserved <= payment.amount_captured
        assert payment.refundable >= 0
        if payment.amount_excess_refunded:
            assert payment.refundable == 0

    @invariant()
    def what_exceeds_is_doubted_and_only_that(self) -> None:
        doubted = self.payment.amount_excess_refunded > 0
        assert self.payment.status is (Status.REVIEW if doubted else Status.SUCCEEDED)

    @invariant()
    def it_says_how_much_has_gone(self) -> None:
        payment = self.payment
        expected = "NONE" if not payment.amount_refunded else "PARTIAL"
        assert payment.refund_status == ("FULL" if payment.amount_refunded == CAPTURED else expected)

    def _asked_for(self) -> int:
        """What we have promised ourselves and what has gone: no request may take it beyond what was taken."""
        return sum(refund.amount_held + refund.amount_gone for refund in self.all.values())


TestRefunding = Refunding.TestCase
TestRefunding.settings = settings(max_examples=150, stateful_step_count=30)


class TestRefunds:
    @pytest.mark.parametrize("status", [status for status in Status if status is not Status.SUCCEEDED])
    def test_only_what_was_taken_can_go_back(self, status: Status) -> None:
        """In every other status there is nothing, or nobody knows."""
        with pytest.raises(NotRefundable, match=status):
            a_payment(status=status).money_to_refund(None)

    def test_disputed_money_is_the_banks_to_decide_about(self) -> None:
        """Before all else."""
        with pytest.raises(PaymentDisputed):
            replace(a_paid_payment(), disputed=True).money_to_refund(1)

    @pytest.mark.parametrize("amount", [0, -1, 2501])
    def test_an_amount_that_is_not_there_is_refused_with_what_is(self, amount: int) -> None:
        """The caller can act on the number."""
        with pytest.raises(RefundTooLarge) as told:
            a_paid_payment().money_to_refund(amount)
        assert told.value.facts == {"refundable": 2500}

    def test_nothing_left_is_refused_too(self) -> None:
        """All that is left of nothing is no refund."""
        spent = a_paid_payment().rebooked(held=2500, gone=0, at=START)
        with pytest.raises(RefundTooLarge) as told:
            spent.money_to_refund(None)
        assert told.value.facts == {"refundable": 0}

    def test_what_exceeds_makes_room_for_nothing_and_goes_away_with_what_failed(self) -> None:
        """Sixty of a hundred on its way, sixty more given back outside: twenty too many, until the first fails."""
        payment = a_paid_payment(money=usd(100)).rebooked(held=60, gone=0, at=START).rebooked(held=0, gone=60, at=START)
        assert (payment.amount_refunded, payment.amount_excess_refunded, payment.status) == (40, 20, Status.REVIEW)

        payment = payment.rebooked(held=-60, gone=0, at=START)

        assert (payment.amount_refunded, payment.amount_excess_refunded, payment.status) == (60, 0, Status.SUCCEEDED)
        assert (payment.refundable, payment.refund_status) == (40, "PARTIAL")

    def test_a_payment_that_came_late_is_refundable(self) -> None:
        """Its money was taken all the same, and stays late after a doubt."""
        late = a_payment().learn(Report(evidence=(evidence(Claim.FAILED, Source.ANSWER),)), START)
        late = late.learn(Report(evidence=(evidence(Claim.SUCCEEDED, Source.SIGNED, amount=usd(2500)),)), START)
        assert late.money_to_refund(None) == usd(2500)

    def test_its_changes_are_published_under_its_own_name(self) -> None:
        """Made, moved, or told more of."""
        made = a_refund()
        gone = replace(made, status=RefundStatus.SUCCEEDED)
        assert refund_event(RefundMove(None, made)) == "refund.created"
        assert refund_event(RefundMove(made, gone)) == "refund.succeeded"
        assert refund_event(RefundMove(gone, gone)) == "refund.updated"


class TestCapturing:
    held = a_payment(status=Status.AUTHORIZED, capture_method=CaptureMethod.MANUAL)

    @pytest.mark.parametrize("amount", [1, 1000, 2500])
    def test_a_part_or_all_of_what_is_held_is_owed(self, amount: int) -> None:
        """What is taken is then right, and what was asked for at first is not."""
        asked = self.held.asked_to_capture(amount, START)
        assert (asked.owed, asked.version, asked.status) == (usd(amount), self.held.version + 1, Status.AUTHORIZED)
        assert event_type(self.held, asked) == "payment.capture_requested"

        taken = asked.learn(Report(evidence=(evidence(Claim.SUCCEEDED, amount=usd(amount)),)), START)

        assert (taken.status, taken.amount_captured, taken.refundable) == (Status.SUCCEEDED, amount, amount)

    def test_another_amount_than_was_asked_goes_to_a_person(self) -> None:
        """Money moved that nobody asked for."""
        asked = self.held.asked_to_capture(1000, START)
        taken = asked.learn(Report(evidence=(evidence(Claim.SUCCEEDED, amount=usd(2500)),)), START)
        assert taken.status is Status.REVIEW

    @pytest.mark.parametrize("amount", [0, -1, 2501])
    def test_nothing_or_more_than_is_held_is_refused(self, amount: int) -> None:
        """The field is named."""
        with pytest.raises(Invalid) as told:
            self.held.asked_to_capture(amount, START)
        assert told.value.faults[0].field == "amount"

    @pytest.mark.parametrize("status", [status for status in Status if status is not Status.AUTHORIZED])
    def test_only_held_money_can_be_taken(self, status: Status) -> None:
        """In every other status there is none, or nobody knows."""
        with pytest.raises(NotCapturable, match=status):
            a_payment(status=status).asked_to_capture(1, START)

    def test_what_is_being_given_up_is_not_taken(self) -> None:
        """A cancel waits for its turn: two wishes cannot both come true."""
        with pytest.raises(NotCapturable):
            self.held.asked_to_cancel(START).asked_to_capture(1, START)

    def test_what_was_never_sent_was_never_asked(self) -> None:
        """The next capture may be of another amount, and the whole is owed until then."""
        undone = self.held.asked_to_capture(1000, START).as_before_asking(START)
        assert (undone.amount_to_capture, undone.owed) == (None, usd(2500))

    def test_a_cancel_that_was_not_sent_says_nothing_of_a_capture_before_it(self) -> None:
        """The capture may have been made, of that amount."""
        both = self.held.asked_to_capture(1000, START).asked_to_cancel(START)
        assert both.as_before_asking(START) == both


class TestCancelling:
    @pytest.mark.parametrize("status", [status for status in Status if not status.is_closed])
    def test_whatever_is_open_can_be_given_up(self, status: Status) -> None:
        """It is noted; what becomes of it, the gateway says."""
        payment = a_payment(status=status)
        asked = payment.asked_to_cancel(START)
        assert (asked.cancel_requested, asked.status, asked.version) == (True, status, payment.version + 1)
        assert event_type(payment, asked) == "payment.cancel_requested"

    @pytest.mark.parametrize("status", [status for status in Status if status.is_closed])
    def test_what_has_ended_cannot(self, status: Status) -> None:
        """The status says how."""
        for payment in (a_payment(status=status), an_mpesa_payment(status=status)):
            with pytest.raises(NotCancellable, match=status):
                payment.asked_to_cancel(START)

    @pytest.mark.parametrize("status", [status for status in Status if not status.is_closed])
    def test_a_prompt_cannot_be_taken_back(self, status: Status) -> None:
        """It stands on a phone."""
        with pytest.raises(NotCancellable, match="prompt"):
            an_mpesa_payment(status=status).asked_to_cancel(START)
