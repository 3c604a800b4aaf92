"""A refund: money of one payment on its way back. Its amount is reserved until it has gone, or surely stays."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

from domain.errors import IllegalTransition
from domain.evidence import Claim, Evidence, Reason, Source
from domain.money import Money
from domain.payment import ReferenceKind, Report
from domain.verdict import Known


class RefundStatus(StrEnum):
    PROCESSING = "PROCESSING"  # durable; a request may be at the gateway, or the gateway is working
    UNKNOWN = "UNKNOWN"  # we asked and the answer is lost
    SUCCEEDED = "SUCCEEDED"  # given back
    FAILED = "FAILED"  # surely not given back, or come back again
    CANCELLED = "CANCELLED"  # stopped at the gateway
    REVIEW = "REVIEW"  # the evidence contradicts itself, or the truth stayed away: a person decides

    @property
    def is_closed(self) -> bool:
        """Whether the outcome is told as definite: only new evidence can move it."""
        return self in _CLOSED

    @property
    def is_known(self) -> bool:
        """Whether the gateway has answered, so that the answer may be stored and repeated."""
        return self not in {RefundStatus.UNKNOWN, RefundStatus.REVIEW}


_CLOSED: Final = frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED, RefundStatus.CANCELLED})
_NOT_GONE: Final = frozenset({RefundStatus.FAILED, RefundStatus.CANCELLED})
_R = RefundStatus
_ANY: Final = frozenset(RefundStatus)

#: A card refund may fail up to 30 days after it succeeded; a failure may turn out to have gone through.
REFUND_TRANSITIONS: Final[Mapping[RefundStatus, frozenset[RefundStatus]]] = {
    _R.PROCESSING: _ANY - {_R.PROCESSING},
    _R.UNKNOWN: _ANY - {_R.UNKNOWN},
    _R.SUCCEEDED: frozenset({_R.FAILED, _R.REVIEW}),
    _R.FAILED: frozenset({_R.SUCCEEDED, _R.CANCELLED, _R.REVIEW}),
    _R.CANCELLED: frozenset({_R.SUCCEEDED, _R.FAILED, _R.REVIEW}),
    _R.REVIEW: _ANY - {_R.REVIEW},
}


class RefundOrigin(StrEnum):
    API = "api"
    EXTERNAL = "external"  # made outside: on the gateway's dashboard, say


class RefundChannel(StrEnum):
    """How the money goes back."""

    STRIPE = "stripe"
    REVERSAL = "reversal"  # M-Pesa: the whole transaction is undone
    B2C = "b2c"  # M-Pesa: a payment of ours to the customer's phone


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """
    Some of a payment's money on its way back. Immutable: every verb returns the next Refund.

    `id` carries the millisecond of its payment's creation, so that it names the month where both are kept;
    `requested_at` (UTC) is its own time. `reason` is the shop's own words; `failure` why it failed. `freed`: it was
    told as not gone once, so that its amount may have been refunded otherwise since.
    """

    id: UUID
    payment_id: UUID
    user_id: UUID
    money: Money
    channel: RefundChannel
    origin: RefundOrigin = RefundOrigin.API
    reason: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    status: RefundStatus = RefundStatus.PROCESSING
    failure: Reason | None = None
    known: Known = field(default_factory=Known)
    references: Mapping[ReferenceKind, str] = field(default_factory=dict)
    freed: bool = False
    version: int = 1
    requested_at: datetime
    updated_at: datetime

    @property
    def amount_held(self) -> int:
        """Minor units that nobody else may refund while this is open. What was freed is not held again."""
        held = self.origin is RefundOrigin.API and not self.status.is_closed and not self.freed
        return self.money.amount if held else 0

    @property
    def amount_gone(self) -> int:
        """Minor units that have gone back. What was made outside counts as soon as the gateway has begun it."""
        gone = self.status is RefundStatus.SUCCEEDED
        begun = self.origin is RefundOrigin.EXTERNAL and not self.status.is_closed
        return self.money.amount if gone or begun else 0

    @property
    def is_named_by_gateway(self) -> bool:
        """Whether the gateway gave it a name, or took it under the name we gave: our call surely arrived."""
        taken = any(piece.claim is Claim.PROCESSING for piece in self.known.evidence)
        return taken or any(kind in _GIVEN for kind in self.references)

    @property
    def outcome_is_told(self) -> bool:
        """Whether the gateway has answered, and the status says what it answered."""
        return self.status.is_known and bool(self.known.evidence) and decide(self).status is self.status

    @property
    def was_surely_not_sent(self) -> bool:
        return self.status is RefundStatus.FAILED and self.failure is Reason.GATEWAY_UNAVAILABLE

    def learn(self, report: Report, at: datetime) -> Self:
        """What the gateway told us joins what is known; the whole of it, in any order, decides."""
        learned = self._with(report)
        verdict = decide(learned)
        same = verdict == RefundVerdict(self.status, self.failure) and replace(learned, known=self.known) == self
        if same and learned.known.gist() == self.known.gist():
            return learned
        if verdict.status is not self.status and verdict.status not in REFUND_TRANSITIONS[self.status]:
            raise IllegalTransition(was=self.status, asked=verdict.status)
        return replace(
            learned,
            status=verdict.status,
            failure=verdict.failure,
            freed=self.freed or verdict.status in _NOT_GONE,
            version=self.version + 1,
            updated_at=at,
        )

    def keep(self, report: Report, at: datetime) -> Self:
        """The words of one who lost the lease: kept, and weighed by whoever looks next."""
        return replace(self._with(report), version=self.version + 1, updated_at=at)

    def _with(self, report: Report) -> Self:
        known = self.known.with_(*report.evidence)
        return replace(self, known=known, references={**report.references, **self.references})


_GIVEN: Final = frozenset({ReferenceKind.REFUND, ReferenceKind.CONVERSATION, ReferenceKind.RECEIPT})


@dataclass(frozen=True, slots=True)
class RefundVerdict:
    """A status, and where it is a failure, why."""

    status: RefundStatus
    failure: Reason | None = None


_CLOSING_RANK: Final = 2
_FETCHED_RANK: Final = 4
_ENDS: Final = {
    Claim.FAILED: RefundStatus.FAILED,
    Claim.EXPIRED: RefundStatus.FAILED,
    Claim.RETURNED: RefundStatus.FAILED,
}


def decide(refund: Refund) -> RefundVerdict:  # noqa: PLR0911 - one line a rule, read in order
    """
    The status that everything known about `refund` gives it, whatever the order it came in.

    A person outweighs what came before; what the gateway took back has not gone, whatever was said before; another
    amount, or a strong no beside a yes, goes to a person; a yes outweighs a weak no; a no closes.
    """
    known = refund.known.in_order()
    spoken = [piece for piece in known if piece.source is Source.OPERATOR]
    if spoken:
        return _after_the_operator(spoken[-1], known)

    final = [piece for piece in known if piece.rank >= _CLOSING_RANK]
    returned = [piece for piece in final if piece.claim is Claim.RETURNED]
    successes = [piece for piece in final if piece.claim is Claim.SUCCEEDED]
    failure = max((piece for piece in final if piece.claim.is_failure), key=lambda piece: piece.rank, default=None)

    if any(piece.amount not in {None, refund.money} for piece in successes):
        return RefundVerdict(RefundStatus.REVIEW)
    if returned:
        return RefundVerdict(RefundStatus.FAILED, returned[-1].reason)
    if successes and failure is not None and failure.rank >= _FETCHED_RANK:
        return RefundVerdict(RefundStatus.REVIEW)
    if successes:
        return RefundVerdict(RefundStatus.SUCCEEDED)
    if any(piece.claim is Claim.CONTESTED for piece in known):  # by a call of ours whose answer was lost, or by whom?
        lost = any(piece.claim is Claim.LOST for piece in known)
        return RefundVerdict(RefundStatus.SUCCEEDED if lost else RefundStatus.REVIEW)
    if failure is not None:
        return _ended(failure)
    return RefundVerdict(_progress(known))


def _ended(failure: Evidence) -> RefundVerdict:
    return RefundVerdict(_ENDS.get(failure.claim, RefundStatus.CANCELLED), failure.reason)


def _after_the_operator(word: Evidence, known: list[Evidence]) -> RefundVerdict:
    later = [piece for piece in known if piece.at > word.at and piece.source is not Source.OPERATOR]
    if word.claim is Claim.SUCCEEDED:
        contradicted = any(
            piece.claim is Claim.RETURNED or (piece.claim.is_failure and piece.rank >= _FETCHED_RANK) for piece in later
        )
        agreed = RefundVerdict(RefundStatus.SUCCEEDED)
    else:  # a person's "no" is that it has not gone, however it stopped
        contradicted = any(piece.claim is Claim.SUCCEEDED for piece in later)
        agreed = RefundVerdict(RefundStatus.FAILED, word.reason)
    return RefundVerdict(RefundStatus.REVIEW) if contradicted else agreed


def _progress(known: list[Evidence]) -> RefundStatus:
    """What was said last: a request that was accepted may still be lost in a queue, and found again."""
    if any(piece.claim is Claim.UNRESOLVED for piece in known):
        return RefundStatus.REVIEW
    said = [piece for piece in known if piece.claim in {Claim.PROCESSING, Claim.LOST}]
    if not said:
        return RefundStatus.PROCESSING
    latest = max(piece.at for piece in said)
    lost = any(piece.claim is Claim.LOST for piece in said if piece.at == latest)
    return RefundStatus.UNKNOWN if lost else RefundStatus.PROCESSING
