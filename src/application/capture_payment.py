"""Take the money that is held, or a part of it."""

from dataclasses import dataclass
from datetime import datetime

from application.answered import Answered
from application.ports.gateway import Operation, OperationKind, PaymentGateway
from application.undertake import ChangeRequest, Undertake
from domain.errors import NotCapturable, Refused
from domain.payment import CaptureMethod, Payment, Report
from domain.status import Status


@dataclass(frozen=True, slots=True)
class CapturePayment:
    """
    - Held money is taken once; what is not taken is released.
    - Asked again for the same, it says the same.

    Raises as `Undertake` does; NotCapturable: no money is held (any more).
    """

    undertake: Undertake

    async def execute(self, request: ChangeRequest, amount: int | None) -> Answered:
        """`amount` in minor units; None: all that is held."""
        return await self.undertake.execute(_Capture(amount), request)


@dataclass(frozen=True, slots=True)
class _Capture:
    amount: int | None
    waits_its_turn: bool = False

    def is_made(self, payment: Payment) -> bool:
        by_hand = payment.capture_method is CaptureMethod.MANUAL and payment.status is Status.SUCCEEDED
        return by_hand and payment.amount_captured == (self.amount or payment.money.amount)

    def asked(self, payment: Payment, gateway: PaymentGateway, at: datetime) -> Payment:
        amount = payment.money.amount if self.amount is None else self.amount
        asked = payment.asked_to_capture(amount, at)
        gateway.check_capture(payment, amount)
        return asked

    def operation(self, payment: Payment, at: datetime) -> Operation:
        return Operation(started_at=at, kind=OperationKind.CAPTURE, amount=payment.amount_to_capture)

    async def send(self, gateway: PaymentGateway, payment: Payment, operation: Operation) -> Report:
        return await gateway.capture(payment, operation)

    def refusal(self, payment: Payment) -> Refused | None:
        if payment.status in {Status.SUCCEEDED, Status.UNKNOWN, Status.REVIEW, Status.PROCESSING}:
            return None
        return NotCapturable(f"The payment was not captured: it is {payment.status}.")
