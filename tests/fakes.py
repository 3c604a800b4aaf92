"""In-memory keepers of the ports' promises. Held to the same contract tests as the real ones."""

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from application.ports.gateway import Operation, Preparation
from application.ports.inbox import Message
from application.ports.notes import Remark
from application.ports.open_payments import Due
from application.ports.payment_lists import Line, Place, Wanted
from application.ports.payments import (
    Addressee,
    Answer,
    Kept,
    Key,
    Lease,
    Opened,
    Outcome,
    Promise,
    Purpose,
    Recorded,
    Repeated,
    Step,
)
from application.ports.positions import Position
from application.ports.seen_payment import SeenPayment
from application.ports.stories import KeptStory
from domain.errors import DuplicatePayment, KeyExpired, KeyReused, PhoneBusy, Refused, Unavailable
from domain.history import GENESIS, Entry
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_type import PaymentType
from domain.status import Status
from tests.builders import now


class PositionsFake:
    """Where writing has come to; by default there is no replica."""

    def __init__(self, position: int | None = None) -> None:
        self.at = position

    async def position(self) -> Position | None:
        return None if self.at is None else Position(self.at)


class StandingClock:
    """A clock that stands until it is moved."""

    def __init__(self, moment: datetime | None = None) -> None:
        self.moment = moment or now()

    def now(self) -> datetime:
        return self.moment

    def pass_(self, **duration: float) -> None:
        self.moment += timedelta(**duration)


class IdsOf:
    """Ids whose millisecond is the standing clock's."""

    def __init__(self, clock: StandingClock) -> None:
        self._clock = clock

    def __call__(self) -> UUID:
        milliseconds = int(self._clock.moment.timestamp() * 1000)
        return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | secrets.randbits(62))


class PlainBlinder:
    def blind(self, purpose: str, *parts: str) -> bytes:
        return sha256(repr((purpose, parts)).encode()).digest()


class PlainSealer:
    """Seals so that a look does not open it, and for one thing only."""

    def seal(self, plain: bytes, about: str) -> bytes:
        return b64encode(about.encode() + b"\0" + plain)

    def open(self, sealed: bytes, about: str) -> bytes:
        whose, _, plain = b64decode(sealed).partition(b"\0")
        if whose != about.encode():
            raise Unavailable
        return plain


@dataclass
class Row:
    """One row of open work."""

    operation: Operation
    likeness: bytes | None
    until: datetime
    next_check_at: datetime
    epoch: int = 1
    settled: bool = False
    checked_at: datetime | None = None


@dataclass
class Claimed:
    key: Key
    payment_id: UUID
    at: datetime
    answer: Answer | None = None
    made_id: UUID | None = None


