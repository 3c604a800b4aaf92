"""How evidence is weighed: a function of the set, whatever the order it came in."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.evidence import Claim, Evidence, Reason, Source
from domain.money import Money
from domain.payment import Payment, Report
from domain.status import TRANSITIONS, Status
from domain.verdict import Known, asked_since, needs_verifying, unconfirmed
from tests.builders import a_payment, usd

OWED = usd(2500)
START = datetime(2026, 11, 1, tzinfo=UTC)


def said(claim: Claim, source: Source, after: float = 0, **facts: object) -> Evidence:
    return Evidence(claim=claim, source=source, at=START + timedelta(seconds=after), **facts)  # type: ignore[arg-type]


def status(*pieces: Evidence) -> Status:
    return Known(frozenset(pieces)).verdict(OWED).status


def denial(code: str, after: float, *, verify_first: bool = False) -> Evidence:
    return said(Claim.FAILED, Source.QUERY, after, code=code, verify_first=verify_first)


@pytest.mark.parametrize("claim", [Claim.SUCCEEDED, Claim.FAILED, Claim.CANCELLED, Claim.EXPIRED])
@pytest.mark.parametrize(
    ("source", "rank"),
    [(Source.OPERATOR, 5), (Source.FETCHED, 4), (Source.SIGNED, 3), (Source.ANSWER, 2), (Source.CLOCK, 0)],
)
def test_a_final_claim_counts_as_its_source_does(claim: Claim, source: Source, rank: int) -> None:
    """A person 5, the fetched object 4, a signed event 3, an answer 2, our own time-out 0."""
    assert said(claim, source).rank == rank


def test_a_query_counts_more_when_it_says_yes() -> None:
    """An STK query that says paid is rank 2, one that says not is rank 1; progress has no rank."""
    assert said(Claim.SUCCEEDED, Source.QUERY).rank == 2
    assert said(Claim.FAILED, Source.QUERY).rank == 1
    assert said(Claim.AUTHORIZED, Source.FETCHED).rank == -1


def test_nothing_known_is_processing() -> None:
    """A request may be at the gateway: that is all we know."""
    assert status() is Status.PROCESSING


@pytest.mark.parametrize("source", [Source.QUERY, Source.ANSWER, Source.SIGNED, Source.FETCHED])
def test_a_success_succeeds(source: Source) -> None:
    """Any success of rank 2 or more is money taken."""
    assert status(said(Claim.SUCCEEDED, source)) is Status.SUCCEEDED


@pytest.mark.parametrize("source", [Source.QUERY, Source.ANSWER, Source.SIGNED])
def test_a_success_outweighs_failures_up_to_rank_3(source: Source) -> None:
    """The customer paid: what said otherwise was early or wrong."""
    assert status(said(Claim.FAILED, source), said(Claim.SUCCEEDED, Source.QUERY)) is Status.SUCCEEDED


def test_a_success_beside_the_gateways_own_failure_goes_to_a_person() -> None:
    """A fetched object that says failed contradicts every success."""
    failed = said(Claim.CANCELLED, Source.FETCHED)
    for source in (Source.ANSWER, Source.SIGNED, Source.FETCHED):
        assert status(failed, said(Claim.SUCCEEDED, source, amount=OWED)) is Status.REVIEW
    assert status(failed, said(Claim.PAID, Source.SIGNED, amount=OWED)) is Status.REVIEW


def test_another_amount_goes_to_a_person_unless_the_gateway_states_ours() -> None:
    """A claim of other money is not this payment's success; the fetched object can clear it up."""
    other = said(Claim.SUCCEEDED, Source.SIGNED, amount=usd(1))
    assert status(other) is Status.REVIEW
    assert status(said(Claim.PAID, Source.SIGNED, amount=usd(1))) is Status.REVIEW
    assert status(said(Claim.SUCCEEDED, Source.SIGNED, amount=Money(2500, "EUR"))) is Status.REVIEW
    assert status(other, said(Claim.SUCCEEDED, Source.QUERY)) is Status.REVIEW
    assert status(other, said(Claim.SUCCEEDED, Source.FETCHED, amount=OWED)) is Status.SUCCEEDED
    assert status(said(Claim.SUCCEEDED, Source.FETCHED, amount=usd(1))) is Status.REVIEW


