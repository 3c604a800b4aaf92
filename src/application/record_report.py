"""What a gateway told us becomes the payment's next version: weighed with all that is known, durable in one step."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog

from application.open_work import WorkPolicy
from application.ports.gateway import PaymentGateway
from application.ports.payments import Answer, Kept, Key, Lease, Outcome, Payments, Recorded, Step
from application.ports.platform import Clock
from domain.errors import NotFound
from domain.history import Cause, CauseKind, tell
from domain.payment import Payment, Report
from domain.payment_method import GatewayName
from domain.status import Status

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """
    A report, and what goes into the same commit as the version it makes.

    `looked`: it comes from asking the gateway just now, not from a message. `answer` renders what the caller is told,
    None where the request changed nothing: then `key` is released, and may come again. It is stored under `key` where
    the outcome is known. `nothing_sent`: our call surely did not reach the gateway.
    """

    report: Report
    cause: Cause
    looked: bool
    lease: Lease | None = None
    key: Key | None = None
    answer: Callable[[Payment], Answer | None] | None = None
    nothing_sent: bool = False
    inbox_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The payment as it is now, and the answer that stands under the key, if one does."""

    kept: Kept
    answer: Answer | None


class RecordReport:
    """
    Learn a report and record it, as often as it takes: whoever was faster is read and weighed with us.

    - A webhook that came first does not lose the answer, and the answer does not undo the webhook.
    - Who lost the lease sets no status: what it was told is kept, and whoever looks next weighs it.

    Raises:
        NotFound: there is no such payment any more.
        Unavailable: the database cannot serve; nothing of this step is durable, or all of it.
    """

    def __init__(
        self,
        *,
        payments: Payments,
        gateways: Mapping[GatewayName, PaymentGateway],
        policy: WorkPolicy,
        clock: Clock,
    ) -> None:
        self._payments = payments
        self._gateways = gateways
        self._policy = policy
        self._clock = clock

    async def execute(self, kept: Kept, told: Told) -> Result:
        """The payment as it is after this step."""
        fenced = False
        while True:
            recorded, after = await self._try(kept, told, fenced=fenced)
            if recorded.outcome is Outcome.DONE:
                return Result(after, recorded.answer)
            fenced = fenced or recorded.outcome is Outcome.FENCED
            kept = await self._reread(kept.payment.id)
            if told.nothing_sent and (
                fenced or told.report.evidence
            ):  # somebody else acts: that we sent nothing proves nothing any more
                return Result(kept, None)

    async def settle(self, kept: Kept, lease: Lease, *, overpaid: bool) -> None:
        """A success whose order has been looked at: where it was paid twice, the history and the shop are told."""
        while True:
            now = self._clock.now()
            flag = overpaid and not kept.payment.order_overpaid
            after = kept.payment.flagged_overpaid(now) if flag else kept.payment
            entry = tell(kept.payment, after, Cause(CauseKind.JOB, "reconcile"), kept.head) if flag else None
            work = self._policy.left(after, self._gateways[after.gateway], now, looked=True, order_checked=True)
            recorded = await self._payments.record(Step(before=kept, after=after, entry=entry, work=work, lease=lease))
            if recorded.outcome is not Outcome.STALE:
                return
            kept = await self._reread(kept.payment.id)

    async def _reread(self, payment_id: UUID) -> Kept:
        kept = await self._payments.find(payment_id, urgent=True)
        if kept is None:
            raise NotFound
        return kept

    async def _try(self, kept: Kept, told: Told, *, fenced: bool) -> tuple[Recorded, Kept]:
        now = self._clock.now()
        before = kept.payment
        after = before.keep(told.report, now) if fenced else before.learn(told.report, now)
        if told.nothing_sent:
            after = after.as_before_asking(now)
        entry = tell(before, after, told.cause, kept.head) if after.version != before.version else None
        gateway = self._gateways[after.gateway]
        tells = told.answer is not None and after.outcome_is_told and not fenced
        answer = told.answer(after) if told.answer is not None and tells else None
        step = Step(
            before=kept,
            after=after,
            entry=entry,
            work=self._policy.left(after, gateway, now, looked=told.looked and not fenced),
            lease=None if fenced else told.lease,
            key=told.key,
            answer=answer if answer is None or answer.may_be_stored else None,
            release_key=tells and answer is None,
            inbox_id=told.inbox_id,
        )
        recorded = await self._payments.record(step)
        if recorded.outcome is Outcome.DONE and entry is not None:
            enters_review = after.status is Status.REVIEW and before.status is not Status.REVIEW
            log.log(
                logging.ERROR if enters_review else logging.INFO,  # a person must look at it
                entry.event,
                payment_id=str(after.id),
                was=before.status,
                status=after.status,
                reason=after.reason,
                cause=told.cause.kind,
                fenced=fenced,
            )
        return recorded, Kept(after, entry.hash if entry else kept.head)