@dataclass
class InMemoryPayments:
    """What `Payments` and `OpenPayments` promise, in dictionaries."""

    keys_kept_for: timedelta = timedelta(days=30)
    kept: dict[UUID, Kept] = field(default_factory=dict)
    work: dict[UUID, Row] = field(default_factory=dict)
    entries: dict[UUID, list[Entry]] = field(default_factory=dict)
    keys: dict[tuple[str, str, str], Claimed] = field(default_factory=dict)
    names: dict[tuple[ReferenceKind, str], UUID] = field(default_factory=dict)
    callbacks: dict[bytes, tuple[UUID, UUID | None, Purpose]] = field(default_factory=dict)
    phones: dict[bytes, tuple[UUID, datetime]] = field(default_factory=dict)
    applied: list[UUID] = field(default_factory=list)
    paid_late: set[tuple[UUID, str, UUID]] = field(default_factory=set)

    async def open(self, promise: Promise) -> Opened | Repeated:
        payment, at = promise.payment, promise.payment.created_at
        if promise.key and (claimed := self.keys.get(_place(promise.key))):
            return self._repeated(claimed, promise.key, at)
        for other, row in list(self.work.items()):
            if promise.likeness is not None and row.likeness == promise.likeness:
                if not (row.settled and row.next_check_at <= at):
                    raise DuplicatePayment(other)
                del self.work[other]
        if promise.phone is not None and promise.phone_until is not None:
            holder = self.phones.get(promise.phone)
            if holder and holder[1] > at:
                raise PhoneBusy
            self.phones[promise.phone] = (payment.id, promise.phone_until)
        if promise.key:
            self.keys[_place(promise.key)] = Claimed(promise.key, payment.id, at)
        until = at + promise.lease_for
        self.work[payment.id] = Row(promise.operation, promise.likeness, until, until)
        self.kept[payment.id] = Kept(payment, promise.entry.hash)
        self.entries[payment.id] = [promise.entry]
        self.names |= dict.fromkeys(payment.references.items(), payment.id)
        if promise.callback_token_hash:
            self.callbacks[promise.callback_token_hash] = (payment.id, None, Purpose.PROMPT)
        return Opened(Lease(1, until))

    def _repeated(self, claimed: Claimed, key: Key, at: datetime) -> Repeated:
        if at - claimed.at > self.keys_kept_for:
            raise KeyExpired
        if claimed.key.fingerprint != key.fingerprint:
            raise KeyReused
        row = self.work.get(claimed.payment_id)
        return Repeated(
            self.kept[claimed.payment_id], claimed.answer, running=bool(row and row.until > at and row.epoch == 1)
        )

    async def repeated(self, key: Key, now: datetime) -> Repeated | None:
        claimed = self.keys.get(_place(key))
        return self._repeated(claimed, key, now) if claimed else None

    async def record(self, step: Step) -> Recorded:
        before, after = step.before.payment, step.after
        row = self.work.get(after.id)
        if self.kept[after.id].payment.version != before.version:
            return Recorded(Outcome.STALE)
        if step.lease and row and row.epoch != step.lease.epoch:
            return Recorded(Outcome.FENCED)
        new = {name: after.id for name in after.references.items() if name not in before.references.items()}
        if any(self.names.get(name, after.id) != after.id for name in new):
            raise Refused
        self.names |= new
        self.kept[after.id] = Kept(after, step.entry.hash if step.entry else step.before.head)
        if step.entry:
            self.entries[after.id].append(step.entry)
        self._keep_open(step, row)
        if after.status.is_closed:
            self.phones = {phone: held for phone, held in self.phones.items() if held[0] != after.id}
        if step.inbox_id:
            self.applied.append(step.inbox_id)
        claimed = self.keys.get(_place(step.key)) if step.key else None
        if claimed and step.release_key:
            del self.keys[_place(claimed.key)]
            return Recorded(Outcome.DONE)
        if claimed:
            claimed.answer = claimed.answer or step.answer
        return Recorded(Outcome.DONE, claimed.answer if claimed else None)

    def _keep_open(self, step: Step, row: Row | None) -> None:
        after, work = step.after, step.work
        if work is None:
            self.work.pop(after.id, None)
            return
        if row is None:
            row = Row(Operation(started_at=after.created_at), None, after.updated_at, work.next_check_at)
        row.next_check_at, row.settled = work.next_check_at, work.settled
        if after.late and after.status is Status.SUCCEEDED:
            self.paid_late.add((after.user_id, after.order_id, after.id))
        if work.unless_paid_late and any(
            late[:2] == (after.user_id, after.order_id) and late[2] != after.id for late in self.paid_late
        ):
            row.next_check_at, row.settled = after.updated_at, False
        row.likeness = row.likeness if work.holds_likeness else None
        row.until = after.updated_at if step.lease else row.until
        self.work[after.id] = row

    async def store_answer(self, key: Key, answer: Answer) -> Answer:
        claimed = self.keys.get(_place(key))
        if claimed is None:
            return answer
        claimed.answer = claimed.answer or answer
        return claimed.answer

    async def find(self, payment_id: UUID, *, urgent: bool = False) -> Kept | None:
        return self.kept.get(payment_id)

    async def operation(self, payment_id: UUID) -> Operation | None:
        row = self.work.get(payment_id)
        return row.operation if row else None

    async def history(self, payment_id: UUID) -> list[Entry]:
        return [replace(entry, event="") for entry in self.entries[payment_id]]

    async def find_by_reference(self, kind: ReferenceKind, reference: str) -> UUID | None:
        return self.names.get((kind, reference))

    async def find_by_callback(self, token_hash: bytes, purposes: Collection[Purpose]) -> Addressee | None:
        found = self.callbacks.get(token_hash)
        return Addressee(*found) if found and found[2] in purposes else None

    async def another_succeeded(self, payment: Payment) -> bool:
        return any(
            other.payment.id != payment.id
            and (other.payment.user_id, other.payment.order_id) == (payment.user_id, payment.order_id)
            and other.payment.status is Status.SUCCEEDED
            for other in self.kept.values()
        )

    async def nudge(self, payment_id: UUID, now: datetime, at_most_every: timedelta) -> None:
        row = self.work.get(payment_id)
        if row and not row.settled and (row.checked_at is None or row.checked_at <= now - at_most_every):
            row.next_check_at = min(row.next_check_at, now)

    async def take_due(self, now: datetime, lease_for: timedelta, limit: int) -> list[Due]:
        due = [
            (payment_id, row)
            for payment_id, row in self.work.items()
            if row.next_check_at <= now and row.until <= now and not row.settled
        ]
        for _, row in due[:limit]:
            row.epoch, row.until, row.checked_at = row.epoch + 1, now + lease_for, now
        return [
            Due(self.kept[payment_id], row.operation, Lease(row.epoch, row.until)) for payment_id, row in due[:limit]
        ]

    async def let_go(self, now: datetime) -> int:
        over = [payment_id for payment_id, row in self.work.items() if row.settled and row.next_check_at <= now]
        for payment_id in over:
            del self.work[payment_id]
        return len(over)