def test_the_strongest_failure_is_told_and_of_equals_the_plainest() -> None:
    """A tie is told as FAILED before CANCELLED before EXPIRED."""
    expired, cancelled, failed = (
        said(claim, Source.SIGNED) for claim in (Claim.EXPIRED, Claim.CANCELLED, Claim.FAILED)
    )
    assert status(expired, cancelled) is Status.CANCELLED
    assert status(expired, cancelled, failed) is Status.FAILED
    assert status(failed, said(Claim.EXPIRED, Source.FETCHED)) is Status.EXPIRED
    assert status(said(Claim.FAILED, Source.ANSWER), cancelled) is Status.CANCELLED


def test_our_own_time_out_closes_nothing() -> None:
    """Time proves nothing."""
    assert status(said(Claim.FAILED, Source.CLOCK), said(Claim.LOST, Source.CLOCK)) is Status.UNKNOWN


def test_a_query_that_says_no_closes_after_three_equal_answers_over_ten_minutes() -> None:
    """A query has been seen to be wrong: it must say the same thing three times, long enough apart."""
    assert status(denial("1032", 0), denial("1032", 600)) is Status.PROCESSING
    assert status(denial("1032", 0), denial("1032", 300), denial("1032", 599)) is Status.PROCESSING
    assert status(denial("1032", 0), denial("1", 300), denial("1032", 600)) is Status.PROCESSING
    assert status(denial("1032", 0), denial("1032", 300), denial("1032", 600)) is Status.FAILED


def test_a_failure_to_verify_first_closes_when_a_later_query_agrees() -> None:
    """Successes were seen after 1037: a query at least 60 s later must say the same."""
    reported = said(Claim.EXPIRED, Source.SIGNED, code="1037", verify_first=True)
    waiting = said(Claim.REQUIRES_ACTION, Source.ANSWER)
    assert status(reported, waiting) is Status.REQUIRES_ACTION
    assert status(reported, waiting, denial("1037", 59, verify_first=True)) is Status.REQUIRES_ACTION
    assert status(reported, waiting, denial("1", 60)) is Status.REQUIRES_ACTION
    assert status(reported, waiting, denial("1037", 60, verify_first=True)) is Status.EXPIRED
    assert status(reported, said(Claim.SUCCEEDED, Source.QUERY, 5)) is Status.SUCCEEDED


def test_a_claim_to_be_paid_is_processing_until_it_is_confirmed() -> None:
    """A voice that must be confirmed moves a payment forward, and closes nothing."""
    claim = said(Claim.PAID, Source.SIGNED, amount=OWED)
    assert status(claim) is Status.PROCESSING
    assert status(claim, said(Claim.REQUIRES_ACTION, Source.QUERY, 1)) is Status.PROCESSING
    assert status(claim, said(Claim.SUCCEEDED, Source.QUERY, 1)) is Status.SUCCEEDED


def test_a_claim_to_be_paid_that_a_later_query_denies_goes_to_a_person() -> None:
    """A denial from before the claim is overtaken; a verify-first code denies nothing; "still waiting" neither."""
    claim = said(Claim.PAID, Source.SIGNED, 10, amount=OWED)
    assert status(claim, denial("1032", 5)) is Status.PROCESSING
    assert status(claim, denial("1037", 20, verify_first=True)) is Status.PROCESSING
    assert status(claim, denial("1032", 20)) is Status.REVIEW
    assert status(claim, denial("1032", 20), said(Claim.SUCCEEDED, Source.QUERY, 30)) is Status.SUCCEEDED


