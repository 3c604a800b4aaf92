"""Rows to entities and back. What is personal travels sealed in one column."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from adapters.encryption import Vault
from application.ports.gateway import Operation
from application.ports.payments import Kept
from application.ports.seen_payment import SeenPayment
from domain.evidence import Evidence, Reason
from domain.money import Money
from domain.payment import CaptureMethod, Payment, ReferenceKind
from domain.payment_method import GatewayName, MethodType, PaymentMethod
from domain.refund import Refund, RefundChannel, RefundOrigin, RefundStatus
from domain.status import Status
from domain.verdict import Known


class Private(msgspec.Struct, omit_defaults=True):
    """What is kept encrypted of a payment."""

    phone: str | None = None
    description: str | None = None
    return_url: str | None = None
    metadata: dict[str, Any] = {}
    next_action: dict[str, Any] | None = None
    references: dict[ReferenceKind, str] = {}


class PrivateOfRefund(msgspec.Struct, omit_defaults=True):
    """What is kept encrypted of a refund."""

    reason: str | None = None
    metadata: dict[str, Any] = {}


class Shown(msgspec.Struct, omit_defaults=True):
    """What is kept in plain of a payment method."""

    type: MethodType
    brand: str | None = None
    last4: str | None = None
    country: str | None = None


_json = msgspec.json.Encoder()
_private = msgspec.json.Decoder(Private)
_private_of_refund = msgspec.json.Decoder(PrivateOfRefund)
_shown = msgspec.json.Decoder(Shown)
_known = msgspec.json.Decoder(list[Evidence])
_references = msgspec.json.Decoder(dict[ReferenceKind, str])
_operation = msgspec.json.Decoder(Operation)


def seal_private(payment: Payment, vault: Vault) -> bytes:
    private = Private(
        payment.method.phone,
        payment.description,
        payment.return_url,
        dict(payment.metadata),
        None if payment.next_action is None else dict(payment.next_action),
        {kind: name for kind, name in payment.references.items() if kind.is_personal},
    )
    return vault.seal(_json.encode(private), f"payment:{payment.id}")


def method_json(method: PaymentMethod) -> str:
    return _json.encode(Shown(method.type, method.brand, method.last4, method.country)).decode()


def known_json(known: Known) -> str:
    return _json.encode(known.in_order()).decode()


def references_json(references: Mapping[ReferenceKind, str]) -> str:
    """The names that anyone may read; the others are in the private part."""
    return _json.encode({kind: name for kind, name in references.items() if not kind.is_personal}).decode()


def registered(kind: ReferenceKind, reference: str, vault: Vault) -> str:
    """How a name stands in the registry of all names: one that gives its customer away is only to be recognised."""
    return vault.blind("reference", kind, reference).hex() if kind.is_personal else reference


def seal_operation(operation: Operation, payment_id: UUID, vault: Vault) -> bytes:
    return vault.seal(_json.encode(operation), f"operation:{payment_id}")


def operation(sealed: bytes, payment_id: UUID, vault: Vault) -> Operation:
    return _operation.decode(vault.open(sealed, f"operation:{payment_id}"))


def seal_refund(refund: Refund, vault: Vault) -> bytes:
    private = PrivateOfRefund(refund.reason, dict(refund.metadata))
    return vault.seal(_json.encode(private), f"refund:{refund.id}")


#: A refund's columns beside those of its payment.
REFUND_COLUMNS: Final = ", ".join(
    f"refunds.{name} AS refund_{name}"
    for name in (
        *("id", "payment_id", "user_id", "amount", "currency", "channel", "origin", "status", "failure", "freed"),
        *("known", "refs", "private", "requested_at", "updated_at", "version"),
    )
)


def refund(row: asyncpg.Record, vault: Vault) -> Refund:
    """
    The refund in a row with REFUND_COLUMNS.

    Raises:
        Unreadable: its private part cannot be decrypted.
    """
    refund_id = UUID(int=row["refund_id"].int)
    private = _private_of_refund.decode(vault.open(row["refund_private"], f"refund:{refund_id}"))
    return Refund(
        id=refund_id,
        payment_id=UUID(int=row["refund_payment_id"].int),
        user_id=UUID(int=row["refund_user_id"].int),
        money=Money(row["refund_amount"], row["refund_currency"]),
        channel=RefundChannel(row["refund_channel"]),
        origin=RefundOrigin(row["refund_origin"]),
        reason=private.reason,
        metadata=private.metadata,
        status=RefundStatus(row["refund_status"]),
        failure=None if row["refund_failure"] is None else Reason(row["refund_failure"]),
        known=Known(frozenset(_known.decode(row["refund_known"]))),
        references=_references.decode(row["refund_refs"]),
        freed=row["refund_freed"],
        requested_at=row["refund_requested_at"],
        updated_at=row["refund_updated_at"],
        version=row["refund_version"],
    )


def kept(row: asyncpg.Record, vault: Vault) -> Kept:
    """
    A row of `payments` as an entity.

    Raises:
        Unreadable: its private part cannot be decrypted.
    """
    private = _private.decode(vault.open(row["private"], f"payment:{row['id']}"))
    shown = _shown.decode(row["method"])
    method = PaymentMethod(
        type=shown.type, brand=shown.brand, last4=shown.last4, country=shown.country, phone=private.phone
    )
    payment = Payment(
        id=UUID(int=row["id"].int),
        user_id=UUID(int=row["user_id"].int),
        order_id=row["order_id"],
        money=Money(row["amount"], row["currency"]),
        method=method,
        capture_method=CaptureMethod(row["capture_method"]),
        description=private.description,
        return_url=private.return_url,
        metadata=private.metadata,
        status=Status(row["status"]),
        reason=None if row["reason"] is None else Reason(row["reason"]),
        known=Known(frozenset(_known.decode(row["known"]))),
        references=_references.decode(row["refs"]) | private.references,
        next_action=private.next_action,
        capture_before=row["capture_before"],
        amount_to_capture=row["amount_to_capture"],
        amount_captured=row["amount_captured"],
        amount_refunded=row["amount_refunded"],
        amount_reserved=row["amount_reserved"],
        amount_excess_refunded=row["amount_excess_refunded"],
        cancel_requested=row["cancel_requested"],
        disputed=row["disputed"],
        late=row["late"],
        order_overpaid=row["order_overpaid"],
        version=row["version"],
        updated_at=row["updated_at"],
    )
    return Kept(payment, row["history_head"])


#: What `seen` reads, in the order of `SeenPayment`.
SEEN_COLUMNS: Final = """
    id, user_id, order_id, amount, currency, refs ->> 'receipt', capture_before,
    amount_captured, amount_refunded, amount_excess_refunded, amount_reserved,
    cancel_requested, disputed, late, order_overpaid, created_at, updated_at, version,
    status, reason, gateway, capture_method, method, private
"""


def seen(row: asyncpg.Record, vault: Vault) -> SeenPayment:
    """
    A row with SEEN_COLUMNS, and nothing more, as it is shown.

    Raises:
        Unreadable: its private part cannot be decrypted.
    """
    *plain, status, reason, gateway, capture_method, method, sealed = row
    private = _private.decode(vault.open(sealed, f"payment:{plain[0]}"))
    shown = _shown.decode(method)
    return SeenPayment._make(
        (
            *plain,
            _STATUSES[status],
            None if reason is None else Reason(reason),
            _GATEWAYS[gateway],
            _CAPTURE_METHODS[capture_method],
            shown.type,
            shown.brand,
            shown.last4,
            shown.country,
            private.phone,
            private.description,
            private.return_url,
            private.metadata,
            private.next_action,
        )
    )


#: Looking up is a quarter of the work of asking the class.
_STATUSES: Final = {str(member): member for member in Status}
_GATEWAYS: Final = {str(member): member for member in GatewayName}
_CAPTURE_METHODS: Final = {str(member): member for member in CaptureMethod}
