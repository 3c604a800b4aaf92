"""
From a set of evidence to a status, whatever the order it came in.

Read `decide` from top to bottom: a person outweighs what came before; money of another amount, or a strong yes
beside a strong no, goes to a person; a yes outweighs a weak no; a strong no closes; a weak no only by repetition;
what is left is how far the payment got. Adding evidence to a set never moves a payment against `TRANSITIONS`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final, Self

from domain.evidence import Claim, Evidence, Reason, Source
from domain.money import Money
from domain.status import Status

#: A query that says no closes after this many equal answers over this long: it has been seen to be wrong.
EQUAL_DENIALS: Final = 3
DENIALS_SPAN: Final = timedelta(minutes=10)
#: "Verify first": a failure that successes were seen to follow counts once a query this much later agrees.
VERIFY_AFTER: Final = timedelta(seconds=60)

_FETCHED_RANK: Final = 4
_CLOSING_RANK: Final = 2

_STATUS: Final[Mapping[Claim, Status]] = {
    Claim.LOST: Status.UNKNOWN,
    Claim.REQUIRES_ACTION: Status.REQUIRES_ACTION,
    Claim.PROCESSING: Status.PROCESSING,
    Claim.PAID: Status.PROCESSING,
    Claim.AUTHORIZED: Status.AUTHORIZED,
    Claim.SUCCEEDED: Status.SUCCEEDED,
    Claim.FAILED: Status.FAILED,
    Claim.CANCELLED: Status.CANCELLED,
    Claim.EXPIRED: Status.EXPIRED,
}
#: Who answers whenever we ask, with the same words if nothing changed.
_ASKED: Final = frozenset({Source.QUERY, Source.FETCHED})
#: How far a payment got, and which of several equally strong failures is told.
_PROGRESS: Final = (Claim.LOST, Claim.REQUIRES_ACTION, Claim.PROCESSING, Claim.PAID, Claim.AUTHORIZED)
_TOLD_FIRST: Final = (Claim.EXPIRED, Claim.CANCELLED, Claim.FAILED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A status, and where it is a failure, why."""

    status: Status
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Everything ever claimed about one payment. A set: order and repetition leave no trace."""

    evidence: frozenset[Evidence] = frozenset()

    def with_(self, *more: Evidence) -> Self:
        """This and more. Of what is only said again, no more is kept than counts: polling adds next to nothing."""
        return type(self)(frozenset(_what_counts(self.evidence.union(more))))

    def gist(self) -> frozenset[object]:
        """What is claimed, without when it was last said: two of equal gist differ in nothing worth telling."""
        return frozenset((*_saying(piece), piece.at if _counts_alone(piece) else None) for piece in self.evidence)

    def has_closing_failure(self) -> bool:
        """Whether a failure is among it that would close a payment by itself."""
        return bool(_closing_failures(self.in_order()))

    def since(self, *claims: Claim) -> datetime | None:
        """When one of these was first claimed."""
        return min((piece.at for piece in self.evidence if piece.claim in claims), default=None)

    def in_order(self) -> list[Evidence]:
        return sorted(self.evidence, key=_sort_key)

    def captured(self, owed: Money) -> int:
        """What was taken, in minor units: as the strongest success states it, or what was owed; 0 without a success."""
        successes = [piece for piece in self.in_order() if piece.claim is Claim.SUCCEEDED]
        told = [piece for piece in successes if piece.amount is not None]
        stated = max(told, key=lambda piece: (piece.rank, piece.amount == owed), default=None)
        if stated is not None and stated.amount is not None:
            return stated.amount.amount
        return owed.amount if successes else 0

    def verdict(self, owed: Money) -> Verdict:
        """What this set of evidence makes of a payment of `owed`."""
        return decide(self.in_order(), owed)


def decide(known: list[Evidence], owed: Money) -> Verdict:  # noqa: PLR0911 - one line a rule, read in order
    """The status that `known` (oldest first) gives a payment of `owed`; PROCESSING where nothing is known."""
    spoken = [piece for piece in known if piece.source is Source.OPERATOR]
    if spoken:
        return _after_the_operator(spoken[-1], known)

    successes = [piece for piece in known if piece.claim is Claim.SUCCEEDED and piece.rank >= _CLOSING_RANK]
    claimed = [piece for piece in known if piece.claim is Claim.PAID]
    failures = _closing_failures(known)
    strongest = max(failures, key=_strength, default=None)

    if _another_amount([*successes, *claimed], owed):
        return Verdict(Status.REVIEW)
    if successes and strongest is not None and strongest.rank >= _FETCHED_RANK:
        return Verdict(Status.REVIEW)
    if successes:
        return Verdict(Status.SUCCEEDED)
    if claimed and (strongest is not None or _denied(claimed[0], known)):
        return Verdict(Status.REVIEW)  # said to be paid, and said not to be: nobody is asked again until that is clear
    if strongest is not None:
        held = any(piece.claim is Claim.AUTHORIZED for piece in known)
        if held and strongest.claim is Claim.FAILED:  # held and refused: one of them is not true
            return Verdict(Status.REVIEW)
        return Verdict(_STATUS[strongest.claim], strongest.reason)
    return Verdict(_progress(known))


def needs_verifying(known: Known) -> bool:
    """Whether a failure was reported that successes have been seen to follow: the gateway is asked for a day."""
    return any(piece.verify_first for piece in known.evidence)


def asked_since(known: Known, claim: Evidence) -> bool:
    """Whether the gateway has answered a question of ours that was asked after `claim`."""
    return any(piece.source in _ASKED and piece.at > claim.at for piece in known.evidence)


def unconfirmed(known: Known) -> Evidence | None:
    """The first claim of payment that nothing has confirmed yet, or None."""
    if any(piece.claim is Claim.SUCCEEDED for piece in known.evidence):
        return None
    return next((piece for piece in known.in_order() if piece.claim is Claim.PAID), None)


def _after_the_operator(word: Evidence, known: list[Evidence]) -> Verdict:
    later = [piece for piece in known if piece.at > word.at and piece.source is not Source.OPERATOR]
    if word.claim is Claim.SUCCEEDED:
        contradicted = any(piece.claim.is_failure and piece.rank >= _FETCHED_RANK for piece in later)
    else:  # money that moves after a person said it did not is never ignored, whoever tells of it
        contradicted = any(piece.claim is Claim.SUCCEEDED for piece in later)
    return Verdict(Status.REVIEW) if contradicted else Verdict(_STATUS[word.claim], word.reason)


def _another_amount(paid: list[Evidence], owed: Money) -> bool:
    stated = [piece for piece in paid if piece.amount is not None]
    if any(piece.rank >= _FETCHED_RANK and piece.amount == owed for piece in stated):
        return False
    return any(piece.amount != owed for piece in stated)


def _closing_failures(known: list[Evidence]) -> list[Evidence]:
    failures = [piece for piece in known if piece.claim.is_failure]
    denials = [piece for piece in failures if piece.rank == 1]
    strong = [
        piece
        for piece in failures
        if piece.rank >= _CLOSING_RANK and (not piece.verify_first or _agreed(piece, denials))
    ]
    return strong + _repeated(denials)


def _agreed(reported: Evidence, denials: list[Evidence]) -> bool:
    return any(denial.code == reported.code and denial.at - reported.at >= VERIFY_AFTER for denial in denials)


def _repeated(denials: list[Evidence]) -> list[Evidence]:
    by_code = groupby(sorted(denials, key=lambda piece: (piece.code or "", piece.at)), key=lambda piece: piece.code)
    answers = [list(equal) for _, equal in by_code]
    return [
        equal[-1] for equal in answers if len(equal) >= EQUAL_DENIALS and equal[-1].at - equal[0].at >= DENIALS_SPAN
    ]


def _denied(claim: Evidence, known: list[Evidence]) -> bool:
    later = [piece for piece in known if piece.at > claim.at]
    return any((piece.rank == 1 and not piece.verify_first) or piece.claim is Claim.UNRESOLVED for piece in later)


def _progress(known: list[Evidence]) -> Status:
    lost = max((piece.at for piece in known if piece.claim is Claim.OPERATION_LOST), default=None)
    looked = max((piece.at for piece in known if piece.source is Source.FETCHED), default=None)
    in_doubt = lost is not None and (looked is None or looked <= lost)
    claims = {piece.claim for piece in known}
    if Claim.UNRESOLVED in claims and (in_doubt or Claim.AUTHORIZED not in claims):
        return Status.REVIEW  # "still waiting" is no news: what re-opens the question is money held, or an end
    if in_doubt:
        return Status.UNKNOWN
    reached = claims.intersection(_PROGRESS)
    return _STATUS[max(reached, key=_PROGRESS.index)] if reached else Status.PROCESSING


def _strength(failure: Evidence) -> tuple[int, int]:
    return failure.rank, _TOLD_FIRST.index(failure.claim)


def _what_counts(evidence: Iterable[Evidence]) -> Iterator[Evidence]:
    """
    Of what was said again and again: the first two and the last time. Three equal denials close, the first tells since
    when, the last tells until when; nothing between adds to that. Kept so, any union of parts is the whole's.
    """
    said: dict[object, list[Evidence]] = {}
    for piece in sorted(evidence, key=_sort_key):
        said.setdefault(piece if _counts_alone(piece) else _saying(piece), []).append(piece)
    for times in said.values():
        yield from {*times[:2], times[-1]}


def _saying(piece: Evidence) -> tuple[object, ...]:
    """What is said and by whom, whenever."""
    return piece.claim, piece.source, piece.amount, piece.code, piece.reason, piece.verify_first


def _counts_alone(piece: Evidence) -> bool:
    """
    Whether each time it is said is a piece of its own: a final word that nobody asked for, or a claim to be paid. What
    we ask for again and again says no more the fourth time: all rules look at whether, since when or until when.
    """
    return piece.claim is Claim.PAID or (piece.claim.is_final and piece.source not in _ASKED)


def _sort_key(piece: Evidence) -> tuple[datetime, str, str, str, int, str, str, bool]:
    money = piece.amount
    return (
        piece.at,
        piece.claim,
        piece.source,
        piece.code or "",
        money.amount if money else -1,
        money.currency if money else "",
        piece.reason or "",
        piece.verify_first,
    )