def test_said_to_be_paid_and_said_not_to_be_waits_for_the_gateways_word() -> None:
    """Nobody is asked to pay again until a query confirms (a late success) or a person has looked."""
    closed = said(Claim.CANCELLED, Source.SIGNED)
    claim = said(Claim.PAID, Source.SIGNED, 10, amount=OWED)
    assert status(closed, claim) is Status.REVIEW
    assert status(closed, claim, denial("1032", 20)) is Status.REVIEW
    assert status(closed, claim, said(Claim.SUCCEEDED, Source.QUERY, 20)) is Status.SUCCEEDED
    assert status(claim, said(Claim.UNRESOLVED, Source.CLOCK, 30)) is Status.REVIEW


def test_a_success_that_was_doubted_after_a_told_failure_is_late_all_the_same() -> None:
    """The way from the failure to the success may lead through a review."""
    payment = a_payment()
    for piece in (
        said(Claim.CANCELLED, Source.SIGNED),
        said(Claim.PAID, Source.SIGNED, 10, amount=OWED),
        said(Claim.SUCCEEDED, Source.QUERY, 20),
    ):
        payment = payment.learn(Report(evidence=(piece,)), START)
    assert (payment.status, payment.late) == (Status.SUCCEEDED, True)


def test_still_waiting_after_a_person_was_called_is_no_news() -> None:
    """Asking goes on; what it hears again does not take the payment out of the review and back."""
    story = [said(Claim.LOST, Source.CLOCK, after) for after in (0, 700_000, 800_000)]
    gave_up = said(Claim.UNRESOLVED, Source.CLOCK, 650_000)
    payment = learned(a_payment(), [story[0], gave_up, *story[1:]])
    assert (payment.status, payment.version) == (Status.REVIEW, 3)


def test_evidence_that_is_only_said_again_does_not_pile_up() -> None:
    """A day of polling keeps as many pieces as count."""
    payment = a_payment()
    for after in range(200):
        payment = payment.learn(Report(evidence=(denial("1037", after, verify_first=True),)), START)
    assert len(payment.known.evidence) == 3
    assert payment.version <= 4


def test_money_is_counted_as_the_strongest_success_states_it() -> None:
    """Of two that are equally strong, the one that says what was asked for."""
    other, ours = (
        said(Claim.SUCCEEDED, Source.FETCHED, amount=usd(1)),
        said(Claim.SUCCEEDED, Source.FETCHED, 5, amount=OWED),
    )
    assert Known(frozenset({other, ours})).captured(OWED) == 2500
    assert Known(frozenset({other})).captured(OWED) == 1
    assert Known(frozenset({said(Claim.SUCCEEDED, Source.QUERY)})).captured(OWED) == 2500
    assert Known().captured(OWED) == 0


def test_progress_is_the_furthest_reached() -> None:
    """UNKNOWN < REQUIRES_ACTION < the gateway's PROCESSING < AUTHORIZED."""
    lost = said(Claim.LOST, Source.CLOCK)
    asks, works, held = (
        said(claim, Source.SIGNED) for claim in (Claim.REQUIRES_ACTION, Claim.PROCESSING, Claim.AUTHORIZED)
    )
    assert status(lost) is Status.UNKNOWN
    assert status(lost, asks) is Status.REQUIRES_ACTION
    assert status(asks, works) is Status.PROCESSING
    assert status(works, asks, held) is Status.AUTHORIZED


def test_a_lost_cancel_is_unknown_until_the_gateway_is_asked() -> None:
    """An operation whose answer is lost may have happened: only a later look tells."""
    held, lost = said(Claim.AUTHORIZED, Source.SIGNED), said(Claim.OPERATION_LOST, Source.CLOCK, 10)
    assert status(held, lost) is Status.UNKNOWN
    assert status(held, lost, said(Claim.AUTHORIZED, Source.FETCHED, 5)) is Status.UNKNOWN
    assert status(held, lost, said(Claim.AUTHORIZED, Source.FETCHED, 20)) is Status.AUTHORIZED


def test_held_and_then_refused_goes_to_a_person() -> None:
    """Money that is held was not refused: one of the two is not true. Given back or lapsed is another thing."""
    held = said(Claim.AUTHORIZED, Source.SIGNED)
    assert status(held, said(Claim.FAILED, Source.SIGNED, 1)) is Status.REVIEW
    assert status(held, said(Claim.EXPIRED, Source.SIGNED, 1)) is Status.EXPIRED


