"""What a refund may become, and what everything known about it makes of it."""

from datetime import timedelta
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import IllegalTransition
from domain.evidence import Claim, Evidence, Reason, Source
from domain.payment import ReferenceKind, Report
from domain.refund import REFUND_TRANSITIONS, Refund, RefundOrigin, RefundStatus, RefundVerdict, decide
from domain.verdict import Known
from tests.builders import a_payment, a_refund, evidence, now, paid, usd

R = RefundStatus
START = now()
#: The table of the contract, written out a second time: a change must be made on purpose, twice.
ALLOWED = {
    R.PROCESSING: "UNKNOWN SUCCEEDED FAILED CANCELLED REVIEW",
    R.UNKNOWN: "PROCESSING SUCCEEDED FAILED CANCELLED REVIEW",
    R.SUCCEEDED: "FAILED REVIEW",
    R.FAILED: "SUCCEEDED CANCELLED REVIEW",
    R.CANCELLED: "SUCCEEDED FAILED REVIEW",
    R.REVIEW: "PROCESSING UNKNOWN SUCCEEDED FAILED CANCELLED",
}


def said(claim: Claim, source: Source = Source.SIGNED, after: float = 0, **facts: object) -> Evidence:
    return Evidence(claim=claim, source=source, at=START + timedelta(seconds=after), **facts)  # type: ignore[arg-type]


def verdict(*evidence: Evidence) -> RefundVerdict:
    return decide(a_refund(known=Known(frozenset(evidence))))


def status(*evidence: Evidence) -> RefundStatus:
    return verdict(*evidence).status


class TestTable:
    def test_every_status_has_its_row(self) -> None:
        """An empty row would be final; a missing one is a mistake."""
        assert set(REFUND_TRANSITIONS) == set(RefundStatus)

    @pytest.mark.parametrize(("was", "asked"), list(product(RefundStatus, RefundStatus)))
    def test_a_refund_moves_along_the_table_and_nowhere_else(self, was: RefundStatus, asked: RefundStatus) -> None:
        """All pairs: allowed ones move, staying is no move, the rest is refused before it can be stored."""
        evidence = {
            R.PROCESSING: said(Claim.PROCESSING),
            R.UNKNOWN: said(Claim.LOST, Source.CLOCK),
            R.SUCCEEDED: said(Claim.SUCCEEDED),
            R.FAILED: said(Claim.FAILED),
            R.CANCELLED: said(Claim.CANCELLED),
            R.REVIEW: said(Claim.CONTESTED),
        }[asked]
        refund = a_refund(status=was)
        if asked is was or asked in ALLOWED[was].split():
            assert refund.learn(Report(evidence=(evidence,)), START).status is asked
        else:
            with pytest.raises(IllegalTransition):
                refund.learn(Report(evidence=(evidence,)), START)


