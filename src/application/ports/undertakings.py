"""What a shop asks of a payment that exists: claimed, and under a lease, before the gateway is asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from application.ports.gateway import Operation
from application.ports.payments import Kept, Key, Lease, Repeated
from domain.history import Entry
from domain.payment import Payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Undertaking:
    """
    Everything that must be durable before the gateway is asked to change a payment.

    `id` is the undertaking's own. `before` is what was read: a payment that has moved since refuses.
    """

    id: UUID
    before: Kept
    after: Payment
    entry: Entry
    operation: Operation
    lease_for: timedelta
    key: Key | None = None


class Undertakings(Protocol):
    """
    Raises, from every method:
        Unavailable: the database cannot serve now, and nothing has happened.
        InDoubt: the connection was cut: it may have happened.
    """

    async def consider(self, payment_id: UUID, key: Key | None, now: datetime) -> Kept | Repeated | None:
        """
        The payment, or what this key was used for already. None: no such payment.

        Raises:
            KeyReused: the key came with another body before.
            KeyExpired: the key was used longer ago than keys are kept.
        """
        ...

    async def begin(self, undertaking: Undertaking) -> Lease | None:
        """
        Key, operation under a lease, the payment's next version, history and event: all of it, or nothing.

        None where the payment has moved since it was read, or the key was used meanwhile: read again.

        Raises:
            PaymentBusy: somebody else holds the lease.
        """
        ...
