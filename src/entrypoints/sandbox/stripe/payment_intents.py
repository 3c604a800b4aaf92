"""Payment intents: create, confirm, capture, cancel."""

from typing import Final

from entrypoints.sandbox.stripe import bank_transfers, intent_rules, payment_methods
from entrypoints.sandbox.stripe.answers import answered
from entrypoints.sandbox.stripe.api import Answer, Call
from entrypoints.sandbox.stripe.charges import captured
from entrypoints.sandbox.stripe.charging import confirm as attempt
from entrypoints.sandbox.stripe.errors import Json, encode, invalid, wrong_state
from entrypoints.sandbox.stripe.forms import LIST, METADATA, WHOLE, Shape, shaped
from entrypoints.sandbox.stripe.ids import new_id, new_secret

_CONFIRMABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE: Final = (*_CONFIRMABLE, "requires_capture")
_CAPTURE: Final[Shape] = {"amount_to_capture": WHOLE, "metadata": METADATA, "expand": LIST}
_CANCEL: Final[Shape] = {
    "cancellation_reason": ("duplicate", "fraudulent", "requested_by_customer", "abandoned"),
    "expand": LIST,
}


def create(call: Call) -> Answer:
    """POST /v1/payment_intents, with confirm=true also the first attempt."""
    params = intent_rules.to_create(call.work, call.params)
    intent = _new(call, params)
    method = _method(call, intent, params)
    if method is not None:
        intent["payment_method"] = method["id"]
        intent["status"] = "requires_confirmation"
    if not params.get("confirm"):
        text = call.work.keep("payment_intent", intent)
        call.work.tell("payment_intent.created", text)
        return answered(call, text, params.get("expand"))
    intent_rules.redirects(intent, params)
    if method is None:
        raise invalid("You cannot confirm this PaymentIntent because it's missing a payment method.", "payment_method")
    call.work.tell("payment_intent.created", encode(intent))
    return _expanded(call, attempt(call, intent, method, params), params)


def confirm(call: Call) -> Answer:
    """POST /v1/payment_intents/{id}/confirm."""
    params = intent_rules.to_confirm(call.params)
    intent = call.work.get("payment_intent", call.ids["id"])
    _refuse(intent, "confirm", "confirmed", _CONFIRMABLE)
    intent["capture_method"] = params.get("capture_method", intent["capture_method"])
    intent["payment_method_options"].update(params.get("payment_method_options", {}))
    method = _method(call, intent, params)
    if method is None and intent["payment_method"] is not None:
        method = payment_methods.find(call, intent["payment_method"])
        payment_methods.usable(call, method, intent["customer"], intent["id"])
    intent_rules.redirects(intent, params)
    if method is None:
        raise wrong_state("You cannot confirm this PaymentIntent because it's missing a payment method.", intent)
    return _expanded(call, attempt(call, intent, method, params), params)


def capture(call: Call) -> Answer:
    """POST /v1/payment_intents/{id}/capture: once; what is not captured is released."""
    params = shaped(call.params, _CAPTURE)
    intent = call.work.get("payment_intent", call.ids["id"])
    _refuse(intent, "capture", "captured", ("requires_capture",))
    held: int = intent["amount_capturable"]
    amount: int = params.get("amount_to_capture", held)
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.", "amount_to_capture", "parameter_invalid_integer"
        )
    if amount > held:
        message = f"The amount_to_capture must not exceed the amount capturable ({held})."
        raise invalid(message, "amount_to_capture", "amount_too_large")
    intent["metadata"].update(params.get("metadata", {}))
    charge = call.work.get("charge", intent["latest_charge"])
    call.work.tell("charge.captured", captured(call, charge, amount))
    intent.update(status="succeeded", amount_capturable=0, amount_received=amount)
    text = call.work.keep("payment_intent", intent)
    call.work.tell("payment_intent.succeeded", text)
    return answered(call, text, params.get("expand"))


def cancel(call: Call) -> Answer:
    """POST /v1/payment_intents/{id}/cancel: what was held is released; there is no refund."""
    params = shaped(call.params, _CANCEL)
    intent = call.work.get("payment_intent", call.ids["id"])
    _refuse(intent, "cancel", "canceled", _CANCELABLE)
    return answered(call, _canceled(call, intent, params.get("cancellation_reason")), params.get("expand"))


def expire(call: Call) -> Answer:
    """What Stripe does with a hold that nobody captured in time."""
    intent = call.work.get("payment_intent", call.ids["id"])
    _refuse(intent, "expire", "expired", ("requires_capture",))
    charge = call.work.get("charge", intent["latest_charge"])
    text = _canceled(call, intent, "automatic")
    call.work.tell("charge.expired", encode(charge))
    return Answer(200, text)


def _canceled(call: Call, intent: Json, reason: str | None) -> bytes:
    intent.update(
        status="canceled",
        amount_capturable=0,
        canceled_at=call.work.now,
        cancellation_reason=reason,
        next_action=None,
    )
    text = call.work.keep("payment_intent", intent)
    call.work.tell("payment_intent.canceled", text)
    return text


def _refuse(intent: Json, verb: str, participle: str, allowed: tuple[str, ...]) -> None:
    if intent["status"] not in allowed:
        message = (
            f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            f"with one of the following statuses may be {participle}: {', '.join(allowed)}."
        )
        raise wrong_state(message, intent)


def _expanded(call: Call, answer: Answer, params: Json) -> Answer:
    return answered(call, answer.body, params.get("expand")) if answer.status == 200 else answer  # noqa: PLR2004


def _method(call: Call, intent: Json, params: Json) -> Json | None:
    """The payment method these parameters bring along."""
    if "payment_method" in params:
        method = payment_methods.find(call, params["payment_method"])
        payment_methods.usable(call, method, intent["customer"], intent["id"])
    elif "payment_method_data" in params:
        method = payment_methods.of_bank_transfer(call, params["payment_method_data"])
        call.work.keep("payment_method", method)
    else:
        return None
    if method["type"] == "customer_balance":
        options = intent["payment_method_options"].get("customer_balance", {})
        bank_transfers.check(options, intent["currency"], intent["customer"], intent["capture_method"])
    return method


def _new(call: Call, params: Json) -> Json:
    intent_id = new_id("pi")
    allowed = params.get("allowed_payment_method_types")
    automatic = {"allow_redirects": "always", "enabled": True, **params.get("automatic_payment_methods", {})}
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None if allowed else automatic,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": f"{intent_id}_secret_{new_secret()}",
        "confirmation_method": "automatic",
        "created": call.work.now,
        "currency": params["currency"],
        "customer": params.get("customer") or None,
        "description": params.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": params.get("metadata", {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": params.get("payment_method_options", {}),
        "payment_method_types": allowed or ["card", *(["customer_balance"] if params.get("customer") else [])],
        "processing": None,
        "receipt_email": params.get("receipt_email"),
        "review": None,
        "setup_future_usage": params.get("setup_future_usage"),
        "shipping": params.get("shipping") or None,
        "statement_descriptor": params.get("statement_descriptor"),
        "statement_descriptor_suffix": params.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