class TestWeighing:
    def test_nothing_known_is_processing(self) -> None:
        """The promise is durable, and somebody is about to ask."""
        assert status() is R.PROCESSING

    @pytest.mark.parametrize("source", [Source.ANSWER, Source.SIGNED, Source.FETCHED, Source.QUERY])
    def test_a_yes_succeeds(self, source: Source) -> None:
        """From whoever may be believed."""
        assert status(said(Claim.SUCCEEDED, source)) is R.SUCCEEDED

    @pytest.mark.parametrize(
        ("claim", "ends"),
        [(Claim.FAILED, R.FAILED), (Claim.EXPIRED, R.FAILED), (Claim.CANCELLED, R.CANCELLED)],
    )
    def test_a_no_ends_it_and_says_why(self, claim: Claim, ends: RefundStatus) -> None:
        """The reason is told with it."""
        no = said(claim, Source.ANSWER, reason=Reason.REFUND_REFUSED)
        assert verdict(no) == RefundVerdict(ends, Reason.REFUND_REFUSED)

    def test_a_yes_outweighs_a_weak_no_however_late_it_comes(self) -> None:
        """A failure that was told may turn out to have gone through."""
        assert status(said(Claim.FAILED, Source.ANSWER), said(Claim.SUCCEEDED, Source.SIGNED, 60)) is R.SUCCEEDED
        assert status(said(Claim.SUCCEEDED, Source.ANSWER), said(Claim.FAILED, Source.SIGNED, 60)) is R.SUCCEEDED

    def test_a_strong_no_beside_a_yes_goes_to_a_person(self) -> None:
        """The gateway's own object denies what it told before."""
        assert status(said(Claim.SUCCEEDED), said(Claim.FAILED, Source.FETCHED, 60)) is R.REVIEW

    @pytest.mark.parametrize("success", [Source.ANSWER, Source.SIGNED, Source.FETCHED])
    @pytest.mark.parametrize("returned", [Source.ANSWER, Source.SIGNED, Source.FETCHED])
    @pytest.mark.parametrize("after", [-60, 0, 60])
    def test_what_came_back_has_not_gone(self, success: Source, returned: Source, after: float) -> None:
        """A card refund may fail weeks after it succeeded; in whatever order we hear of it, it failed."""
        back = said(Claim.RETURNED, returned, after, reason=Reason.CARD_EXPIRED)
        assert verdict(said(Claim.SUCCEEDED, success), back) == RefundVerdict(R.FAILED, Reason.CARD_EXPIRED)

    @pytest.mark.parametrize("source", [Source.ANSWER, Source.SIGNED, Source.FETCHED])
    def test_another_amount_goes_to_a_person(self, source: Source) -> None:
        """Money moved, and not as it was promised; that it came back again does not settle it."""
        other = said(Claim.SUCCEEDED, source, amount=usd(1))
        assert status(other) is R.REVIEW
        assert status(other, said(Claim.RETURNED, Source.SIGNED, 5)) is R.REVIEW

    def test_money_that_went_back_by_nobody_knows_whose_call_goes_to_a_person(self) -> None:
        """Unless an answer to a call of ours was lost: then it was that one."""
        assert status(said(Claim.CONTESTED)) is R.REVIEW
        assert status(said(Claim.FAILED), said(Claim.CONTESTED, after=1)) is R.REVIEW
        assert status(said(Claim.CONTESTED), said(Claim.LOST, Source.CLOCK, -1)) is R.SUCCEEDED

    def test_a_proven_yes_settles_what_was_contested(self) -> None:
        """The gateway knows whose it was."""
        assert status(said(Claim.CONTESTED), said(Claim.SUCCEEDED, Source.FETCHED, 1)) is R.SUCCEEDED

    def test_what_was_said_last_says_how_far_it_is(self) -> None:
        """What was accepted may still be lost in a queue, and found again; of two in one moment the worse counts."""
        taken, lost = said(Claim.PROCESSING), said(Claim.LOST, after=1)
        assert status(taken, lost) is R.UNKNOWN
        assert status(taken, lost, said(Claim.PROCESSING, Source.FETCHED, 2)) is R.PROCESSING
        assert status(taken, said(Claim.LOST)) is R.UNKNOWN

    def test_our_own_time_out_proves_nothing(self) -> None:
        """However long it takes."""
        assert status(said(Claim.FAILED, Source.CLOCK)) is R.PROCESSING

    def test_the_truth_that_stays_away_goes_to_a_person_until_it_comes(self) -> None:
        """Later truth counts as always."""
        gave_up = said(Claim.UNRESOLVED, Source.CLOCK, 10)
        assert status(said(Claim.LOST, Source.CLOCK), gave_up) is R.REVIEW
        assert status(said(Claim.LOST, Source.CLOCK), gave_up, said(Claim.SUCCEEDED, after=20)) is R.SUCCEEDED


class TestTheOperator:
    yes = said(Claim.SUCCEEDED, Source.OPERATOR, 10)
    no = said(Claim.FAILED, Source.OPERATOR, 10, reason=Reason.REFUND_REFUSED)

    def test_a_person_outweighs_what_came_before(self) -> None:
        """Whatever the gateway had said."""
        assert status(said(Claim.FAILED, Source.FETCHED), self.yes) is R.SUCCEEDED
        assert status(said(Claim.RETURNED), self.yes) is R.SUCCEEDED
        assert verdict(said(Claim.SUCCEEDED, Source.FETCHED), self.no) == RefundVerdict(R.FAILED, self.no.reason)

    def test_later_truth_that_contradicts_a_person_is_doubted(self) -> None:
        """A strong no, or money that came back or went, whoever tells of it; a weak no is none."""
        assert status(self.yes, said(Claim.FAILED, Source.FETCHED, 20)) is R.REVIEW
        assert status(self.yes, said(Claim.RETURNED, Source.SIGNED, 20)) is R.REVIEW
        assert status(self.yes, said(Claim.FAILED, Source.SIGNED, 20)) is R.SUCCEEDED
        assert status(self.no, said(Claim.SUCCEEDED, Source.ANSWER, 20)) is R.REVIEW
        assert status(self.no, said(Claim.CANCELLED, Source.FETCHED, 20)) is R.FAILED

    def test_the_last_word_counts(self) -> None:
        """A person may be corrected by a person."""
        assert status(self.no, said(Claim.SUCCEEDED, Source.OPERATOR, 20)) is R.SUCCEEDED

    @pytest.mark.parametrize("claim", [Claim.FAILED, Claim.CANCELLED, Claim.EXPIRED])
    @pytest.mark.parametrize("was", RefundStatus)
    def test_a_persons_no_is_possible_in_every_status(self, was: RefundStatus, claim: Claim) -> None:
        """However the person calls it, the money has not gone: FAILED, and never a forbidden edge."""
        no = said(claim, Source.OPERATOR)
        assert a_refund(status=was).learn(Report(evidence=(no,)), START).status is R.FAILED


