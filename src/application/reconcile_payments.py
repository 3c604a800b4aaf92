"""The truth of whatever is still open: ask, weigh, and come back later."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog

from application.open_work import WARN_BEFORE, WorkPolicy
from application.ports.gateway import NothingSent, Operation, OperationKind, PaymentGateway
from application.ports.open_payments import Due, OpenPayments
from application.ports.payments import Payments
from application.ports.platform import Clock
from application.record_report import RecordReport, Told
from domain.errors import Unavailable
from domain.evidence import Claim, Evidence, Source
from domain.history import Cause, CauseKind
from domain.payment import Payment, Report
from domain.payment_method import GatewayName
from domain.status import Status

log = structlog.get_logger()

#: Later than this after an operation began, sending it again would surprise the customer: then we only look.
REPEAT_WITHIN: Final = timedelta(minutes=2)


class ReconcilePayments:
    """
    - What a crash left is sent again only while that is surely the same call; else it is only looked for.
    - An abandoned payment is cancelled at the gateway, and only the gateway's word closes it.
    - A declined payment that could still be paid is cancelled.
    - Where the truth stays away for days, a person must look.
    """

    def __init__(
        self,
        *,
        payments: Payments,
        open_payments: OpenPayments,
        gateways: Mapping[GatewayName, PaymentGateway],
        record_report: RecordReport,
        policy: WorkPolicy,
        clock: Clock,
        lease_for: timedelta,
    ) -> None:
        self._payments = payments
        self._open_payments = open_payments
        self._gateways = gateways
        self._record_report = record_report
        self._policy = policy
        self._clock = clock
        self._lease_for = lease_for

    async def take(self, limit: int) -> list[Due]:
        """Up to `limit` payments whose time has come, under leases of ours."""
        return await self._open_payments.take_due(self._clock.now(), self._lease_for, limit)

    async def execute(self, due: Due) -> None:
        """Finds out about one of them."""
        payment = due.kept.payment
        if payment.status is Status.SUCCEEDED and payment.outcome_is_told:
            await self._look_at_the_order(due)
            return
        report = await self._find_out(due)
        now = self._clock.now()
        if payment.status is Status.AUTHORIZED and (payment.capture_before or now) - now <= WARN_BEFORE:
            log.error("authorization.lapsing", payment_id=str(payment.id))
        if self._policy.has_waited_too_long(payment, now):
            gave_up = Evidence(claim=Claim.UNRESOLVED, source=Source.CLOCK, at=now)
            log.error("payment.unresolved", payment_id=str(payment.id))
            report = report.with_evidence(gave_up)
        told = Told(report=report, cause=Cause(CauseKind.JOB, "reconcile"), looked=True, lease=due.lease)
        await self._record_report.execute(due.kept, told)

    async def _find_out(self, due: Due) -> Report:  # noqa: PLR0911 - one line a rule, read in order
        payment, operation = due.kept.payment, due.operation
        gateway = self._gateways[payment.gateway]
        now = self._clock.now()
        may_repeat = now - operation.started_at < REPEAT_WITHIN and not payment.cancel_requested
        try:
            if self._was_perhaps_never_sent(payment) and gateway.may_repeat:
                if may_repeat and operation.kind is OperationKind.COLLECT:
                    return await gateway.collect(payment, operation)
            elif payment.cancel_requested and not payment.status.is_closed:
                return await gateway.cancel(payment)
            elif may_repeat and self._capture_may_be_undone(payment, operation):
                return await gateway.capture(payment, operation)
            elif gateway.has_loose_end(payment) or self._is_abandoned(payment, gateway):
                return await gateway.cancel(payment)
            return await gateway.look_up(payment, operation)
        except NothingSent:
            return Report()
        except Unavailable:
            log.warning("gateway.unavailable", gateway=payment.gateway, payment_id=str(payment.id))
            return Report()

    @staticmethod
    def _was_perhaps_never_sent(payment: Payment) -> bool:
        return not any(kind.names_a_call for kind in payment.references)

    @staticmethod
    def _capture_may_be_undone(payment: Payment, operation: Operation) -> bool:
        """Whether a capture was promised, and the gateway has said nothing since."""
        if operation.kind is not OperationKind.CAPTURE or payment.amount_to_capture is None:
            return False
        heard = {Source.ANSWER, Source.FETCHED, Source.SIGNED}
        return not any(piece.source in heard and piece.at >= operation.started_at for piece in payment.known.evidence)

    def _is_abandoned(self, payment: Payment, gateway: PaymentGateway) -> bool:
        expires_at = gateway.expires_at(payment)
        waits = payment.status in {Status.REQUIRES_ACTION, Status.UNKNOWN, Status.PROCESSING}
        return waits and expires_at is not None and self._clock.now() >= expires_at

    async def _look_at_the_order(self, due: Due) -> None:
        payment = due.kept.payment
        overpaid = await self._payments.another_succeeded(payment)
        if overpaid:
            log.error("order.overpaid", payment_id=str(payment.id))
        await self._record_report.settle(due.kept, due.lease, overpaid=overpaid)
