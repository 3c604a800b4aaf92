"""In-memory keepers of refunds and undertakings, over the payments of `InMemoryPayments`."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from application.ports.gateway import NothingSent, Operation, OperationKind, Preparation
from application.ports.inbox import Message
from application.ports.payments import Kept, Key, Lease, Outcome, Recorded, Repeated
from application.ports.positions import Position
from application.ports.refund_lists import RefundPlace, WantedRefunds
from application.ports.refunds import DueRefund, KeptRefund, RefundPromise, RefundStep, RepeatedRefund
from application.ports.undertakings import Undertaking
from application.ports.webhooks import AboutRefund, Unreadable
from domain.errors import KeyExpired, KeyReused, PaymentBusy, Refused
from domain.money import Money
from domain.payment import Payment, ReferenceKind, Report
from domain.refund import Refund, RefundChannel
from domain.status import Status
from tests.fakes import Claimed, InMemoryPayments, Row


@dataclass
class InMemoryRefundLists:
    """What `RefundLists` promises, over refunds in memory."""

    store: "InMemoryRefunds"

    async def refunds(
        self,
        wanted: WantedRefunds,
        *,
        limit: int,
        after: RefundPlace | None = None,
        written: Position | None = None,
    ) -> list[Refund]:
        asked = (wanted.user_id, wanted.payment_id, wanted.status)
        found = [
            refund
            for refund in self.store.refunds.values()
            if all(
                one is None or one == other
                for one, other in zip(asked, (refund.user_id, refund.payment_id, refund.status), strict=True)
            )
            and (wanted.since is None or refund.requested_at >= wanted.since)
            and (wanted.until is None or refund.requested_at <= wanted.until)
            and (after is None or (refund.requested_at, refund.id) < (after.requested_at, after.refund_id))
        ]
        return sorted(found, key=lambda refund: (refund.requested_at, refund.id), reverse=True)[:limit]


@dataclass
class InMemoryRefunds:
    """What `Refunds` promises, in dictionaries."""

    payments: InMemoryPayments
    refunds: dict[UUID, Refund] = field(default_factory=dict)
    work: dict[UUID, Row] = field(default_factory=dict)
    names: dict[tuple[ReferenceKind, str], UUID] = field(default_factory=dict)

    async def consider(self, payment_id: UUID, key: Key | None, now: datetime) -> Kept | RepeatedRefund | None:
        claimed = _claimed(self.payments, key, now)
        if claimed is None or claimed.made_id is None:
            return self.payments.kept.get(payment_id)
        row = self.work.get(claimed.made_id)
        running = bool(row and row.until > now and row.epoch == 1)
        return RepeatedRefund(self._kept(claimed.made_id), claimed.answer, running=running)

    async def open(self, promise: RefundPromise) -> Lease | None:
        refund, payment, key = promise.refund, promise.payment, promise.key
        stale = self.payments.kept[payment.id].payment.version != promise.before.payment.version
        if stale or (key and _place(key) in self.payments.keys):
            return None
        self._name(refund, refund.references)
        if key:
            self.payments.keys[_place(key)] = Claimed(key, payment.id, refund.requested_at, made_id=refund.id)
        self.payments.kept[payment.id] = Kept(payment, promise.entry.hash)
        self.payments.entries[payment.id].append(promise.entry)
        self.refunds[refund.id] = refund
        until = refund.requested_at + promise.lease_for
        self._doubt(payment)
        if promise.operation is not None:
            self.work[refund.id] = Row(promise.operation, None, until, until)
        for purpose, token in promise.callback_tokens.items():
            self.payments.callbacks[token] = (payment.id, refund.id, purpose)
        if promise.inbox_id:
            self.payments.applied.append(promise.inbox_id)
        return Lease(1, until)

    async def record(self, step: RefundStep) -> Recorded:
        payment, refund = step.payment, step.refund
        row = self.work.get(refund.id)
        if self.payments.kept[payment.id].payment.version != step.before.kept.payment.version:
            return Recorded(Outcome.STALE)
        if step.lease and row and row.epoch != step.lease.epoch:
            return Recorded(Outcome.FENCED)
        self._name(refund, refund.references)
        self.payments.kept[payment.id] = Kept(payment, step.entry.hash if step.entry else step.before.kept.head)
        if step.entry:
            self.payments.entries[payment.id].append(step.entry)
        self.refunds[refund.id] = refund
        self._keep_open(step, row)
        self._doubt(payment)
        if step.inbox_id:
            self.payments.applied.append(step.inbox_id)
        claimed = self.payments.keys.get(_place(step.key)) if step.key else None
        if claimed and step.release_key:
            del self.payments.keys[_place(claimed.key)]
            return Recorded(Outcome.DONE)
        if claimed:
            claimed.answer = claimed.answer or step.answer
        return Recorded(Outcome.DONE, claimed.answer if claimed else None)

    def _keep_open(self, step: RefundStep, row: Row | None) -> None:
        refund = step.refund
        if step.next_check_at is None:
            self.work.pop(refund.id, None)
            return
        if row is None:
            operation = Operation(started_at=refund.requested_at, kind=OperationKind.REFUND)
            row = self.work[refund.id] = Row(operation, None, refund.updated_at, step.next_check_at)
        row.next_check_at = step.next_check_at
        row.until = refund.updated_at if step.lease else row.until

    def _doubt(self, payment: Payment) -> None:
        if payment.status is Status.REVIEW and payment.id not in self.payments.work:
            at = payment.updated_at
            self.payments.work[payment.id] = Row(Operation(started_at=payment.created_at), None, at, at)

    def _name(self, refund: Refund, references: object) -> None:
        if any(self.names.get(name, refund.id) != refund.id for name in refund.references.items()):
            raise Refused
        self.names |= dict.fromkeys(refund.references.items(), refund.id)

    async def find(self, refund_id: UUID, *, urgent: bool = False) -> KeptRefund | None:
        return self._kept(refund_id) if refund_id in self.refunds else None

    def _kept(self, refund_id: UUID) -> KeptRefund:
        refund = self.refunds[refund_id]
        return KeptRefund(refund, self.payments.kept[refund.payment_id])

    async def find_by_reference(self, kind: ReferenceKind, reference: str) -> UUID | None:
        return self.names.get((kind, reference))

    async def take_due(self, now: datetime, lease_for: timedelta, limit: int) -> list[DueRefund]:
        due = [(id_, row) for id_, row in self.work.items() if row.next_check_at <= now and row.until <= now][:limit]
        for _, row in due:
            row.epoch, row.until = row.epoch + 1, now + lease_for
        return [DueRefund(self._kept(id_), row.operation, Lease(row.epoch, row.until)) for id_, row in due]


@dataclass
class InMemoryUndertakings:
    """What `Undertakings` promises."""

    payments: InMemoryPayments

    async def consider(self, payment_id: UUID, key: Key | None, now: datetime) -> Kept | Repeated | None:
        kept = self.payments.kept.get(payment_id)
        claimed = _claimed(self.payments, key, now)
        if kept is None or claimed is None or claimed.made_id is None:
            return kept
        row = self.payments.work.get(payment_id)
        return Repeated(kept, claimed.answer, running=bool(row and row.until > now))

    async def begin(self, undertaking: Undertaking) -> Lease | None:
        after, key, now = undertaking.after, undertaking.key, undertaking.after.updated_at
        if key and _place(key) in self.payments.keys:
            return None
        row = self.payments.work.get(after.id)
        if row is None or row.until > now:
            raise PaymentBusy
        if self.payments.kept[after.id].payment.version != undertaking.before.payment.version:
            return None
        if key:
            self.payments.keys[_place(key)] = Claimed(key, after.id, now, made_id=undertaking.id)
        row.epoch, row.until, row.operation = row.epoch + 1, now + undertaking.lease_for, undertaking.operation
        row.next_check_at = row.until
        self.payments.kept[after.id] = Kept(after, undertaking.entry.hash)
        self.payments.entries[after.id].append(undertaking.entry)
        return Lease(row.epoch, row.until)


@dataclass
class FakeRefundGateway:
    """A gateway that answers what it was told to, and remembers what it was asked to give back."""

    answers: list[Report | BaseException] = field(default_factory=list)
    total_timeout: timedelta = timedelta(seconds=10)
    sent: list[UUID] = field(default_factory=list)
    looked_up: list[UUID] = field(default_factory=list)
    prepared: Preparation = field(default_factory=Preparation)

    def plan_refund(self, payment: Payment, money: Money) -> RefundChannel:
        return RefundChannel.STRIPE

    def prepare_refund(self, refund: Refund) -> Preparation:
        return self.prepared

    async def refund(self, payment: Payment, refund: Refund, operation: Operation) -> Report:
        self.sent.append(refund.id)
        return self._answer()

    async def look_up_refund(self, payment: Payment, refund: Refund, operation: Operation) -> Report:
        self.looked_up.append(refund.id)
        return self._answer()

    def _answer(self) -> Report:
        answer = self.answers.pop(0) if self.answers else Report()
        if isinstance(answer, BaseException):
            raise answer
        return answer


@dataclass
class FakeRefundTranslator:
    """Messages are keys of a dictionary: whom they are about, and what they claim."""

    meanings: dict[bytes, tuple[AboutRefund, Report]] = field(default_factory=dict)

    def about_refund(self, message: Message) -> AboutRefund | None:
        return self.meanings[message.body][0] if message.body in self.meanings else None

    def translate_refund(self, message: Message, refund: Refund) -> Report:
        if message.body not in self.meanings:
            raise Unreadable
        return self.meanings[message.body][1]


NOTHING_SENT = NothingSent()


def _claimed(payments: InMemoryPayments, key: Key | None, now: datetime) -> Claimed | None:
    claimed = payments.keys.get(_place(key)) if key else None
    if claimed is None or key is None:
        return None
    if now - claimed.at > payments.keys_kept_for:
        raise KeyExpired
    if claimed.key.fingerprint != key.fingerprint:
        raise KeyReused
    return claimed


def _place(key: Key) -> tuple[str, str, str]:
    return key.caller, key.route, key.key
