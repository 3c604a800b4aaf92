"""Ask a customer to pay, once: promise, ask the gateway, record the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import structlog

from application.answered import Answered
from application.ports.gateway import NothingSent, Operation, PaymentGateway
from application.ports.payment_methods import PaymentMethods
from application.ports.payments import Answer, Kept, Key, Lease, Opened, Payments, Promise, Repeated
from application.ports.platform import Blinder, Clock, NewId
from application.record_report import RecordReport, Told
from application.recordings import Recordings
from domain.errors import Fault, GatewayUnavailable, InDoubt, Invalid, KeyInUse
from domain.evidence import Claim, Evidence, Reason, Source
from domain.history import GENESIS, Cause, CauseKind, tell
from domain.ids import born
from domain.money import Money
from domain.payment import CaptureMethod, Payment, Report
from domain.payment_method import GatewayName, PaymentMethod
from domain.status import Status

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """
    What a caller asks for. `method` may be the id of a saved one of this user's. `key` None: the duplicate rule alone
    keeps the customer from paying twice.
    """

    user_id: UUID
    order_id: str
    money: Money
    method: PaymentMethod | UUID
    request_id: str
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    description: str | None = None
    return_url: str | None = None
    metadata: Mapping[str, object]
    allow_duplicate: bool = False
    key: Key | None = None


class StartPayment:
    """
    - One customer is asked and charged once, however often the request is repeated and whatever crashes.
    - A repeat gets the first answer, byte for byte, as soon as the outcome is known.
    - Once the gateway may have been reached, the caller gets the payment's id, whatever fails.

    Raises:
        Invalid: the gateway would never take this; nothing happened.
        DuplicatePayment, PhoneBusy, KeyInUse, KeyReused, KeyExpired: refused; nothing happened.
        GatewayUnavailable: surely nothing was sent; the same key may be used again.
        Unavailable: the promise could not be made durable; nothing happened.
        InDoubt: it is not certain whether it was; the same key will tell.
    """

    def __init__(
        self,
        *,
        payments: Payments,
        methods: PaymentMethods,
        gateways: Mapping[GatewayName, PaymentGateway],
        record_report: RecordReport,
        render: Callable[[Payment, str], Answer],
        clock: Clock,
        new_id: NewId,
        blinder: Blinder,
        lease_for: timedelta,
        recordings: Recordings,
    ) -> None:
        self._payments = payments
        self._methods = methods
        self._gateways = gateways
        self._record_report = record_report
        self._render = render
        self._clock = clock
        self._new_id = new_id
        self._blinder = blinder
        self._lease_for = lease_for
        self._recordings = recordings

    async def execute(self, request: PaymentRequest) -> Answered:
        method = request.method
        if isinstance(method, UUID):
            saved = await self._methods.find(request.user_id, method)
            if saved is None:
                return await self._without_method(request)
            method = saved.method
        gateway = self._gateway(method)
        promise = self._promise(request, method, gateway)
        gateway.check(promise.payment)

        try:
            opened = await self._payments.open(promise)
        except InDoubt:
            return await self._if_opened(promise, request)
        if isinstance(opened, Repeated):
            return await self._repeat(opened, request)

        kept = Kept(promise.payment, promise.entry.hash)
        try:
            report = await self._ask(gateway, promise, opened.lease)
        except NothingSent:
            return await self._answer(kept, _nothing_was_sent(self._clock), opened, request, nothing_sent=True)
        return await self._answer(kept, report, opened, request)

    async def _without_method(self, request: PaymentRequest) -> Answered:
        """A method that is gone pays for nothing new; what it paid for is told to whoever asks again."""
        repeated = request.key and await self._payments.repeated(request.key, self._clock.now())
        if not repeated:
            raise Invalid(Fault("paymentMethodId", "is not a saved method of this user"))
        return await self._repeat(repeated, request)

    async def _if_opened(self, promise: Promise, request: PaymentRequest) -> Answered:
        """The connection was cut: where the promise is there all the same, the worker keeps it."""
        if await self._payments.find(promise.payment.id, urgent=True) is None:
            raise InDoubt
        return self._unknown(promise.payment, request)

    async def _ask(self, gateway: PaymentGateway, promise: Promise, lease: Lease) -> Report:
        if self._clock.now() + gateway.total_timeout > lease.until:  # we were held up: somebody else may act by then
            raise NothingSent
        try:
            return await gateway.collect(promise.payment, promise.operation)
        except NothingSent as nothing:
            if not nothing.token_used:
                raise
            # The token is spent: the caller could not repeat the request, so the worker sends it.
        except Exception:  # whatever broke, the gateway may have been reached by then
            log.exception("payment.ask_failed", payment_id=str(promise.payment.id))
        return Report(evidence=(Evidence(claim=Claim.LOST, source=Source.CLOCK, at=self._clock.now()),))

    async def _answer(
        self, kept: Kept, report: Report, opened: Opened, request: PaymentRequest, *, nothing_sent: bool = False
    ) -> Answered:
        told = Told(
            report=report,
            cause=Cause(CauseKind.REQUEST, request.request_id),
            looked=True,
            lease=opened.lease,
            key=request.key,
            answer=lambda payment: None if payment.was_surely_not_sent else self._render(payment, request.request_id),
            nothing_sent=nothing_sent,
        )
        try:
            result = await self._record_report.execute(kept, told)
        except (
            Exception
        ):  # the gateway may have acted: the caller must learn the id, and what we heard must not be lost
            log.exception("payment.not_recorded", payment_id=str(kept.payment.id))
            self._recordings.later(
                lambda: self._record_report.execute(kept, told),
                until=opened.lease.until,
                payment_id=str(kept.payment.id),
            )
            return self._unknown(kept.payment, request)
        return self._told(result.kept.payment, result.answer, request)

    def _told(self, payment: Payment, answer: Answer | None, request: PaymentRequest) -> Answered:
        if payment.was_surely_not_sent:
            raise GatewayUnavailable
        return Answered(answer or self._render(payment, request.request_id), payment.id)

    def _unknown(self, payment: Payment, request: PaymentRequest) -> Answered:
        unknown = replace(payment, status=Status.UNKNOWN)
        return Answered(self._render(unknown, request.request_id), payment.id)

    async def _repeat(self, repeated: Repeated, request: PaymentRequest) -> Answered:
        payment = repeated.kept.payment
        if repeated.answer is not None:
            return Answered(repeated.answer, payment.id, replayed=True)
        if payment.was_surely_not_sent:  # the first is about to release the key
            raise GatewayUnavailable
        may_tell = payment.outcome_is_told and (payment.status.is_closed or not repeated.running)
        if request.key is not None and may_tell:
            answer = await self._payments.store_answer(request.key, self._render(payment, request.request_id))
            return Answered(answer, payment.id, replayed=True)
        if repeated.running:
            raise KeyInUse
        return Answered(self._render(payment, request.request_id), payment.id)

    def _gateway(self, method: PaymentMethod) -> PaymentGateway:
        if method.gateway not in self._gateways:
            raise Invalid(Fault("paymentMethod.type", f"{method.type} payments are not configured here"))
        return self._gateways[method.gateway]

    def _promise(self, request: PaymentRequest, method: PaymentMethod, gateway: PaymentGateway) -> Promise:
        prepared = gateway.prepare()
        method = method.checked()
        payment_id = self._new_id()
        now = born(payment_id)
        payment = Payment(
            id=payment_id,
            user_id=request.user_id,
            order_id=request.order_id,
            money=request.money,
            method=replace(method, token=None, customer=None),  # they live with the operation, not with the payment
            capture_method=request.capture_method,
            description=request.description,
            return_url=request.return_url,
            metadata=request.metadata,
            references=prepared.references,
            updated_at=now,
        )
        token, phone = prepared.callback_token, method.phone
        return Promise(
            payment=payment,
            entry=tell(None, payment, Cause(CauseKind.REQUEST, request.request_id), GENESIS),
            operation=Operation(started_at=now, token=method.token, customer=method.customer, callback_token=token),
            lease_for=self._lease_for,
            key=request.key,
            likeness=None if request.allow_duplicate else self._likeness(request, method),
            callback_token_hash=None if token is None else sha256(token.encode()).digest(),
            phone=self._blinder.blind("phone", phone) if phone and prepared.holds_phone_for else None,
            phone_until=now + prepared.holds_phone_for if prepared.holds_phone_for else None,
        )

    def _likeness(self, request: PaymentRequest, method: PaymentMethod) -> bytes:
        money = request.money
        parts = (str(request.user_id), request.order_id, str(money.amount), money.currency, method.type)
        return self._blinder.blind("likeness", *parts, method.phone or "")


def _nothing_was_sent(clock: Clock) -> Report:
    proof = Evidence(
        claim=Claim.FAILED, source=Source.ANSWER, at=clock.now(), code="not_sent", reason=Reason.GATEWAY_UNAVAILABLE
    )
    return Report(evidence=(proof,))
