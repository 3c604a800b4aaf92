"""Ask the gateway to change a payment that exists: claim, ask, record; the gateway's truth decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from application.answered import Answered
from application.find_payments import Reader
from application.ports.gateway import NothingSent, Operation, PaymentGateway
from application.ports.payments import Answer, Kept, Key, Lease, Outcome, Payments, Repeated, Step, Work
from application.ports.platform import Clock, NewId
from application.ports.undertakings import Undertaking, Undertakings
from application.record_report import RecordReport, Told
from application.recordings import Recordings
from domain.errors import GatewayUnavailable, KeyInUse, NotFound, PaymentBusy, Refused, Unavailable
from domain.evidence import Claim, Evidence, Source
from domain.history import Cause, CauseKind, tell
from domain.payment import Payment, Report
from domain.payment_method import GatewayName
from domain.status import Status

log = structlog.get_logger()

#: How often the payment is read again because somebody else moved it first.
_TRIES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """Who wants a payment changed."""

    payment_id: UUID
    reader: Reader
    request_id: str
    key: Key | None = None


class Change(Protocol):
    """One kind of change, step by step."""

    @property
    def waits_its_turn(self) -> bool:
        """Whether it may be noted while another call is in flight, and made later."""
        ...

    def is_made(self, payment: Payment) -> bool:
        """Whether the payment is as was asked for already."""
        ...

    def asked(self, payment: Payment, gateway: PaymentGateway, at: datetime) -> Payment:
        """The payment that is to be changed. Raises Refused, Invalid: it cannot be."""
        ...

    def operation(self, payment: Payment, at: datetime) -> Operation:
        """The call that this makes necessary."""
        ...

    async def send(self, gateway: PaymentGateway, payment: Payment, operation: Operation) -> Report:
        """Ask the gateway."""
        ...

    def refusal(self, payment: Payment) -> Refused | None:
        """Where the gateway's truth is another: what the caller is told instead."""
        ...


