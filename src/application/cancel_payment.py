"""Give a payment up: release what is held, ask no more."""

from dataclasses import dataclass
from datetime import datetime

from application.answered import Answered
from application.ports.gateway import Operation, OperationKind, PaymentGateway
from application.undertake import ChangeRequest, Undertake
from domain.errors import NotCancellable, Refused
from domain.payment import Payment, Report
from domain.status import Status


@dataclass(frozen=True, slots=True)
class CancelPayment:
    """
    - What is held is released; what waits for the customer is given up.
    - What is in flight is cancelled as soon as it can be; nothing is sent again meanwhile, and truth decides.

    Raises as `Undertake` does; NotCancellable: the money is taken, or is a prompt on a phone.
    """

    undertake: Undertake

    async def execute(self, request: ChangeRequest) -> Answered:
        return await self.undertake.execute(_Cancel(), request)


@dataclass(frozen=True, slots=True)
class _Cancel:
    waits_its_turn: bool = True

    def is_made(self, payment: Payment) -> bool:
        return payment.status is Status.CANCELLED

    def asked(self, payment: Payment, gateway: PaymentGateway, at: datetime) -> Payment:  # noqa: ARG002 - as of every change
        return payment.asked_to_cancel(at)

    def operation(self, payment: Payment, at: datetime) -> Operation:  # noqa: ARG002 - as of every change
        return Operation(started_at=at, kind=OperationKind.CANCEL)

    async def send(self, gateway: PaymentGateway, payment: Payment, operation: Operation) -> Report:  # noqa: ARG002
        return await gateway.cancel(payment)

    def refusal(self, payment: Payment) -> Refused | None:
        if not payment.status.is_closed or payment.status is Status.CANCELLED:
            return None
        return NotCancellable(f"The payment was not cancelled: it is {payment.status}.")
