"""Give money back, never more than was taken: reserve, ask the gateway, record the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import structlog

from application.answered import Answered
from application.find_payments import Reader
from application.ports.gateway import NothingSent, Operation, OperationKind
from application.ports.payments import Answer, Kept, Key, Lease, Payments, Purpose
from application.ports.platform import Clock, NewId
from application.ports.refund_gateway import RefundGateway
from application.ports.refunds import KeptRefund, RefundPromise, Refunds, RepeatedRefund
from application.record_refund import RecordRefund, ToldOfRefund
from application.recordings import Recordings
from domain.errors import Fault, GatewayUnavailable, InDoubt, Invalid, KeyInUse, NotFound, Unavailable
from domain.evidence import Claim, Evidence, Reason, Source
from domain.history import Cause, CauseKind, RefundMove, tell
from domain.ids import beside
from domain.payment import Report
from domain.payment_method import GatewayName
from domain.refund import Refund, RefundStatus

log = structlog.get_logger()

#: How often the payment is read again because somebody else moved it first; each time, somebody got on.
_TRIES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """What a caller asks for. `amount` in minor units, None: all that is left. `currency`: must be the payment's."""

    payment_id: UUID
    reader: Reader
    request_id: str
    amount: int | None = None
    currency: str | None = None
    reason: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    key: Key | None = None


