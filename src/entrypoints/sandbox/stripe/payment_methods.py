"""Payment methods: made from a token or from Stripe's test values, attached to customers or used once."""

from typing import Final

from entrypoints.sandbox.stripe import tokens
from entrypoints.sandbox.stripe.answers import PAGING, answered, page
from entrypoints.sandbox.stripe.api import Answer, Call
from entrypoints.sandbox.stripe.cards import CARDS, face, name_of
from entrypoints.sandbox.stripe.declines import decline_error
from entrypoints.sandbox.stripe.errors import Json, encode, invalid, missing
from entrypoints.sandbox.stripe.forms import FREE, LIST, METADATA, TEXT, Shape, shaped
from entrypoints.sandbox.stripe.ids import new_id

_CREATE: Final[Shape] = {
    "type": ("card", "customer_balance"),
    "card": {"token": TEXT},
    "customer_balance": FREE,
    "billing_details": FREE,
    "allow_redisplay": ("always", "limited", "unspecified"),
    "metadata": METADATA,
    "expand": LIST,
}
_LIST: Final[Shape] = {**PAGING, "customer": TEXT, "type": TEXT}
_DETAILS: Final = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}


def create(call: Call) -> Answer:
    """POST /v1/payment_methods."""
    tokens.refuse_numbers(call.params)
    params = shaped(call.params, _CREATE)
    if "type" not in params:
        raise invalid("Missing required param: type.", "type", "parameter_missing")
    if params["type"] == "customer_balance":
        return answered(call, call.work.keep("payment_method", of_bank_transfer(call, params)), params.get("expand"))
    token = params.get("card", {}).get("token")
    if token is None:
        raise invalid("Missing required param: card.", "card", "parameter_missing")
    name = tokens.spend(call, token)
    return answered(
        call, call.work.keep("payment_method", _of_card(call, name, params), card=name), params.get("expand")
    )


def retrieve(call: Call) -> Answer:
    """GET /v1/payment_methods/{id}. A test value such as pm_card_visa gives a new method every time, as at Stripe."""
    expand = shaped(call.params, {"expand": LIST}).get("expand")
    text = call.store.text("payment_method", call.ids["id"])
    if text is None:
        text = encode(find(call, call.ids["id"], "id", 404))
    return answered(call, text, expand)


def listing(call: Call) -> Answer:
    """GET /v1/payment_methods, or a customer's."""
    params = shaped(call.params, _LIST)
    customer = call.ids.get("id") or params.get("customer")
    if "id" in call.ids:
        call.work.get("customer", call.ids["id"])
    if params.get("type", "card") not in {"card", "customer_balance"}:
        raise invalid(f"Invalid type: {params['type']}", "type")
    return page(call, "payment_method", lambda owner: customer is None or owner == customer, params)


def attach(call: Call) -> Answer:
    """POST /v1/payment_methods/{id}/attach."""
    params = shaped(call.params, {"customer": TEXT, "expand": LIST})
    customer = params.get("customer")
    if not customer:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    if call.work.find("customer", customer) is None:
        raise missing("customer", customer, "customer", 400)
    method = find(call, call.ids["id"], "id", 404)
    if method["customer"] not in {None, customer}:
        raise invalid("The payment method you provided has already been attached to a customer.", "payment_method")
    _refuse_used(call, method)
    card = CARDS.get(call.work.card_of(method["id"]) or "")
    if card is not None and not card.attaches and card.decline is not None:
        raise decline_error(card.decline)
    method["customer"] = customer
    text = call.work.keep("payment_method", method, **_facts(call, method))
    call.work.tell("payment_method.attached", text)
    return answered(call, text, params.get("expand"))


def detach(call: Call) -> Answer:
    """POST /v1/payment_methods/{id}/detach. It can never be used again."""
    expand = shaped(call.params, {"expand": LIST}).get("expand")
    method = call.work.get("payment_method", call.ids["id"])
    if method["customer"] is None:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise invalid(message, "payment_method")
    method["customer"] = None
    text = call.work.keep("payment_method", method, **_facts(call, method), detached=True)
    call.work.tell("payment_method.detached", text)
    return answered(call, text, expand)


def find(call: Call, value: str, param: str = "payment_method", status: int = 400) -> Json:
    """The method with this id; a test value gives a new one."""
    name = name_of(value) if value.startswith("pm_card_") else None
    if name is not None:
        method = _of_card(call, name, {})
        call.work.keep("payment_method", method, card=name)
        return method
    found = call.work.find("payment_method", value)
    if found is None:
        raise missing("PaymentMethod", value, param, status)
    return found


def usable(call: Call, method: Json, customer: str | None, intent_id: str) -> None:
    """Refuse a method that is somebody else's, or that has paid for another intent without belonging to anybody."""
    if method["customer"] is None:
        _refuse_used(call, method, intent_id)
    elif customer is None:
        message = (
            "The PaymentMethod provided belongs to a Customer. Please include the Customer in the `customer` parameter."
        )
        raise invalid(message, "payment_method")
    elif customer != method["customer"]:
        raise invalid(f"The provided PaymentMethod ({method['id']}) does not belong to the Customer.", "payment_method")


def of_bank_transfer(call: Call, params: Json) -> Json:
    """A method that stands for a customer's cash balance."""
    return {**_base(call, params), "type": "customer_balance", "customer_balance": {}}


def _refuse_used(call: Call, method: Json, intent_id: str | None = None) -> None:
    if call.store.used.get(method["id"], intent_id) != intent_id:
        message = (
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again."
        )
        raise invalid(message, "payment_method")


def _of_card(call: Call, name: str, params: Json) -> Json:
    return {**_base(call, params), "type": "card", "card": face(name)}


def _base(call: Call, params: Json) -> Json:
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": params.get("allow_redisplay", "unspecified"),
        "billing_details": {**_DETAILS, **(params.get("billing_details") or {})},
        "created": call.work.now,
        "customer": None,
        "livemode": False,
        "metadata": params.get("metadata", {}),
    }


def _facts(call: Call, method: Json) -> Json:
    card = call.work.card_of(method["id"])
    return {} if card is None else {"card": card}
