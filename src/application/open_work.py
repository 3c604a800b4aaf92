"""When an open payment is looked at again, and when nothing is left to do on it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from application.ports.gateway import PaymentGateway
from application.ports.payments import Work
from domain.payment import Payment
from domain.payment_method import GatewayName
from domain.status import Status
from domain.verdict import needs_verifying, unconfirmed

_HOURLY_UNTIL: Final = timedelta(hours=24)
_AFTERWARDS: Final = timedelta(hours=6)
_WAITS_FOR_TRUTH: Final = frozenset({Status.UNKNOWN, Status.PROCESSING})


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

    def left(self, payment: Payment, gateway: PaymentGateway, now: datetime, *, looked: bool) -> Work | None:
        """What is left to do on `payment`; `looked`: the gateway was asked just now."""
        if payment.known.verdict(payment.money).status is not payment.status:  # kept, but not weighed yet
            return Work(next_check_at=now, holds_likeness=not payment.status.is_closed)
        if payment.status is Status.SUCCEEDED:
            if payment.late and not payment.order_overpaid and not looked:
                return Work(next_check_at=now, holds_likeness=True)
            return Work(next_check_at=now + self.duplicate_window, holds_likeness=True, settled=True)

        at_once = not looked and (unconfirmed(payment.known) is not None or gateway.has_loose_end(payment))
        then = now if at_once else self.next_check(payment, gateway, now)
        if not payment.status.is_closed:
            return Work(next_check_at=then, holds_likeness=True)
        return Work(next_check_at=then, holds_likeness=False) if self._unfinished(payment, gateway, now) else None

    def next_check(self, payment: Payment, gateway: PaymentGateway, now: datetime) -> datetime:
        """The next moment of the schedule, or of the payment's own calendar where that comes first."""
        age = now - payment.created_at
        planned = next((payment.created_at + after for after in self.checks if after > age), None)
        if planned is None:
            planned = now + (timedelta(hours=1) if age < _HOURLY_UNTIL else _AFTERWARDS)
        own = (gateway.expires_at(payment), payment.capture_before)
        return min([planned, *(moment for moment in own if moment is not None and moment > now)])

    def has_waited_too_long(self, payment: Payment, now: datetime) -> bool:
        """Whether the truth stayed away so long that a person must look."""
        waits = payment.status in _WAITS_FOR_TRUTH or unconfirmed(payment.known) is not None
        prompted = payment.gateway is GatewayName.MPESA and payment.status is Status.REQUIRES_ACTION
        return (waits or prompted) and now - payment.created_at >= self.give_up_after

    @staticmethod
    def _unfinished(payment: Payment, gateway: PaymentGateway, now: datetime) -> bool:
        verifying = needs_verifying(payment.known) and now - payment.created_at < _HOURLY_UNTIL
        return verifying or unconfirmed(payment.known) is not None or gateway.has_loose_end(payment)
