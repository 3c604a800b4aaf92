"""Payments as callers see them: fields are spelled as the request spells them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

import msgspec

from adapters.http.problem_kinds import DECLINED
from adapters.http.problems import document
from application.ports.payment_lists import Line
from application.ports.payments import Answer
from application.ports.seen_payment import SeenPayment
from domain.evidence import Reason
from domain.history import Entry, Note
from domain.payment import CaptureMethod, Payment, ReferenceKind, RefundedHow, left_to_refund, refunded_how
from domain.payment_method import GatewayName, MethodType
from domain.refund import Refund, RefundChannel, RefundOrigin, RefundStatus
from domain.status import Status

_OK: Final = 200
_CREATED: Final = 201
_ACCEPTED: Final = 202

Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


class MethodView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the customer pays; never the token."""

    type: MethodType
    brand: str | None = None
    last4: str | None = None
    phone: str | None = msgspec.field(name="phoneNumber", default=None)
    country: str | None = None


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """One payment. Amounts are minor units; times are ISO 8601 UTC."""

    id: UUID
    status: Status
    reason: Reason | None
    user_id: UUID
    order_id: str
    amount: int
    currency: str
    method: MethodView = msgspec.field(name="paymentMethod")
    gateway: GatewayName
    capture_method: CaptureMethod
    description: str | None
    return_url: str | None
    metadata: Mapping[str, Any]
    next_action: Mapping[str, Any] | None
    amount_captured: int
    amount_refunded: int
    amount_refundable: int
    refund_status: RefundedHow
    cancel_requested: bool
    disputed: bool
    late: bool
    order_overpaid: bool
    capture_before: Time | None
    receipt: str | None
    created_at: Time
    updated_at: Time
    version: int

    @classmethod
    def of(cls, payment: Payment) -> Self:
        return cls.seen(SeenPayment.of(payment))

    @classmethod
    def seen(cls, seen: SeenPayment) -> Self:
        gone = seen.amount_refunded + seen.amount_excess_refunded
        return cls(
            id=seen.id,
            status=seen.status,
            reason=seen.reason,
            user_id=seen.user_id,
            order_id=seen.order_id,
            amount=seen.amount,
            currency=seen.currency,
            method=MethodView(
                type=seen.method, brand=seen.brand, last4=seen.last4, phone=seen.phone, country=seen.country
            ),
            gateway=seen.gateway,
            capture_method=seen.capture_method,
            description=seen.description,
            return_url=seen.return_url,
            metadata=seen.metadata,
            next_action=seen.next_action if seen.status in _CUSTOMER_ACTS else None,
            amount_captured=seen.amount_captured,
            amount_refunded=seen.amount_refunded,
            amount_refundable=(
                left_to_refund(seen.amount_captured, gone, seen.amount_reserved)
                if seen.status is Status.SUCCEEDED
                else 0
            ),
            refund_status=refunded_how(seen.amount_captured, seen.amount_refunded),
            cancel_requested=seen.cancel_requested,
            disputed=seen.disputed,
            late=seen.late,
            order_overpaid=seen.order_overpaid,
            capture_before=iso(seen.capture_before) if seen.capture_before else None,
            receipt=seen.receipt,
            created_at=iso(seen.created_at),
            updated_at=iso(seen.updated_at),
            version=seen.version,
        )


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """One refund. `receipt` is the gateway's name for the money's way back."""

    id: UUID
    payment_id: UUID
    user_id: UUID
    status: RefundStatus
    failure: Reason | None
    amount: int
    currency: str
    reason: str | None
    metadata: Mapping[str, Any]
    channel: RefundChannel
    origin: RefundOrigin
    receipt: str | None
    created_at: Time
    updated_at: Time
    version: int

    @classmethod
    def of(cls, refund: Refund) -> Self:
        return cls(
            id=refund.id,
            payment_id=refund.payment_id,
            user_id=refund.user_id,
            status=refund.status,
            failure=refund.failure,
            amount=refund.money.amount,
            currency=refund.money.currency,
            reason=refund.reason,
            metadata=refund.metadata,
            channel=refund.channel,
            origin=refund.origin,
            receipt=refund.references.get(ReferenceKind.RECEIPT) or refund.references.get(ReferenceKind.REFUND),
            created_at=iso(refund.requested_at),
            updated_at=iso(refund.updated_at),
            version=refund.version,
        )


def iso(moment: datetime) -> str:
    """`2026-01-31T12:00:00.000Z`; by msgspec, a quarter of the work of `isoformat`. It leaves a fraction of 0 out."""
    text = encode(moment.astimezone(UTC)).decode()
    return f"{text[1:24]}Z" if moment.microsecond else f"{text[1:20]}.000Z"


def envelope(data: Any, correlation_id: str, **metadata: Any) -> bytes:
    """The body of a success."""
    return encode({"success": True, "data": data, "metadata": {"correlation_id": correlation_id, **metadata}})


def render(payment: Payment, correlation_id: str, *, docs_url: str) -> Answer:
    """What who asked for this payment is told: 201 it is on its way, 202 nobody knows yet, 402 it was declined."""
    view = PaymentView.of(payment)
    if payment.status in _DECLINED:
        why = f": {payment.reason}" if payment.reason else ""
        body = document(
            DECLINED,
            docs_url=docs_url,
            instance="/payments",
            correlation_id=correlation_id,
            detail=f"The payment is {payment.status}{why}.",
            data=view,
        )
        return Answer(DECLINED.status, body)
    return Answer(_ACCEPTED if _is_open_question(payment) else _CREATED, envelope(view, correlation_id))


def entry_view(entry: Entry, previous: bytes, note: Note | None) -> dict[str, Any]:
    """What is stored of an entry, with its hash and the hash before it; beside a sealed note, what it says."""
    told = {**msgspec.json.decode(entry.body), "previous_hash": previous.hex(), "hash": entry.hash.hex()}
    return told if note is None else told | {"note": note.text, "metadata": note.metadata}


def render_note(line: Line, correlation_id: str) -> Answer:
    """What who added a note is told."""
    return Answer(_CREATED, envelope(entry_view(line.entry, line.previous, line.note), correlation_id))


def render_changed(payment: Payment, correlation_id: str) -> Answer:
    """What who asked for a capture or cancel is told: 200 it is so, 202 nobody knows yet."""
    body = envelope(PaymentView.of(payment), correlation_id)
    return Answer(_OK if payment.status.is_closed else _ACCEPTED, body)


def render_refund(refund: Refund, correlation_id: str) -> Answer:
    """What who asked for a refund is told: 201 it is made, whatever becomes of it; 202 nobody knows yet."""
    known = refund.status.is_closed or refund.outcome_is_told
    return Answer(_CREATED if known else _ACCEPTED, envelope(RefundView.of(refund), correlation_id))


#: A bank transfer that is funded in part is PROCESSING, and still needs its instructions.
_CUSTOMER_ACTS: Final = frozenset({Status.REQUIRES_ACTION, Status.PROCESSING})
_DECLINED: Final = frozenset({Status.FAILED, Status.CANCELLED, Status.EXPIRED})


def _is_open_question(payment: Payment) -> bool:
    return not (payment.status.is_closed or payment.outcome_is_told)


encode = msgspec.json.Encoder(enc_hook=dict).encode  # a Mapping that is no dict is told as one
