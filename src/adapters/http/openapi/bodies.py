"""The shapes of bodies: the structs that are really read and written, and what a struct cannot say."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from adapters.http.change_request import NewCancel, NewCapture
from adapters.http.method_request import NewSavedMethod
from adapters.http.method_views import SavedMethodView, TypeView
from adapters.http.note_request import NewNote
from adapters.http.openapi.examples import PAYMENT
from adapters.http.payment_request import NewPayment
from adapters.http.refund_request import NewRefund
from adapters.http.views import PaymentView, RefundView
from domain.currencies import EXPONENTS
from domain.evidence import Claim, Reason, Source
from domain.history import CauseKind
from domain.status import Status

Patch = Callable[[dict[str, Any]], None]

#: Component -> the struct behind it.
STRUCTS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "NewPayment": NewPayment,
    "NewCapture": NewCapture,
    "NewCancel": NewCancel,
    "NewRefund": NewRefund,
    "NewNote": NewNote,
    "NewSavedMethod": NewSavedMethod,
    "Payment": PaymentView,
    "Refund": RefundView,
    "SavedMethod": SavedMethodView,
    "PaymentType": TypeView,
}
#: Envelope of one -> what is in it.
ENVELOPES: Final[Mapping[str, str]] = {
    "PaymentAnswer": "Payment",
    "RefundAnswer": "Refund",
    "SavedMethodAnswer": "SavedMethod",
    "NoteAnswer": "HistoryEntry",
}
#: Envelope of many -> what is in it, and what its `metadata` is.
LISTS: Final[Mapping[str, tuple[str, str]]] = {
    "PaymentPage": ("Payment", "PageMetadata"),
    "RefundPage": ("Refund", "PageMetadata"),
    "SavedMethodPage": ("SavedMethod", "PageMetadata"),
    "PaymentTypes": ("PaymentType", "Metadata"),
    "Story": ("HistoryEntry", "StoryMetadata"),
    "HistoryPage": ("HistoryEntry", "PageMetadata"),
}

_TEXT: Final = {"type": "string"}
_ANY: Final = {"type": "object"}
_NULL: Final = {"type": "null"}
_TIME: Final = {"type": "string", "format": "date-time"}
_HASH: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_CORRELATION: Final = {"correlation_id": _TEXT}


def _object(properties: Mapping[str, Any], *, optional: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required, **more}


_EVIDENCE: Final = _object(
    {
        "claim": {"enum": list(Claim)},
        "source": {"enum": list(Source)},
        "rank": {"type": "integer", "minimum": -1, "maximum": 5},
        "at": _TIME,
        "code": _TEXT,
        "amount": {"type": "integer"},
        "currency": _TEXT,
        "reason": {"enum": list(Reason)},
        "verify_first": {"const": True},
    },
    optional=("code", "amount", "currency", "reason", "verify_first"),
)
#: What has no struct of its own.
OTHERS: Final[Mapping[str, Any]] = {
    "Metadata": _object(_CORRELATION),
    "PageMetadata": _object(
        {
            **_CORRELATION,
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
            "next_cursor": {
                "type": ["string", "null"],
                "description": "Send it as `cursor` for the next page; null at the end.",
            },
        }
    ),
    "StoryMetadata": _object(
        {**_CORRELATION, "verified": {"type": "boolean", "description": "Nothing of it is missing or altered."}}
    ),
    "HistoryEntry": _object(
        {
            "payment_id": {"type": "string", "format": "uuid"},
            "seq": {"type": "integer", "minimum": 1},
            "at": _TIME,
            "status": {"enum": list(Status)},
            "was": {"anyOf": [{"enum": list(Status)}, _NULL]},
            "cause": _object({"kind": {"enum": list(CauseKind)}, "id": _TEXT}),
            "evidence": {"type": "array", "items": _EVIDENCE},
            "previous_hash": _HASH,
            "hash": {**_HASH, "description": "SHA-256 over the hash before it and the entry's stored bytes."},
        },
        optional=("was", "evidence"),
        description="One line of a payment's story: `refund` where one of its refunds moved, `note` where one was.",
    ),
    "Health": _object(
        {"status": {"const": "ok"}, "service": _TEXT, "version": _TEXT, "mode": {"enum": ["test", "live"]}}
    ),
    "Live": _object({"status": {"const": "ok"}}),
    "Ready": _object({"status": {"const": "ready"}}),
    "WebhooksHealth": _object({"status": {"const": "ok"}, "waiting": {"type": "integer", "minimum": 0}}),
    "Received": _object({"received": {"const": True}}),
    "Thanks": _object({"ResultCode": {"const": 0}, "ResultDesc": {"const": "Accepted"}}),
    "Currency": {"enum": sorted(EXPONENTS), "description": "ISO 4217."},
    "OpenApiDocument": _object(
        {"openapi": {"const": "3.1.0"}, "info": {"type": "object"}, "paths": {"type": "object"}}
    ),
    "StripeEvent": {"type": "object", "description": "An event as Stripe signed it."},
    "MobileMoneyMessage": {"description": "What M-Pesa posts."},
}


_TOKEN: Final = {"type": "string", "pattern": "^(tok|pm)_[A-Za-z0-9_]{1,120}$", "maxLength": 124}
_PHONE: Final = {
    "type": "string",
    "pattern": r"^(\+?2[ -]?5[ -]?4[ -]?|0[ -]?)?[17]([ -]?[0-9]){8}$",
    "maxLength": 20,
}


def _method_by_type(schema: dict[str, Any]) -> None:
    """Which fields belong together."""
    description, given = schema["description"], schema["properties"]

    def variant(types: list[str], required: list[str], allowed: Mapping[str, Any]) -> dict[str, Any]:
        absent = {name: _NULL for name in given if name not in {"type", *allowed}}
        return {
            "properties": {"type": {"enum": types}, **allowed, **absent},
            "required": ["type", *required],
            "additionalProperties": False,
        }

    card = {"token": _TOKEN, "brand": given["brand"], "last4": given["last4"]}
    variants = [
        variant(["CARD", "WALLET"], ["token"], card),
        variant(["BANK_TRANSFER"], [], {"country": given["country"]}),
        variant(["MPESA"], ["phoneNumber"], {"phoneNumber": _PHONE}),
    ]
    title = schema["title"]
    schema.clear()
    schema.update({"title": title, "description": description, "type": "object", "oneOf": variants})


def _savable(schema: dict[str, Any]) -> None:
    card = {"type": {"enum": ["CARD", "WALLET"]}, "token": _TOKEN, "phoneNumber": _NULL}
    phone = {"type": {"const": "MPESA"}, "phoneNumber": _PHONE, "token": _NULL}
    schema["oneOf"] = [
        {"properties": card, "required": ["token"]},
        {"properties": phone, "required": ["phoneNumber"]},
    ]


def _one_way_to_pay(schema: dict[str, Any]) -> None:
    given = schema["properties"]
    method = {"$ref": "#/components/schemas/NewMethod"}
    saved = {"type": "string", "format": "uuid", "description": "The id of a saved method of this user."}
    given["paymentMethod"] = {"anyOf": [method, _NULL]}
    given["paymentMethodId"] = {"anyOf": [saved, _NULL]}
    schema["oneOf"] = [
        {"required": ["paymentMethod"], "properties": {"paymentMethod": method, "paymentMethodId": _NULL}},
        {"required": ["paymentMethodId"], "properties": {"paymentMethodId": saved, "paymentMethod": _NULL}},
    ]
    given["currency"] = {"$ref": "#/components/schemas/Currency"}


def _payments_currency(schema: dict[str, Any]) -> None:
    schema["properties"]["currency"] = {
        "anyOf": [{"$ref": "#/components/schemas/Currency"}, _NULL],
        "description": "If it is told, it must be the payment's.",
    }


def _null_is_absent(schema: dict[str, Any]) -> None:
    """What may be left out of a request may be null."""
    for name, given in schema["properties"].items():
        if name not in schema.get("required", ()) and _NULL not in given.get("anyOf", ()):
            default = {"default": given.pop("default")} if "default" in given else {}
            schema["properties"][name] = {"anyOf": [given, _NULL], **default}


#: Component -> what to mend in the schema of its struct.
PATCHES: Final[Mapping[str, Sequence[Patch]]] = {
    "NewMethod": (_method_by_type,),
    "NewPayment": (_null_is_absent, _one_way_to_pay),
    "NewCapture": (_null_is_absent,),
    "NewRefund": (_null_is_absent, _payments_currency),
    "NewNote": (_null_is_absent,),
    "NewSavedMethod": (_null_is_absent, _savable),
}

EXAMPLE_PAYMENT: Final[Mapping[str, Any]] = {
    "id": PAYMENT,
    "status": "FAILED",
    "reason": "insufficient_funds",
    "amount": 2500,
    "currency": "USD",
}
