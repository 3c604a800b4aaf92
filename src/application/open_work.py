"""When an open payment is looked at again, and when nothing is left to do on it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from application.ports.gateway import PaymentGateway
from application.ports.payments import Work
from domain.evidence import Claim, Source
from domain.payment import Payment
from domain.payment_method import GatewayName
from domain.refund import Refund, RefundStatus, decide
from domain.status import Status
from domain.verdict import asked_since, needs_verifying, unconfirmed

_HOURLY_UNTIL: Final = timedelta(hours=24)
_AFTERWARDS: Final = timedelta(hours=6)
#: A claim to be paid is asked about, and what was called off is cancelled, at once; where that came to nothing, again
#: after this.
_ASK_AGAIN_AFTER: Final = timedelta(seconds=15)
#: How long before held money lapses the operator is told.
WARN_BEFORE: Final = timedelta(days=1)
_WAITS_FOR_TRUTH: Final = frozenset({Status.UNKNOWN, Status.PROCESSING})
#: What was claimed when a payment came into a status that waits.
_CLAIMS_OF: Final = {
    Status.UNKNOWN: (Claim.LOST, Claim.OPERATION_LOST),
    Status.PROCESSING: (Claim.PROCESSING, Claim.PAID),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPolicy:
    """
    The schedule of looking: so long after a payment began (`checks`, rising), then hourly for a day, then every 6 h.

    `duplicate_window`: how long after a success a payment like it is refused.
    `give_up_after`: how long without truth before a person must look.
    """

    checks: tuple[timedelta, ...]
    duplicate_window: timedelta
    give_up_after: timedelta = timedelta(days=7)

    def left(
        self, payment: Payment, gateway: PaymentGateway, now: datetime, *, looked: bool, order_checked: bool = False
    ) -> Work | None:
        """
        What is left to do on `payment`. `looked`: the gateway was asked just now; `order_checked`: whether the order
        was paid twice is known.
        """
        if payment.weighed.status is not payment.status:  # kept, but not weighed yet
            return Work(next_check_at=now, holds_likeness=not payment.status.is_closed)
        if payment.status is Status.SUCCEEDED:
            if payment.late and not payment.order_overpaid and not order_checked:
                return Work(next_check_at=now, holds_likeness=True)
            succeeded = payment.known.since(Claim.SUCCEEDED) or now
            return Work(
                next_check_at=succeeded + self.duplicate_window,
                holds_likeness=True,
                settled=True,
                unless_paid_late=not order_checked,
            )

        then = self.next_check(payment, gateway, now)
        claim = unconfirmed(payment.known)
        if (claim is not None and not asked_since(payment.known, claim)) or payment.cancel_requested:
            then = min(then, now + _ASK_AGAIN_AFTER) if looked else now
        elif gateway.has_loose_end(payment) and not looked:
            then = now
        if not payment.status.is_closed:
            return Work(next_check_at=then, holds_likeness=True)
        return Work(next_check_at=then, holds_likeness=False) if self._unfinished(payment, gateway, now) else None

    def next_check(self, payment: Payment, gateway: PaymentGateway, now: datetime) -> datetime:
        """The next moment of the schedule, or of the payment's own calendar where that comes first."""
        planned = self._planned(payment.created_at, now)
        warn_at = payment.capture_before - WARN_BEFORE if payment.capture_before else None
        own = (gateway.expires_at(payment), payment.capture_before, warn_at)
        return min([planned, *(moment for moment in own if moment is not None and moment > now)])

    def next_look_at_refund(self, refund: Refund, now: datetime) -> datetime | None:
        """When an open refund is looked at again; None where nothing is left to do."""
        if refund.status.is_closed and decide(refund).status is refund.status:
            return None
        if decide(refund).status is not refund.status:  # kept, but not weighed yet
            return now
        return self._planned(refund.requested_at, now)

    def refund_has_waited_too_long(self, refund: Refund, now: datetime) -> bool:
        """Whether the truth about a refund stayed away so long that a person must look."""
        shown = any(piece.source is Source.FETCHED for piece in refund.known.evidence)  # the gateway itself is slow
        waits = refund.status is RefundStatus.UNKNOWN or (refund.status is RefundStatus.PROCESSING and not shown)
        return waits and now - refund.requested_at >= self.give_up_after

    def _planned(self, began: datetime, now: datetime) -> datetime:
        age = now - began
        planned = next((began + after for after in self.checks if after > age), None)
        return planned or now + (timedelta(hours=1) if age < _HOURLY_UNTIL else _AFTERWARDS)

    def has_waited_too_long(self, payment: Payment, now: datetime) -> bool:
        """Whether the truth stayed away so long that a person must look."""
        if Claim.UNRESOLVED in {piece.claim for piece in payment.known.evidence}:
            return False  # it is a person's already
        prompted = payment.gateway is GatewayName.MPESA and payment.status is Status.REQUIRES_ACTION
        if not (prompted or payment.status in _WAITS_FOR_TRUTH or unconfirmed(payment.known) is not None):
            return False
        since = payment.known.since(*_CLAIMS_OF.get(payment.status, ())) or payment.created_at
        return now - since >= self.give_up_after

    @staticmethod
    def _unfinished(payment: Payment, gateway: PaymentGateway, now: datetime) -> bool:
        verifying = needs_verifying(payment.known) and now - payment.created_at < _HOURLY_UNTIL
        return verifying or unconfirmed(payment.known) is not None or gateway.has_loose_end(payment)
