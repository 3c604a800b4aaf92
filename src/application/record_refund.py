"""What a gateway told us of a refund: the refund's next version and its payment's, durable in one step."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from application.open_work import WorkPolicy
from application.ports.payments import Answer, Kept, Key, Lease, Outcome, Recorded
from application.ports.platform import Clock
from application.ports.refunds import KeptRefund, Refunds, RefundStep
from domain.errors import NotFound
from domain.history import Cause, RefundMove, tell
from domain.payment import Report
from domain.refund import Refund, RefundStatus

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldOfRefund:
    """
    A report, and what goes into the same commit as the version it makes.

    `answer` renders what the caller is told, None where the request changed nothing: then `key` is released. It is
    stored under `key` where the outcome is known. `nothing_sent`: our call surely did not reach the gateway.
    """

    report: Report
    cause: Cause
    lease: Lease | None = None
    key: Key | None = None
    answer: Callable[[Refund], Answer | None] | None = None
    nothing_sent: bool = False
    inbox_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class RefundResult:
    """The refund as it is now, and the answer that stands under the key, if one does."""

    refund: Refund
    answer: Answer | None


class RecordRefund:
    """
    Learn a report and record it, as often as it takes: whoever was faster is read and weighed with us.

    - The refund and its payment's amounts move together, or not at all.
    - What a gateway proves to have given back is booked, whatever was reserved.

    Raises:
        NotFound: there is no such refund any more.
        Unavailable: the database cannot serve; nothing of this step is durable, or all of it.
    """

    def __init__(self, *, refunds: Refunds, policy: WorkPolicy, clock: Clock) -> None:
        self._refunds = refunds
        self._policy = policy
        self._clock = clock

    async def execute(self, before: KeptRefund, told: ToldOfRefund) -> RefundResult:
        """The refund as it is after this step."""
        fenced = False
        while True:
            recorded, after = await self._try(before, told, fenced=fenced)
            if recorded.outcome is Outcome.DONE:
                return RefundResult(after, recorded.answer)
            fenced = fenced or recorded.outcome is Outcome.FENCED
            before = await self._reread(before.refund.id)
            if fenced and told.nothing_sent:  # somebody else acts: that we sent nothing proves nothing any more
                return RefundResult(before.refund, None)

    async def _reread(self, refund_id: UUID) -> KeptRefund:
        found = await self._refunds.find(refund_id, urgent=True)
        if found is None:
            raise NotFound
        return found

    async def _try(self, before: KeptRefund, told: ToldOfRefund, *, fenced: bool) -> tuple[Recorded, Refund]:
        now = self._clock.now()
        was, kept = before.refund, before.kept
        refund = was.keep(told.report, now) if fenced else was.learn(told.report, now)
        moved = refund.version != was.version
        payment = kept.payment
        if moved:
            held, gone = refund.amount_held - was.amount_held, refund.amount_gone - was.amount_gone
            payment = payment.rebooked(held=held, gone=gone, at=now)
        entry = tell(kept.payment, payment, told.cause, kept.head, RefundMove(was, refund)) if moved else None
        tells = told.answer is not None and refund.outcome_is_told and not fenced
        answer = told.answer(refund) if told.answer is not None and tells else None
        step = RefundStep(
            before=before,
            payment=payment,
            refund=refund,
            entry=entry,
            next_check_at=self._policy.next_look_at_refund(refund, now),
            lease=None if fenced else told.lease,
            key=told.key,
            answer=answer if answer is None or answer.may_be_stored else None,
            release_key=tells and answer is None,
            inbox_id=told.inbox_id,
        )
        recorded = await self._refunds.record(step)
        if recorded.outcome is Outcome.DONE and entry is not None:
            self._log(was, refund, Kept(payment, entry.hash), told)
        return recorded, refund

    @staticmethod
    def _log(was: Refund, refund: Refund, kept: Kept, told: ToldOfRefund) -> None:
        facts = {"refund_id": str(refund.id), "payment_id": str(refund.payment_id)}
        log.info(
            "refund.moved",
            **facts,
            was=was.status,
            status=refund.status,
            failure=refund.failure,
            cause=told.cause.kind,
        )
        if refund.status is RefundStatus.REVIEW and was.status is not RefundStatus.REVIEW:
            log.error("refund.doubted", **facts)
        if was.status is RefundStatus.SUCCEEDED and refund.status is RefundStatus.FAILED:
            log.warning("refund.returned", **facts)
        if kept.payment.amount_excess_refunded:
            log.error("refund.exceeded", **facts, amount=kept.payment.amount_excess_refunded)