def test_the_truth_that_stays_away_goes_to_a_person() -> None:
    """After days without truth a person must look; news after that counts as always."""
    lost, gave_up = said(Claim.LOST, Source.CLOCK), said(Claim.UNRESOLVED, Source.CLOCK, 600_000)
    assert status(lost, gave_up) is Status.REVIEW
    assert status(lost, gave_up, said(Claim.AUTHORIZED, Source.FETCHED, 600_001)) is Status.AUTHORIZED
    assert status(lost, gave_up, said(Claim.SUCCEEDED, Source.SIGNED, 600_001)) is Status.SUCCEEDED


def test_a_person_outweighs_what_came_before_and_later_truth_contradicts_a_person() -> None:
    """Rank 5 settles what is on the table; the gateway's own object after it re-opens the question."""
    failed = said(Claim.FAILED, Source.OPERATOR, 10, reason=Reason.CANCELLED)
    paid = said(Claim.SUCCEEDED, Source.OPERATOR, 10)
    assert status(said(Claim.SUCCEEDED, Source.FETCHED, 5), failed) is Status.FAILED
    assert status(said(Claim.SUCCEEDED, Source.SIGNED, 15), failed) is Status.REVIEW
    assert status(said(Claim.FAILED, Source.FETCHED, 5), paid) is Status.SUCCEEDED
    assert status(said(Claim.FAILED, Source.FETCHED, 15), paid) is Status.REVIEW
    assert status(said(Claim.FAILED, Source.SIGNED, 15), paid) is Status.SUCCEEDED
    assert status(failed, said(Claim.SUCCEEDED, Source.OPERATOR, 20)) is Status.SUCCEEDED


def test_a_success_after_a_told_failure_is_flagged_late() -> None:
    """Whoever was told of a failure must be told that it was none."""
    payment = a_payment().learn(Report(evidence=(said(Claim.CANCELLED, Source.SIGNED),)), START)
    assert payment.status is Status.CANCELLED
    late = payment.learn(Report(evidence=(said(Claim.SUCCEEDED, Source.SIGNED, 1, amount=OWED),)), START)
    assert (late.status, late.late, late.amount_captured) == (Status.SUCCEEDED, True, 2500)


def test_the_same_answer_to_the_same_question_is_no_news() -> None:
    """A payment in review is asked about for days: its history has a line for what was said, not for each time."""
    other = said(Claim.PAID, Source.SIGNED, amount=usd(1))
    for source, claim in ((Source.QUERY, Claim.SUCCEEDED), (Source.FETCHED, Claim.CANCELLED)):
        answers = [said(claim, source, after) for after in range(10, 200)]
        payment = learned(a_payment(), [other, *answers])
        assert payment.status is Status.REVIEW
        assert payment.version == 3
        assert len(payment.known.evidence) == 4


def test_the_same_answer_after_a_persons_word_is_weighed_against_it() -> None:
    """What was only said again before is said against a person now."""
    before, after = (
        [said(Claim.SUCCEEDED, Source.QUERY, when) for when in times] for times in ((1, 2, 3, 4), (30, 40))
    )
    word = said(Claim.FAILED, Source.OPERATOR, 10, reason=Reason.CANCELLED)

    settled = learned(a_payment(), [said(Claim.CANCELLED, Source.FETCHED), *before, word])
    doubted = learned(settled, after)

    assert (settled.status, doubted.status) == (Status.FAILED, Status.REVIEW)
    assert doubted.version == settled.version + 1


pieces = st.builds(
    Evidence,
    claim=st.sampled_from(Claim),
    source=st.sampled_from([source for source in Source if source is not Source.OPERATOR]),
    reason=st.sampled_from([None, Reason.DECLINED]),
    at=st.sampled_from([START + timedelta(seconds=after) for after in (0, 1, 59, 60, 61, 299, 300, 600, 661)]),
    amount=st.sampled_from([None, OWED, usd(1)]),
    code=st.sampled_from(["1037", "1032", "canceled"]),
    verify_first=st.booleans(),
)