pieces = st.builds(
    Evidence,
    claim=st.sampled_from(Claim),
    source=st.sampled_from([source for source in Source if source is not Source.OPERATOR]),
    at=st.sampled_from([START + timedelta(seconds=after) for after in (0, 1, 2, 60)]),
    amount=st.sampled_from([None, usd(1000), usd(1)]),
    code=st.sampled_from([None, "R000001", "timeout"]),
    reason=st.sampled_from([None, Reason.REFUND_REFUSED, Reason.CARD_EXPIRED]),
)


def learned(refund: Refund, groups: list[list[Evidence]]) -> Refund:
    for group in groups:
        before = refund
        refund = refund.learn(Report(evidence=tuple(group)), START)
        assert refund.status is before.status or refund.status.value in ALLOWED[before.status].split()
        assert refund.version - before.version in {0, 1}
    return refund


@settings(max_examples=500)
@given(st.lists(pieces, max_size=7), st.randoms(), st.integers(min_value=1, max_value=7))
def test_any_order_and_grouping_of_the_same_evidence_ends_the_same(
    evidence: list[Evidence], chance: object, size: int
) -> None:
    """One set, one status and one reason; and never an edge that is not in the table on the way."""
    shuffled = [*evidence, *evidence[:3]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    groups = [shuffled[at : at + size] for at in range(0, len(shuffled), size)]

    one, other = learned(a_refund(), [[piece] for piece in evidence]), learned(a_refund(), groups)

    assert (one.status, one.failure) == (other.status, other.failure)


@settings(max_examples=300)
@given(st.lists(pieces, max_size=5), st.lists(pieces, min_size=1, max_size=3))
def test_what_one_who_lost_the_lease_kept_counts_at_the_next_look(known: list[Evidence], kept: list[Evidence]) -> None:
    """Kept evidence sets no status; weighed with an empty report, it is as if it had been learned."""
    refund = learned(a_refund(), [known])
    later = refund.keep(Report(evidence=tuple(kept)), START)
    assert later.status is refund.status
    assert later.version == refund.version + 1

    looked = learned(later, [[]])

    assert RefundVerdict(looked.status, looked.failure) == verdict(*known, *kept)


def test_all_orders_of_a_contradictory_story_agree() -> None:
    """Exhaustively: five claims, 120 orders, one end."""
    story = [
        said(Claim.LOST, Source.CLOCK),
        said(Claim.FAILED, Source.ANSWER, 1),
        said(Claim.CONTESTED, after=2),
        said(Claim.SUCCEEDED, Source.FETCHED, 3, amount=usd(1000)),
        said(Claim.RETURNED, Source.SIGNED, 4),
    ]
    assert {learned(a_refund(), [[piece] for piece in order]).status for order in permutations(story)} == {R.FAILED}


class TestAmounts:
    @pytest.mark.parametrize("now_is", RefundStatus)
    @pytest.mark.parametrize("origin", RefundOrigin)
    def test_every_unit_is_held_or_gone_or_free(self, now_is: RefundStatus, origin: RefundOrigin) -> None:
        """Ours are held until they end; one made outside has gone as soon as the gateway has begun it."""
        refund = a_refund(status=now_is, origin=origin)
        dead, gone = now_is in {R.FAILED, R.CANCELLED}, now_is is R.SUCCEEDED
        outside = origin is RefundOrigin.EXTERNAL
        assert refund.amount_gone == (1000 if gone or (outside and not dead) else 0)
        assert refund.amount_held == (0 if gone or dead or outside else 1000)


class TestNames:
    def test_a_name_once_known_stays(self) -> None:
        """Another one for the same thing is not believed."""
        refund = a_refund(references={ReferenceKind.REFUND: "re_1"})
        again = refund.learn(Report(references={ReferenceKind.REFUND: "re_2"}), START)
        assert again.references == {ReferenceKind.REFUND: "re_1"}

    def test_the_same_again_is_no_new_version(self) -> None:
        """Polling adds nothing to the story."""
        first = a_refund().learn(Report(evidence=(said(Claim.PROCESSING, Source.FETCHED),)), START)
        again = first.learn(Report(evidence=(said(Claim.PROCESSING, Source.FETCHED, 60),)), START)
        assert again.version == first.version

    def test_it_shares_its_payments_millisecond(self) -> None:
        """Its id names the month where both are kept."""
        payment = a_payment()
        assert a_refund(payment).id.int >> 80 == payment.id.int >> 80


def test_what_was_freed_is_never_held_again() -> None:
    """
    Its amount may be on its way by another refund: doubt about this one must not make the books overflow.
    """
    refund = a_refund(a_payment(amount_captured=2500), money=usd(1000))
    failed = refund.learn(Report(evidence=(evidence(Claim.FAILED, Source.FETCHED),)), now())
    doubted = failed.learn(Report(evidence=(paid(usd(1000)),)), now())

    assert (refund.amount_held, failed.amount_held) == (1000, 0)
    assert (doubted.status, doubted.amount_held, doubted.amount_gone) == (RefundStatus.REVIEW, 0, 0)
