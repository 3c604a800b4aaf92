"""The truth of refunds that are still open: ask, weigh, and come back later."""

from collections.abc import Mapping
from datetime import timedelta

import structlog

from application.open_work import WorkPolicy
from application.ports.gateway import NothingSent
from application.ports.platform import Clock
from application.ports.refund_gateway import RefundGateway
from application.ports.refunds import DueRefund, Refunds
from application.reconcile_payments import REPEAT_WITHIN
from application.record_refund import RecordRefund, ToldOfRefund
from domain.errors import Unavailable
from domain.evidence import Claim, Evidence, Source
from domain.history import Cause, CauseKind
from domain.payment import Report
from domain.payment_method import GatewayName

log = structlog.get_logger()


class ReconcileRefunds:
    """
    - What a crash left is sent again only while that is surely the same refund; else it is only looked for.
    - Where the truth stays away for days, a person must look; until then the amount stays reserved.
    """

    def __init__(
        self,
        *,
        refunds: Refunds,
        gateways: Mapping[GatewayName, RefundGateway],
        record_refund: RecordRefund,
        policy: WorkPolicy,
        clock: Clock,
        lease_for: timedelta,
    ) -> None:
        self._refunds = refunds
        self._gateways = gateways
        self._record_refund = record_refund
        self._policy = policy
        self._clock = clock
        self._lease_for = lease_for

    async def take(self, limit: int) -> list[DueRefund]:
        """Up to `limit` refunds whose time has come, under leases of ours."""
        return await self._refunds.take_due(self._clock.now(), self._lease_for, limit)

    async def execute(self, due: DueRefund) -> None:
        """Finds out about one of them."""
        report = await self._find_out(due)
        if not due.before.refund.known.evidence:  # whoever held the lease before may have sent it, and told nobody
            lost = Evidence(claim=Claim.LOST, source=Source.CLOCK, at=due.operation.started_at)
            report = report.with_evidence(lost)
        now = self._clock.now()
        if self._policy.refund_has_waited_too_long(due.before.refund.learn(report, now), now):
            log.error("refund.unresolved", refund_id=str(due.before.refund.id))
            report = report.with_evidence(Evidence(claim=Claim.UNRESOLVED, source=Source.CLOCK, at=now))
        told = ToldOfRefund(report=report, cause=Cause(CauseKind.JOB, "reconcile"), lease=due.lease)
        await self._record_refund.execute(due.before, told)

    async def _find_out(self, due: DueRefund) -> Report:
        refund, payment = due.before.refund, due.before.kept.payment
        gateway = self._gateways[payment.gateway]
        try:
            if not refund.is_named_by_gateway and self._clock.now() - due.operation.started_at < REPEAT_WITHIN:
                return await gateway.refund(payment, refund, due.operation)
            return await gateway.look_up_refund(payment, refund, due.operation)
        except NothingSent:
            return Report()
        except Unavailable:
            log.warning("gateway.unavailable", gateway=payment.gateway, refund_id=str(refund.id))
            return Report()