def learned(payment: Payment, evidence: list[Evidence]) -> Payment:
    for piece in evidence:
        before = payment
        payment = payment.learn(Report(evidence=(piece,)), START)
        assert payment.status is before.status or payment.status in TRANSITIONS[before.status]
        assert before.status is not Status.SUCCEEDED or payment.status in {Status.SUCCEEDED, Status.REVIEW}
    return payment


@settings(max_examples=500)
@given(st.lists(pieces, max_size=7), st.randoms())
def test_every_order_of_the_same_evidence_ends_in_the_same_state(evidence: list[Evidence], chance: object) -> None:
    """Any order, any duplication: one state, and never an edge that is not in the table on the way."""
    shuffled = [*evidence, *evidence[:3]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    start = a_payment()

    one, other = learned(start, evidence), learned(start, shuffled)

    assert (one.status, one.reason, one.amount_captured) == (other.status, other.reason, other.amount_captured)


@settings(max_examples=500)
@given(st.lists(pieces, max_size=7), st.lists(pieces, max_size=3))
def test_evidence_that_was_lost_and_comes_later_never_takes_a_payment_backwards(
    first: list[Evidence], late: list[Evidence]
) -> None:
    """Whatever subset arrived, what arrives after it moves along the table (asserted at every step)."""
    payment = learned(a_payment(), first)
    again = learned(payment, late)
    assert again.version >= payment.version
    assert again.status is learned(a_payment(), [*late, *first]).status


#: Few different things to say, so that they are said again, by persons too.
repeats = st.builds(
    Evidence,
    claim=st.sampled_from([Claim.SUCCEEDED, Claim.FAILED, Claim.AUTHORIZED, Claim.OPERATION_LOST, Claim.PAID]),
    source=st.sampled_from([Source.QUERY, Source.FETCHED, Source.SIGNED, Source.OPERATOR]),
    at=st.integers(0, 40).map(lambda minutes: START + timedelta(minutes=minutes)),
    code=st.sampled_from(["1037", "1032"]),
    verify_first=st.booleans(),
).filter(lambda piece: piece.source is not Source.OPERATOR or piece.claim.is_final)


@settings(max_examples=1000)
@given(st.lists(repeats, max_size=30), st.lists(st.integers(0, 30), max_size=5), st.randoms())
def test_what_is_not_kept_would_have_changed_nothing(evidence: list[Evidence], cuts: list[int], chance: object) -> None:
    """However it came in, and in what parts: what is kept of it answers every question as the whole would."""
    whole, parts = Known(frozenset(evidence)), Known()
    chance.shuffle(evidence)  # type: ignore[attr-defined]
    for first, last in pairwise([0, *sorted(min(cut, len(evidence)) for cut in cuts), len(evidence)]):
        parts = parts.with_(*evidence[first:last])

    assert parts == Known().with_(*evidence)
    assert parts.verdict(OWED) == whole.verdict(OWED)
    assert parts.captured(OWED) == whole.captured(OWED)
    assert parts.has_closing_failure() == whole.has_closing_failure()
    assert needs_verifying(parts) == needs_verifying(whole)
    assert unconfirmed(parts) == unconfirmed(whole)
    assert parts.since(Claim.SUCCEEDED) == whole.since(Claim.SUCCEEDED)
    assert all(asked_since(parts, piece) == asked_since(whole, piece) for piece in evidence)


def test_all_orders_of_a_contradictory_story_agree() -> None:
    """Exhaustively: five claims, 120 orders, one verdict."""
    story = [
        said(Claim.REQUIRES_ACTION, Source.ANSWER),
        said(Claim.EXPIRED, Source.SIGNED, 30, code="1037", verify_first=True),
        denial("1037", 95, verify_first=True),
        said(Claim.PAID, Source.SIGNED, 100, amount=OWED),
        said(Claim.SUCCEEDED, Source.QUERY, 101),
    ]
    ends = {learned(a_payment(), list(order)).status for order in permutations(story)}
    assert ends == {Status.SUCCEEDED}
