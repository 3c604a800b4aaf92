"""Everything that can be asked of the API."""

from collections.abc import Mapping
from typing import Final

from adapters.http.openapi import (
    health_operations,
    history_operations,
    method_operations,
    payment_operations,
    refund_operations,
    webhook_operations,
)

TAGS: Final[Mapping[str, str]] = {
    "Payments": "Ask a customer to pay; capture or cancel what is held; look at what became of it.",
    "Refunds": "Give money back: all of it, a part, several times.",
    "Payment methods": "Ways to pay: what is configured here, and what a user has saved.",
    "History": "Everything that ever happened to a payment: append-only, each entry holding the hash of those before.",
    "Webhooks": "Where the gateways speak. Not for callers.",
    "Health": "Whether the service is there, and whether it can serve.",
}

OPERATIONS: Final = (
    *payment_operations.OPERATIONS,
    *refund_operations.OPERATIONS,
    *method_operations.OPERATIONS,
    *history_operations.OPERATIONS,
    *webhook_operations.OPERATIONS,
    *health_operations.OPERATIONS,
)