@dataclass
class InMemoryLists:
    """What `PaymentLists` promises, over payments in memory."""

    store: InMemoryPayments

    async def payments(
        self, wanted: Wanted, *, limit: int, after: UUID | None = None, written: Position | None = None
    ) -> list[SeenPayment]:
        found = [kept.payment for kept in self.store.kept.values() if _is_wanted(kept.payment, wanted)]
        found.sort(key=lambda payment: (payment.created_at, payment.id), reverse=True)
        return [SeenPayment.of(payment) for payment in found if after is None or payment.id < after][:limit]

    async def history(
        self,
        user_id: UUID,
        *,
        limit: int,
        since: datetime | None = None,
        until: datetime | None = None,
        after: Place | None = None,
        written: Position | None = None,
    ) -> list[Line]:
        lines = [
            Line(entry=replace(entry, event=""), previous=previous, at=_told_at(entry))
            for payment_id, entries in self.store.entries.items()
            if self.store.kept[payment_id].payment.user_id == user_id
            for entry, previous in zip(entries, [GENESIS, *(entry.hash for entry in entries)], strict=False)
        ]
        lines.sort(key=_place_of, reverse=True)
        return [
            line
            for line in lines
            if (since is None or line.at >= since)
            and (until is None or line.at <= until)
            and (after is None or _place_of(line) < (after.at, after.payment_id, after.seq))
        ][:limit]


def _is_wanted(payment: Payment, wanted: Wanted) -> bool:
    asked = (wanted.user_id, wanted.order_id, wanted.status, wanted.currency, wanted.gateway)
    has = (payment.user_id, payment.order_id, payment.status, payment.money.currency, payment.gateway)
    return (
        all(one is None or one == other for one, other in zip(asked, has, strict=True))
        and (wanted.since is None or payment.created_at >= wanted.since)
        and (wanted.until is None or payment.created_at <= wanted.until)
    )


def _told_at(entry: Entry) -> datetime:
    return datetime.fromisoformat(json.loads(entry.body)["at"])


def _place_of(line: Line) -> tuple[datetime, UUID, int]:
    return line.at, line.entry.payment_id, line.entry.seq


@dataclass
class InMemoryNotes:
    """What `Notes` promises, over payments in memory."""

    store: InMemoryPayments

    async def add(self, remark: Remark) -> Answer | None:
        key, after = remark.key, remark.after
        claimed = self.store.keys.get(_place(key)) if key else None
        if claimed and key:
            if after.updated_at - claimed.at > self.store.keys_kept_for or claimed.answer is None:
                raise KeyExpired
            if claimed.key.fingerprint != key.fingerprint:
                raise KeyReused
            return claimed.answer
        if self.store.kept[after.id].payment.version != remark.before.payment.version:
            return None
        self.store.kept[after.id] = Kept(after, remark.entry.hash)
        self.store.entries[after.id].append(remark.entry)
        if key:
            self.store.keys[_place(key)] = Claimed(key, after.id, after.updated_at, remark.answer)
        return remark.answer