class RefundPayment:
    """
    - Never more goes back than was taken, however many ask at once: the amount is reserved before anyone is asked.
    - A repeat gets the first answer; a lost answer is UNKNOWN, and keeps its reserve.

    Raises:
        NotFound: there is no such payment, or it is somebody else's.
        Invalid: the amount cannot be refunded; nothing happened.
        Refused: the payment is not in a state to be refunded; nothing happened.
        KeyInUse, KeyReused, KeyExpired: the idempotency key refuses; nothing happened.
        GatewayUnavailable: surely nothing was sent; the same key may be used again.
        Unavailable: nothing happened.
        InDoubt: it is not certain whether the refund was promised; the same key will tell.
    """

    def __init__(
        self,
        *,
        refunds: Refunds,
        payments: Payments,
        gateways: Mapping[GatewayName, RefundGateway],
        record_refund: RecordRefund,
        render: Callable[[Refund, str], Answer],
        recordings: Recordings,
        clock: Clock,
        new_id: NewId,
        lease_for: timedelta,
    ) -> None:
        self._refunds = refunds
        self._payments = payments
        self._gateways = gateways
        self._record_refund = record_refund
        self._render = render
        self._recordings = recordings
        self._clock = clock
        self._new_id = new_id
        self._lease_for = lease_for

    async def execute(self, request: RefundRequest) -> Answered:
        for _ in range(_TRIES):
            found = await self._refunds.consider(request.payment_id, request.key, self._clock.now())
            if isinstance(found, RepeatedRefund):
                return await self._repeat(found, request)
            if found is None or not request.reader.may_see(found.payment):
                raise NotFound
            promise = self._promise(found, request)
            try:
                lease = await self._refunds.open(promise)
            except InDoubt:
                return await self._if_opened(promise, request)
            if lease is not None:
                return await self._send(promise, lease, request)
        raise Unavailable

    def _promise(self, kept: Kept, request: RefundRequest) -> RefundPromise:
        payment, now = kept.payment, self._clock.now()
        if request.currency not in {None, payment.money.currency}:
            raise Invalid(Fault("currency", f"must be the payment's, {payment.money.currency}, or left out"))
        money = payment.money_to_refund(request.amount)
        gateway = self._gateway(payment.gateway)
        refund = Refund(
            id=beside(payment.id, self._new_id()),
            payment_id=payment.id,
            user_id=payment.user_id,
            money=money,
            channel=gateway.plan_refund(payment, money),
            reason=request.reason,
            metadata=request.metadata,
            requested_at=now,
            updated_at=now,
        )
        prepared = gateway.prepare_refund(refund)
        refund = replace(refund, references=prepared.references)
        reserved = payment.rebooked(held=refund.amount_held, gone=0, at=now)
        cause = Cause(CauseKind.REQUEST, request.request_id)
        tokens = {Purpose.REFUND: prepared.callback_token, Purpose.REFUND_TIMEOUT: prepared.timeout_token}
        return RefundPromise(
            before=kept,
            payment=reserved,
            refund=refund,
            entry=tell(payment, reserved, cause, kept.head, RefundMove(None, refund)),
            operation=Operation(
                started_at=now,
                kind=OperationKind.REFUND,
                callback_token=prepared.callback_token,
                timeout_token=prepared.timeout_token,
            ),
            lease_for=self._lease_for,
            key=request.key,
            callback_tokens={
                purpose: sha256(token.encode()).digest() for purpose, token in tokens.items() if token is not None
            },
        )

    async def _if_opened(self, promise: RefundPromise, request: RefundRequest) -> Answered:
        """The connection was cut: where the promise is there all the same, the worker keeps it."""
        if await self._refunds.find(promise.refund.id, urgent=True) is None:
            raise InDoubt
        return self._unknown(promise.refund, request)

    async def _send(self, promise: RefundPromise, lease: Lease, request: RefundRequest) -> Answered:
        try:
            report, nothing_sent = await self._ask(promise, lease), False
        except NothingSent:
            report, nothing_sent = _nothing_was_sent(self._clock), True
        told = ToldOfRefund(
            report=report,
            cause=Cause(CauseKind.REQUEST, request.request_id),
            lease=lease,
            key=request.key,
            answer=lambda refund: None if refund.was_surely_not_sent else self._render(refund, request.request_id),
            nothing_sent=nothing_sent,
        )
        before = KeptRefund(promise.refund, Kept(promise.payment, promise.entry.hash))
        try:
            result = await self._record_refund.execute(before, told)
        except (
            Exception
        ):  # the gateway may have acted: the caller must learn the id, and what we heard must not be lost
            log.exception("refund.not_recorded", refund_id=str(promise.refund.id))
            self._recordings.later(
                lambda: self._record_refund.execute(before, told), until=lease.until, refund_id=str(promise.refund.id)
            )
            return self._unknown(promise.refund, request)
        if result.refund.was_surely_not_sent:
            raise GatewayUnavailable
        return Answered(result.answer or self._render(result.refund, request.request_id), result.refund.id)

    async def _ask(self, promise: RefundPromise, lease: Lease) -> Report:
        gateway = self._gateway(promise.payment.gateway)
        now = self._clock.now()
        if now + gateway.total_timeout > lease.until or promise.operation is None:  # held up: somebody else may act
            raise NothingSent
        try:
            return await gateway.refund(promise.payment, promise.refund, promise.operation)
        except NothingSent:
            raise
        except Exception:  # whatever broke, the gateway may have been reached by then
            log.exception("refund.ask_failed", refund_id=str(promise.refund.id))
        return Report(evidence=(Evidence(claim=Claim.LOST, source=Source.CLOCK, at=self._clock.now()),))

    async def _repeat(self, repeated: RepeatedRefund, request: RefundRequest) -> Answered:
        refund = repeated.before.refund
        if repeated.answer is not None:
            return Answered(repeated.answer, refund.id, replayed=True)
        if refund.was_surely_not_sent:  # the first is about to release the key
            raise GatewayUnavailable
        if request.key is not None and refund.outcome_is_told and (refund.status.is_closed or not repeated.running):
            answer = await self._payments.store_answer(request.key, self._render(refund, request.request_id))
            return Answered(answer, refund.id, replayed=True)
        if repeated.running:
            raise KeyInUse
        return Answered(self._render(refund, request.request_id), refund.id)

    def _unknown(self, refund: Refund, request: RefundRequest) -> Answered:
        unknown = replace(refund, status=RefundStatus.UNKNOWN)
        return Answered(self._render(unknown, request.request_id), refund.id)

    def _gateway(self, name: GatewayName) -> RefundGateway:
        if name not in self._gateways:  # its keys were taken out of the configuration
            raise GatewayUnavailable
        return self._gateways[name]


def _nothing_was_sent(clock: Clock) -> Report:
    proof = Evidence(
        claim=Claim.FAILED, source=Source.ANSWER, at=clock.now(), code="not_sent", reason=Reason.GATEWAY_UNAVAILABLE
    )
    return Report(evidence=(proof,))
