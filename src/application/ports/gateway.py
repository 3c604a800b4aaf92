"""Where money moves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from domain.errors import GatewayUnavailable
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_type import PaymentType


class NothingSent(GatewayUnavailable):
    """The payment provider cannot be reached; nothing was sent to it and nobody was charged; try again."""

    def __init__(self, *, token_used: bool = False) -> None:
        super().__init__()
        self.token_used = token_used


class OperationKind(StrEnum):
    COLLECT = "collect"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    A call that is, or may be, in flight: exactly what is needed to make it again or to recognise it.

    `token` is the card token as it came (single-use, or of a saved method: then `customer` is whose it is at the
    gateway); `callback_token` the secret in the callback's path, and
    `timeout_token` the one in the path for "it waited too long". `amount`: minor units to capture.
    Kept encrypted while work on the payment is left.
    """

    started_at: datetime
    kind: OperationKind = OperationKind.COLLECT
    token: str | None = None
    customer: str | None = None
    callback_token: str | None = None
    timeout_token: str | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What must be durable before a gateway is called: names we give it, and how long it holds a phone."""

    references: Mapping[ReferenceKind, str] = field(default_factory=dict)
    callback_token: str | None = None
    timeout_token: str | None = None
    holds_phone_for: timedelta | None = None


class PaymentGateway(Protocol):
    """
    Moves money at one provider. Callers know this page; only the adapter knows the provider.

    Money is in minor units. One stable idempotency key per operation, derived from the payment's id, wherever the
    provider takes one. An answer that never came is no error: it is `LOST` evidence, and reconciliation owns it.

    Raises, from every method that asks the provider:
        NothingSent: the provider did nothing, surely; safe to repeat.
    """

    @property
    def total_timeout(self) -> timedelta:
        """The longest that one call takes before its answer counts as lost."""
        ...

    @property
    def may_repeat(self) -> bool:
        """Whether `collect` may be sent again while the first may have arrived: only where the provider takes a key."""
        ...

    @property
    def types(self) -> tuple[PaymentType, ...]:
        """What can be paid by here, within which limits: what `check` lets pass."""
        ...

    def check(self, payment: Payment) -> None:
        """
        Whether the provider would take this amount, currency and method at all. Pure.

        Raises:
            Invalid: it would not; names the field.
        """
        ...

    def prepare(self) -> Preparation:
        """Fresh names for one payment. Pure but for randomness."""
        ...

    def expires_at(self, payment: Payment) -> datetime | None:
        """When a customer who does nothing has given up, so that the payment is cancelled at the provider."""
        ...

    def has_loose_end(self, payment: Payment) -> bool:
        """Whether a closed payment left something at the provider that could still be paid and must be cancelled."""
        ...

    async def collect(self, payment: Payment, operation: Operation) -> Report:
        """Ask the customer's money for this payment: takes it, holds it, or says what the customer must do."""
        ...

    async def look_up(self, payment: Payment, operation: Operation) -> Report:
        """What the provider knows of this payment now. An empty report: nothing new."""
        ...

    async def cancel(self, payment: Payment) -> Report:
        """Give up what was asked for, if it can still be given up. The provider's word decides what it became."""
        ...

    def check_capture(self, payment: Payment, amount: int) -> None:
        """
        Whether the provider could take `amount` minor units of what is held. Pure.

        Raises:
            Invalid: it could not; names the field.
        """
        ...

    async def capture(self, payment: Payment, operation: Operation) -> Report:
        """Take `operation.amount` of what is held; the rest is released. The provider's word decides."""
        ...
