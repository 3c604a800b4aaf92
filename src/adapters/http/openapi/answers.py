"""What answers look like: one thing of every kind, as the service tells it."""

from collections.abc import Mapping
from typing import Any, Final

from adapters.http.openapi.examples import METHOD, PAYMENT, REFUND, USER

CORRELATION_ID: Final = "01a20641-e149-7501-b16c-2a839141b1f9"

_MADE: Final = "2026-11-23T02:41:32.814Z"
_MOVED: Final = "2026-11-23T02:41:33.140Z"

PAID: Final[Mapping[str, Any]] = {
    "id": PAYMENT,
    "status": "SUCCEEDED",
    "reason": None,
    "user_id": USER,
    "order_id": "order_123",
    "amount": 2500,
    "currency": "USD",
    "paymentMethod": {"type": "CARD", "brand": "VISA", "last4": "4242"},
    "gateway": "stripe",
    "capture_method": "automatic",
    "description": None,
    "return_url": None,
    "metadata": {"order": {"items": ["Premium Plan"]}},
    "next_action": None,
    "amount_captured": 2500,
    "amount_refunded": 0,
    "amount_refundable": 2500,
    "refund_status": "NONE",
    "cancel_requested": False,
    "disputed": False,
    "late": False,
    "order_overpaid": False,
    "capture_before": None,
    "receipt": None,
    "created_at": _MADE,
    "updated_at": _MOVED,
    "version": 2,
}
_NOTHING_TAKEN: Final = {**PAID, "amount_captured": 0, "amount_refundable": 0}
HELD: Final = {
    **_NOTHING_TAKEN,
    "status": "AUTHORIZED",
    "capture_method": "manual",
    "capture_before": "2026-11-30T02:41:33.000Z",
}
CAPTURED: Final = {**HELD, "status": "SUCCEEDED", "amount_captured": 700, "amount_refundable": 700, "version": 4}
CANCELLED: Final = {**HELD, "status": "CANCELLED", "reason": "cancelled", "cancel_requested": True, "version": 4}
CANCELLING: Final = {**CANCELLED, "status": "AUTHORIZED", "reason": None, "version": 3}
DECLINED: Final = {**_NOTHING_TAKEN, "status": "FAILED", "reason": "insufficient_funds"}
LOST: Final = {**_NOTHING_TAKEN, "status": "UNKNOWN"}
PROMPTED: Final = {
    **_NOTHING_TAKEN,
    "status": "REQUIRES_ACTION",
    "amount": 1000,
    "currency": "KES",
    "paymentMethod": {"type": "MPESA", "phoneNumber": "254712345678"},
    "gateway": "mpesa",
    "next_action": {"type": "confirm_on_phone", "message": "Enter your M-Pesa PIN on the phone to pay."},
}
SECURED: Final = {
    **_NOTHING_TAKEN,
    "status": "REQUIRES_ACTION",
    "return_url": "https://shop.example/back",
    "next_action": {
        "type": "three_d_secure",
        "client_secret": "pi_1_secret_1",
        "redirect_url": "https://hooks.stripe.com/redirect/1",
    },
}
REFUNDED: Final[Mapping[str, Any]] = {
    "id": REFUND,
    "payment_id": PAYMENT,
    "user_id": USER,
    "status": "SUCCEEDED",
    "failure": None,
    "amount": 500,
    "currency": "USD",
    "reason": "one item was missing",
    "metadata": {},
    "channel": "stripe",
    "origin": "api",
    "receipt": "re_1",
    "created_at": _MADE,
    "updated_at": _MOVED,
    "version": 2,
}
REFUND_LOST: Final = {**REFUNDED, "status": "UNKNOWN", "receipt": None}
SAVED_CARD: Final[Mapping[str, Any]] = {
    "id": METHOD,
    "user_id": USER,
    "type": "CARD",
    "brand": "VISA",
    "last4": "4242",
    "exp_month": 12,
    "exp_year": 2030,
    "is_default": True,
    "created_at": _MADE,
}
MPESA_TYPE: Final[Mapping[str, Any]] = {
    "type": "MPESA",
    "gateway": "mpesa",
    "currencies": [{"currency": "KES", "min_amount": 100, "max_amount": 25000000, "multiple_of": 100}],
    "capture_methods": ["automatic"],
    "refunds": True,
    "partial_refunds": False,
    "can_be_saved": True,
}
ENTRY: Final[Mapping[str, Any]] = {
    "scheme": 1,
    "payment_id": PAYMENT,
    "seq": 2,
    "at": _MOVED,
    "status": "SUCCEEDED",
    "was": "PROCESSING",
    "reason": None,
    "cause": {"kind": "request", "id": CORRELATION_ID},
    "amount": 2500,
    "currency": "USD",
    "amount_captured": 2500,
    "amount_refunded": 0,
    "amount_reserved": 0,
    "references": {"payment_intent": "pi_1"},
    "evidence": [
        {"claim": "succeeded", "source": "answer", "rank": 2, "at": _MOVED, "amount": 2500, "currency": "USD"}
    ],
    "previous_hash": "5f" * 32,
    "hash": "a3" * 32,
}
NOTE: Final = {
    **ENTRY,
    "seq": 3,
    "was": "SUCCEEDED",
    "evidence": [],
    "sealed_note": "c2VhbGVkLi4u",
    "note": "The customer called: the parcel came late.",
    "metadata": {},
    "previous_hash": "a3" * 32,
    "hash": "0d" * 32,
}
