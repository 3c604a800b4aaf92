"""Customers: who a saved card or a bank transfer belongs to."""

from typing import Final

from entrypoints.sandbox.stripe.answers import answered
from entrypoints.sandbox.stripe.api import Answer, Call
from entrypoints.sandbox.stripe.forms import FREE, LIST, METADATA, TEXT, Shape, shaped
from entrypoints.sandbox.stripe.ids import new_id

_CREATE: Final[Shape] = {
    "name": 256,
    "email": 512,
    "description": TEXT,
    "phone": 20,
    "address": FREE,
    "metadata": METADATA,
    "expand": LIST,
}


def create(call: Call) -> Answer:
    """POST /v1/customers."""
    params = shaped(call.params, _CREATE)
    customer = {
        "id": new_id("cus"),
        "object": "customer",
        "address": params.get("address") or None,
        "balance": 0,
        "created": call.work.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": params.get("description"),
        "email": params.get("email"),
        "livemode": False,
        "metadata": params.get("metadata", {}),
        "name": params.get("name"),
        "phone": params.get("phone"),
        "shipping": None,
    }
    return answered(call, call.work.keep("customer", customer), params.get("expand"))