class Undertake:
    """
    - The change is asked for once, however often the request is repeated; a repeat gets the first answer.
    - What the gateway says the payment is, it is; a lost answer is UNKNOWN until a later look.

    Raises:
        NotFound: there is no such payment, or it is somebody else's.
        Refused, Invalid: it cannot be changed so; nothing happened, or the gateway's truth is another.
        KeyInUse, KeyReused, KeyExpired: the idempotency key refuses; nothing happened.
        GatewayUnavailable: surely nothing was sent.
        Unavailable, InDoubt: as in `Payments`.
    """

    def __init__(
        self,
        *,
        undertakings: Undertakings,
        payments: Payments,
        gateways: Mapping[GatewayName, PaymentGateway],
        record_report: RecordReport,
        render: Callable[[Payment, str], Answer],
        recordings: Recordings,
        clock: Clock,
        new_id: NewId,
        lease_for: timedelta,
    ) -> None:
        self._undertakings = undertakings
        self._payments = payments
        self._gateways = gateways
        self._record_report = record_report
        self._render = render
        self._recordings = recordings
        self._clock = clock
        self._new_id = new_id
        self._lease_for = lease_for

    async def execute(self, change: Change, request: ChangeRequest) -> Answered:
        for _ in range(_TRIES):
            found = await self._undertakings.consider(request.payment_id, request.key, self._clock.now())
            if isinstance(found, Repeated):
                return await self._repeat(found, change, request)
            if found is None or not request.reader.may_see(found.payment):
                raise NotFound
            if change.is_made(found.payment):
                return self._answered(found.payment, request)
            undertaking = self._undertaking(found, change, request)
            try:
                lease = await self._undertakings.begin(undertaking)
            except PaymentBusy:
                if not change.waits_its_turn:
                    raise
                if await self._note(undertaking):
                    return self._answered(undertaking.after, request)
                continue
            if lease is not None:
                return await self._ask(undertaking, lease, change, request)
        raise Unavailable

    def _undertaking(self, kept: Kept, change: Change, request: ChangeRequest) -> Undertaking:
        now = self._clock.now()
        asked = change.asked(kept.payment, self._gateway(kept.payment.gateway), now)
        cause = Cause(CauseKind.REQUEST, request.request_id)
        return Undertaking(
            id=self._new_id(),
            before=kept,
            after=asked,
            entry=tell(kept.payment, asked, cause, kept.head),
            operation=change.operation(asked, now),
            lease_for=self._lease_for,
            key=request.key,
        )

    async def _note(self, undertaking: Undertaking) -> bool:
        """While another call is in flight: durable, and the worker goes on from there. False: read again."""
        step = Step(
            before=undertaking.before,
            after=undertaking.after,
            entry=undertaking.entry,
            work=Work(next_check_at=self._clock.now(), holds_likeness=True),
        )
        return (await self._payments.record(step)).outcome is Outcome.DONE

    async def _ask(self, undertaking: Undertaking, lease: Lease, change: Change, request: ChangeRequest) -> Answered:
        payment = undertaking.after
        try:
            report, nothing_sent = await self._send(undertaking, lease, change), False
        except NothingSent:
            report, nothing_sent = Report(), True
        told = Told(
            report=report,
            cause=Cause(CauseKind.REQUEST, request.request_id),
            looked=not nothing_sent,
            lease=lease,
            key=request.key,
            answer=lambda after: None if change.refusal(after) else self._render(after, request.request_id),
            nothing_sent=nothing_sent,
        )
        before = Kept(payment, undertaking.entry.hash)
        try:
            result = await self._record_report.execute(before, told)
        except Exception:  # the gateway may have acted: what we heard must not be lost
            log.exception("payment.not_recorded", payment_id=str(payment.id))
            self._recordings.later(
                lambda: self._record_report.execute(before, told), until=lease.until, payment_id=str(payment.id)
            )
            return self._answered(replace(payment, status=Status.UNKNOWN), request)
        if nothing_sent and not change.waits_its_turn:
            raise GatewayUnavailable
        return self._told(result.kept.payment, result.answer, change, request)

    async def _send(self, undertaking: Undertaking, lease: Lease, change: Change) -> Report:
        gateway = self._gateway(undertaking.after.gateway)
        if self._clock.now() + gateway.total_timeout > lease.until:  # we were held up: somebody else may act by then
            raise NothingSent
        try:
            return await change.send(gateway, undertaking.after, undertaking.operation)
        except NothingSent:
            raise
        except Exception:  # whatever broke, the gateway may have been reached by then
            log.exception("payment.ask_failed", payment_id=str(undertaking.after.id))
        return Report(evidence=(Evidence(claim=Claim.OPERATION_LOST, source=Source.CLOCK, at=self._clock.now()),))

    async def _repeat(self, repeated: Repeated, change: Change, request: ChangeRequest) -> Answered:
        payment = repeated.kept.payment
        if repeated.answer is not None:
            return Answered(repeated.answer, payment.id, replayed=True)
        if payment.status.is_closed and payment.outcome_is_told:
            refusal = change.refusal(payment)
            if refusal is not None:
                raise refusal
            answer = self._render(payment, request.request_id)
            if request.key is not None:
                answer = await self._payments.store_answer(request.key, answer)
            return Answered(answer, payment.id, replayed=True)
        if repeated.running:
            raise KeyInUse
        return self._answered(payment, request)  # what became of it is still being found out

    def _told(self, payment: Payment, answer: Answer | None, change: Change, request: ChangeRequest) -> Answered:
        refusal = change.refusal(payment) if payment.outcome_is_told else None
        if refusal is not None and answer is None:
            raise refusal
        return Answered(answer, payment.id) if answer else self._answered(payment, request)

    def _answered(self, payment: Payment, request: ChangeRequest) -> Answered:
        return Answered(self._render(payment, request.request_id), payment.id)

    def _gateway(self, name: GatewayName) -> PaymentGateway:
        if name not in self._gateways:  # its keys were taken out of the configuration
            raise GatewayUnavailable
        return self._gateways[name]
