"""Where refunds are kept, each beside its payment. Each method happens wholly or not at all, and is one round trip."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from application.ports.gateway import Operation
from application.ports.payments import Answer, Kept, Key, Lease, Purpose, Recorded
from domain.history import Entry
from domain.payment import Payment, ReferenceKind
from domain.refund import Refund


@dataclass(frozen=True, slots=True)
class KeptRefund:
    """A refund as it is kept, with its payment as it was in the same moment."""

    refund: Refund
    kept: Kept


@dataclass(frozen=True, slots=True)
class RepeatedRefund:
    """The key was used before with the same body: the refund it made, its stored answer, and whether it still runs."""

    before: KeptRefund
    answer: Answer | None
    running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPromise:
    """
    Everything that must be durable before money is sent back: the refund, and its amount reserved on the payment.

    `before` is what was read: a payment that has moved since refuses the promise. `operation` None: nothing is left to
    do, for it was made outside and is over. `callback_tokens` are hashes (32 bytes) by what they are for. `inbox_id` is
    done with this step.
    """

    before: Kept
    payment: Payment
    refund: Refund
    entry: Entry
    operation: Operation | None = None
    lease_for: timedelta = timedelta()
    key: Key | None = None
    callback_tokens: Mapping[Purpose, bytes] = field(default_factory=dict)
    inbox_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundStep:
    """
    How a refund moved, and its payment with it. `next_check_at` None: nothing is left to do. The rest is as in `Step`.
    """

    before: KeptRefund
    payment: Payment
    refund: Refund
    entry: Entry | None
    next_check_at: datetime | None
    lease: Lease | None = None
    key: Key | None = None
    answer: Answer | None = None
    release_key: bool = False
    inbox_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class DueRefund:
    """An open refund whose time has come, under a fresh lease."""

    before: KeptRefund
    operation: Operation
    lease: Lease

    @property
    def kept(self) -> Kept:
        """Its payment."""
        return self.before.kept


class Refunds(Protocol):
    """
    Keeps refunds and their open work; with each step the payment's amounts, its history and its events.

    Raises, from every method:
        Unavailable: the database cannot serve now, and nothing has happened.
        InDoubt: the connection was cut: it may have happened.
    """

    async def consider(self, payment_id: UUID, key: Key | None, now: datetime) -> Kept | RepeatedRefund | None:
        """
        The payment that is to be refunded, or the refund that this key has made already. None: no such payment.

        Raises:
            KeyReused: the key came with another body before.
            KeyExpired: the key was used longer ago than keys are kept.
        """
        ...

    async def open(self, promise: RefundPromise) -> Lease | None:
        """
        Key, refund, reserve, open work under a lease, callback tokens, history and event: all of it, or nothing.

        None where the payment has moved since it was read, or the key was used meanwhile: read again.
        """
        ...

    async def record(self, step: RefundStep) -> Recorded:
        """The next version of a refund and its payment, history and event, what is left to do, and the answer."""
        ...

    async def find(self, refund_id: UUID, *, urgent: bool = False) -> KeptRefund | None:
        """The refund, read from where it was written. `urgent`: a gateway's answer waits to become durable."""
        ...

    async def find_by_reference(self, kind: ReferenceKind, reference: str) -> UUID | None:
        """Whose name at a gateway this is: the refund's id."""
        ...

    async def take_due(self, now: datetime, lease_for: timedelta, limit: int) -> list[DueRefund]:
        """Up to `limit` open refunds whose time has come and whose lease is over, each under a new lease of ours."""
        ...
