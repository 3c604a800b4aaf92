"""The shapes of bodies: the structs that are really read and written, and what a struct cannot say."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from adapters.http.change_request import NewCancel, NewCapture
from adapters.http.method_request import NewSavedMethod
from adapters.http.method_views import SavedMethodView, TypeView
from adapters.http.note_request import NewNote
from adapters.http.openapi import answers
from adapters.http.openapi.shapes import NULL, TEXT, an_object
from adapters.http.openapi.stories import ENTRY
from adapters.http.payment_request import NewPayment
from adapters.http.refund_request import NewRefund
from adapters.http.views import PaymentView, RefundView
from domain.currencies import EXPONENTS

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
#: What an envelope's `metadata` says, for example.
_METADATA: Final[Mapping[str, Mapping[str, Any]]] = {
    "Metadata": {},
    "PageMetadata": {"limit": 50, "next_cursor": None},
    "StoryMetadata": {"verified": True},
}


def enveloped(name: str, data: Any) -> Any:
    """`data` as the component `name` holds it: in its envelope, if it is one."""
    if name not in {*ENVELOPES, *LISTS}:
        return data
    metadata = _METADATA[LISTS[name][1] if name in LISTS else "Metadata"]
    return {"success": True, "data": data, "metadata": {"correlation_id": answers.CORRELATION_ID, **metadata}}


#: What the customer must do, by who asks it of them.
_NEXT_ACTION: Final = {
    "description": "What the customer must do; null where nothing. A type that is not listed here is Stripe's own.",
    "anyOf": [
        an_object(
            {
                "type": {"type": "string", "examples": ["three_d_secure"]},
                "client_secret": {"type": ["string", "null"], "description": "For Stripe's form; for nobody else."},
                "redirect_url": {"type": ["string", "null"], "description": "Where the bank asks the customer."},
            }
        ),
        an_object(
            {
                "type": {"const": "bank_transfer"},
                "instructions": {"type": "object", "description": "Stripe's: where to send how much, with what words."},
            }
        ),
        an_object({"type": {"const": "confirm_on_phone"}, "message": TEXT}),
        NULL,
    ],
}
_CORRELATION: Final = {"correlation_id": TEXT}
#: What has no struct of its own.
OTHERS: Final[Mapping[str, Any]] = {
    "Metadata": an_object(_CORRELATION),
    "PageMetadata": an_object(
        {
            **_CORRELATION,
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
            "next_cursor": {
                "type": ["string", "null"],
                "description": "Send it as `cursor` for the next page; null at the end.",
            },
        }
    ),
    "StoryMetadata": an_object(
        {**_CORRELATION, "verified": {"type": "boolean", "description": "Nothing of it is missing or altered."}}
    ),
    "HistoryEntry": ENTRY,
    "Health": an_object(
        {"status": {"const": "ok"}, "service": TEXT, "version": TEXT, "mode": {"enum": ["test", "live"]}}
    ),
    "Live": an_object({"status": {"const": "ok"}}),
    "Ready": an_object({"status": {"const": "ready"}}),
    "WebhooksHealth": an_object({"status": {"const": "ok"}, "waiting": {"type": "integer", "minimum": 0}}),
    "Received": an_object({"received": {"const": True}}),
    "Thanks": an_object({"ResultCode": {"const": 0}, "ResultDesc": {"const": "Accepted"}}),
    "Currency": {"enum": sorted(EXPONENTS), "description": "ISO 4217."},
    "OpenApiDocument": an_object(
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
        absent = {name: NULL for name in given if name not in {"type", *allowed}}
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


def _customer_acts(schema: dict[str, Any]) -> None:
    schema["properties"]["next_action"] = _NEXT_ACTION


def _savable(schema: dict[str, Any]) -> None:
    card = {"type": {"enum": ["CARD", "WALLET"]}, "token": _TOKEN, "phoneNumber": NULL}
    phone = {"type": {"const": "MPESA"}, "phoneNumber": _PHONE, "token": NULL}
    schema["oneOf"] = [
        {"properties": card, "required": ["token"]},
        {"properties": phone, "required": ["phoneNumber"]},
    ]


def _one_way_to_pay(schema: dict[str, Any]) -> None:
    given = schema["properties"]
    method = {"$ref": "#/components/schemas/NewMethod"}
    saved = {"type": "string", "format": "uuid", "description": "The id of a saved method of this user."}
    given["paymentMethod"] = {"anyOf": [method, NULL]}
    given["paymentMethodId"] = {"anyOf": [saved, NULL]}
    schema["oneOf"] = [
        {"required": ["paymentMethod"], "properties": {"paymentMethod": method, "paymentMethodId": NULL}},
        {"required": ["paymentMethodId"], "properties": {"paymentMethodId": saved, "paymentMethod": NULL}},
    ]
    given["currency"] = {"$ref": "#/components/schemas/Currency"}


def _payments_currency(schema: dict[str, Any]) -> None:
    schema["properties"]["currency"] = {
        "anyOf": [{"$ref": "#/components/schemas/Currency"}, NULL],
        "description": "If it is told, it must be the payment's.",
    }


def _null_is_absent(schema: dict[str, Any]) -> None:
    """What may be left out of a request may be null."""
    for name, given in schema["properties"].items():
        if name not in schema.get("required", ()) and NULL not in given.get("anyOf", ()):
            default = {"default": given.pop("default")} if "default" in given else {}
            schema["properties"][name] = {"anyOf": [given, NULL], **default}


#: Component -> what to mend in the schema of its struct.
PATCHES: Final[Mapping[str, Sequence[Patch]]] = {
    "NewMethod": (_method_by_type,),
    "NewPayment": (_null_is_absent, _one_way_to_pay),
    "NewCapture": (_null_is_absent,),
    "NewRefund": (_null_is_absent, _payments_currency),
    "NewNote": (_null_is_absent,),
    "NewSavedMethod": (_null_is_absent, _savable),
    "Payment": (_customer_acts,),
}
