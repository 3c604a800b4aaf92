"""Where payments are kept. Each method happens wholly or not at all, and is one round trip."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto
from http import HTTPStatus
from typing import Protocol
from uuid import UUID

from application.ports.gateway import Operation
from domain.history import Entry
from domain.payment import Payment, ReferenceKind


@dataclass(frozen=True, slots=True)
class Key:
    """
    An idempotency key: whose, on which route, with which body (`fingerprint`, 32 bytes, blinded).
    """

    caller: str
    route: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller was told: an HTTP status and the exact bytes of the body. Kept encrypted."""

    status: int
    body: bytes

    @property
    def may_be_stored(self) -> bool:
        """A 202 says that the end is not known yet: told afresh each time."""
        return self.status != HTTPStatus.ACCEPTED


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to call the gateway for a payment, until `until` (UTC). A later `epoch` takes it away."""

    epoch: int
    until: datetime


class Purpose(StrEnum):
    """What a callback token was made for: messages about anything else are refused on its path."""

    PROMPT = "prompt"
    STATUS = "status"
    REFUND = "refund"
    REFUND_TIMEOUT = "refund_timeout"


@dataclass(frozen=True, slots=True)
class Addressee:
    """What a callback token was made for: a payment, or one of its refunds."""

    payment_id: UUID
    refund_id: UUID | None
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Kept:
    """A payment as it is kept, with the hash of its last history entry."""

    payment: Payment
    head: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """
    What is left to do on a payment, and when to look again (UTC).

    `holds_likeness`: another payment like it is refused. `settled`: nothing is left but to let the likeness go;
    `unless_paid_late`: unless another payment of the same user and order succeeded late: then it is looked at now.
    """

    next_check_at: datetime
    holds_likeness: bool
    settled: bool = False
    unless_paid_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """
    Everything that must be durable before a gateway is called.

    `likeness` (32 bytes, blinded) is what makes two payments the same purchase; None where a twin is wanted.
    `phone` (32 bytes, blinded) is held until `phone_until` or the payment is closed.
    """

    payment: Payment
    entry: Entry
    operation: Operation
    lease_for: timedelta
    key: Key | None = None
    likeness: bytes | None = None
    callback_token_hash: bytes | None = None
    phone: bytes | None = None
    phone_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """The promise is durable, and the lease is ours."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Repeated:
    """The key was used before with the same body: the payment it made, its stored answer, and whether it still runs."""

    kept: Kept
    answer: Answer | None
    running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """
    How a payment moved, with everything that must be durable in the same commit.

    `before` is what was read: a payment that has moved since is left alone. `lease`: who acts under one, loses it
    with it. `answer` is stored under `key`; `release_key` forgets the key instead. `inbox_id` is done with this step.
    `work` None: nothing is left to do.
    """

    before: Kept
    after: Payment
    entry: Entry | None
    work: Work | None
    lease: Lease | None = None
    key: Key | None = None
    answer: Answer | None = None
    release_key: bool = False
    inbox_id: UUID | None = None


class Outcome(Enum):
    DONE = auto()
    STALE = auto()  # the payment has moved since it was read: read it again and weigh again
    FENCED = auto()  # the lease went to somebody else: set no status


@dataclass(frozen=True, slots=True)
class Recorded:
    """How a step ended, and the answer that now stands under its key: ours, or the one that was there before."""

    outcome: Outcome
    answer: Answer | None = None


class Payments(Protocol):
    """
    Keeps payments, their open work, their history and their events.

    Raises, from every method:
        Unavailable: the database cannot serve now, and nothing has happened.
        InDoubt: the connection was cut: it may have happened.
    """

    async def open(self, promise: Promise) -> Opened | Repeated:
        """
        Key, payment, open work under a lease, names, history and event: all of it, or nothing.

        Raises:
            KeyReused: the key came with another body before.
            KeyExpired: the key was used longer ago than keys are kept.
            DuplicatePayment: a payment of this likeness is open or has just succeeded.
            PhoneBusy: the phone is held.
        """
        ...

    async def repeated(self, key: Key, now: datetime) -> Repeated | None:
        """
        What this key has made already, if anything.

        Raises:
            KeyReused, KeyExpired: as from `open`.
        """
        ...

    async def record(self, step: Step) -> Recorded:
        """The next version of a payment, its history and event, what is left to do, and the answer."""
        ...

    async def store_answer(self, key: Key, answer: Answer) -> Answer:
        """Keep `answer` under `key` unless one is kept already; gives the one that is kept."""
        ...

    async def find(self, payment_id: UUID, *, urgent: bool = False) -> Kept | None:
        """The payment, read from where it was written. `urgent`: a gateway's answer waits to become durable."""
        ...

    async def find_by_reference(self, kind: ReferenceKind, reference: str) -> UUID | None:
        """Whose name at a gateway this is."""
        ...

    async def find_by_callback(self, token_hash: bytes, purposes: Collection[Purpose]) -> Addressee | None:
        """What this callback token was made for; None also where it was made for another purpose than these."""
        ...

    async def another_succeeded(self, payment: Payment) -> bool:
        """Whether another payment of the same user and order has succeeded."""
        ...
