"""A payment as it is looked at: all that is told of it, and nothing that it is weighed by."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from domain.evidence import Reason
from domain.payment import CaptureMethod, Payment, ReferenceKind
from domain.payment_method import GatewayName, MethodType
from domain.status import Status


class SeenPayment(NamedTuple):
    """
    The fields of `Payment` that mean something to its shop. Amounts are minor units, times are UTC.

    A page holds many and does nothing with them: a bare tuple, whose evidence nobody has read.
    """

    id: UUID
    user_id: UUID
    order_id: str
    amount: int
    currency: str
    receipt: str | None
    capture_before: datetime | None
    amount_captured: int
    amount_refunded: int
    amount_excess_refunded: int
    amount_reserved: int
    cancel_requested: bool
    disputed: bool
    late: bool
    order_overpaid: bool
    created_at: datetime
    updated_at: datetime
    version: int
    status: Status
    reason: Reason | None
    gateway: GatewayName
    capture_method: CaptureMethod
    method: MethodType
    brand: str | None
    last4: str | None
    country: str | None
    phone: str | None
    description: str | None
    return_url: str | None
    metadata: Mapping[str, Any]
    next_action: Mapping[str, Any] | None

    @classmethod
    def of(cls, payment: Payment) -> Self:
        """A payment that was read whole, as it would be seen in a list."""
        method = payment.method
        return cls(
            id=payment.id,
            user_id=payment.user_id,
            order_id=payment.order_id,
            amount=payment.money.amount,
            currency=payment.money.currency,
            receipt=payment.references.get(ReferenceKind.RECEIPT),
            capture_before=payment.capture_before,
            amount_captured=payment.amount_captured,
            amount_refunded=payment.amount_refunded,
            amount_excess_refunded=payment.amount_excess_refunded,
            amount_reserved=payment.amount_reserved,
            cancel_requested=payment.cancel_requested,
            disputed=payment.disputed,
            late=payment.late,
            order_overpaid=payment.order_overpaid,
            created_at=payment.created_at,
            updated_at=payment.updated_at,
            version=payment.version,
            status=payment.status,
            reason=payment.reason,
            gateway=payment.gateway,
            capture_method=payment.capture_method,
            method=method.type,
            brand=method.brand,
            last4=method.last4,
            country=method.country,
            phone=method.phone,
            description=payment.description,
            return_url=payment.return_url,
            metadata=payment.metadata,
            next_action=payment.next_action,
        )