@dataclass
class Waiting:
    message: Message
    next_try_at: datetime
    attempts: int = 0
    state: str = "waiting"
    outcome: str | None = None


@dataclass
class InMemoryInbox:
    """What `Inbox` promises, in a dictionary."""

    messages: dict[UUID, Waiting] = field(default_factory=dict)

    async def keep(self, message: Message) -> bool:
        if any(
            (other.message.gateway, other.message.event_id) == (message.gateway, message.event_id)
            for other in self.messages.values()
        ):
            return False
        self.messages[message.id] = Waiting(message, message.arrived_at)
        return True

    async def take(self, now: datetime, lease_for: timedelta, limit: int) -> list[Message]:
        ready = sorted(
            (kept for kept in self.messages.values() if kept.state == "waiting" and kept.next_try_at <= now),
            key=lambda kept: kept.next_try_at,
        )[:limit]
        for kept in ready:
            kept.attempts += 1
            kept.next_try_at = now + lease_for
        return [replace(kept.message, attempts=kept.attempts) for kept in ready]

    async def done(self, message: Message, *, outcome: str) -> None:
        self.messages[message.id].state, self.messages[message.id].outcome = "done", outcome

    async def later(self, message: Message, *, at: datetime, why: str, counts: bool) -> None:
        kept = self.messages[message.id]
        kept.next_try_at, kept.outcome = at, why
        kept.attempts -= 0 if counts else 1

    async def park(self, message: Message, *, why: str) -> None:
        self.messages[message.id].state, self.messages[message.id].outcome = "parked", why

    async def waiting(self) -> int:
        return sum(kept.state == "waiting" for kept in self.messages.values())


@dataclass
class FakeGateway:
    """A gateway that answers what it was told to, and remembers whom it asked."""

    answers: list[Report | BaseException] = field(default_factory=list)
    total_timeout: timedelta = timedelta(seconds=10)
    may_repeat: bool = True
    asked: list[UUID] = field(default_factory=list)
    looked_up: list[UUID] = field(default_factory=list)
    cancelled: list[UUID] = field(default_factory=list)
    captured: list[tuple[UUID, int | None]] = field(default_factory=list)
    lifetime: timedelta | None = None
    names: Mapping[ReferenceKind, str] = field(default_factory=dict)
    prepared: Preparation = field(default_factory=Preparation)
    types: tuple[PaymentType, ...] = ()

    def check(self, payment: Payment) -> None:
        """Everything is taken here."""

    def prepare(self) -> Preparation:
        return self.prepared

    def expires_at(self, payment: Payment) -> datetime | None:
        return payment.created_at + self.lifetime if self.lifetime else None

    def has_loose_end(self, payment: Payment) -> bool:
        named = ReferenceKind.PAYMENT_INTENT in payment.references
        undone = not any(piece.code == "canceled" for piece in payment.known.evidence)
        return payment.status is Status.FAILED and named and undone

    async def collect(self, payment: Payment, operation: Operation) -> Report:
        self.asked.append(payment.id)
        return self._answer()

    async def look_up(self, payment: Payment, operation: Operation) -> Report:
        self.looked_up.append(payment.id)
        return self._answer()

    async def cancel(self, payment: Payment) -> Report:
        self.cancelled.append(payment.id)
        return self._answer()

    def check_capture(self, payment: Payment, amount: int) -> None:
        """Every amount is taken here."""

    async def capture(self, payment: Payment, operation: Operation) -> Report:
        self.captured.append((payment.id, operation.amount))
        return self._answer()

    def _answer(self) -> Report:
        answer = self.answers.pop(0) if self.answers else Report()
        if isinstance(answer, BaseException):
            raise answer
        return answer


@dataclass
class InMemoryStories:
    """What `Stories` promises, of what is in memory."""

    payments: InMemoryPayments

    async def of(self, payment_id: UUID, *, after: Position | None = None) -> KeptStory | None:
        kept = self.payments.kept.get(payment_id)
        if kept is None:
            return None
        return KeptStory(kept.payment.user_id, kept.head, await self.payments.history(payment_id))


def _place(key: Key) -> tuple[str, str, str]:
    return key.caller, key.route, key.key
