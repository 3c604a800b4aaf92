"""Requests that work as they stand in development, as often as they are sent."""

from collections.abc import Mapping
from typing import Any, Final

#: Whom development's tokens are for.
USER: Final = "550e8400-e29b-41d4-a716-446655440000"
#: Stand for things that are made first; the documentation server's page puts real ones in their place.
PAYMENT: Final = "01a20641-e10e-7235-b303-59d4c322ca03"
REFUND: Final = "01a20641-e10e-7386-a7e4-3db86e749261"
METHOD: Final = "01a20641-e1c3-710d-98ca-b53c50ec66d2"

_ORDER: Final = {"user_id": USER, "order_id": "order_123", "allow_duplicate": True}
_CARD: Final = {**_ORDER, "amount": 2500, "currency": "USD", "paymentMethod": {"type": "CARD", "token": "tok_visa"}}

PAYMENTS: Final[Mapping[str, Any]] = {
    "A card": {**_CARD, "metadata": {"order": {"items": ["Premium Plan"]}}},
    "A card, held until it is captured": {**_CARD, "capture_method": "manual"},
    "A card that is declined": {
        **_CARD,
        "paymentMethod": {"type": "CARD", "token": "pm_card_chargeDeclinedInsufficientFunds"},
    },
    "M-Pesa": {
        **_ORDER,
        "amount": 1000,
        "currency": "KES",
        "paymentMethod": {"type": "MPESA", "phoneNumber": "254712345678"},
    },
    "A bank transfer": {
        **_ORDER,
        "amount": 50000,
        "currency": "EUR",
        "paymentMethod": {"type": "BANK_TRANSFER", "country": "DE"},
    },
}
CAPTURES: Final[Mapping[str, Any]] = {"All of it": {}, "A part": {"amount": 700}}
CANCELS: Final[Mapping[str, Any]] = {"All of it": {}}
REFUNDS: Final[Mapping[str, Any]] = {
    "A part": {"payment_id": PAYMENT, "amount": 500, "reason": "one item was missing"},
    "All that is left": {"payment_id": PAYMENT},
}
METHODS: Final[Mapping[str, Any]] = {
    "A card": {"user_id": USER, "type": "CARD", "token": "pm_card_visa"},
    "A phone": {"user_id": USER, "type": "MPESA", "phoneNumber": "254712345678"},
}
NOTES: Final[Mapping[str, Any]] = {
    "A note": {"payment_id": PAYMENT, "note": "The customer called: the parcel came late."},
}
