"""What a PaymentIntent may be asked: the parameters, and the rules between them."""

from typing import Final

from entrypoints.sandbox.stripe import bank_transfers, money
from entrypoints.sandbox.stripe.errors import Json, invalid, missing
from entrypoints.sandbox.stripe.forms import FLAG, FREE, LIST, METADATA, TEXT, WHOLE, Shape, shaped
from entrypoints.sandbox.stripe.store import Work

_CONFIRMING: Final[Shape] = {
    "payment_method": TEXT,
    "payment_method_data": {
        "type": ("customer_balance",),
        "customer_balance": FREE,
        "billing_details": FREE,
        "metadata": METADATA,
        "allow_redisplay": TEXT,
    },
    "payment_method_options": {"card": FREE, "customer_balance": bank_transfers.OPTIONS},
    "off_session": ("true", "false", "one_off", "recurring"),
    "error_on_requires_action": FLAG,
    "return_url": 5000,
    "use_stripe_sdk": FLAG,
    "receipt_email": TEXT,
    "setup_future_usage": ("on_session", "off_session"),
    "shipping": FREE,
    "capture_method": ("automatic", "automatic_async", "manual"),
    "expand": LIST,
}
_CREATE: Final[Shape] = {
    **_CONFIRMING,
    "amount": WHOLE,
    "currency": TEXT,
    "automatic_payment_methods": {"enabled": FLAG, "allow_redirects": ("always", "never")},
    "allowed_payment_method_types": LIST,
    "excluded_payment_method_types": LIST,
    "confirm": FLAG,
    "customer": TEXT,
    "description": 1000,
    "metadata": METADATA,
    "statement_descriptor": 22,
    "statement_descriptor_suffix": 22,
}
_ONLY_WITH_CONFIRM: Final = ("off_session", "error_on_requires_action", "return_url")
_REDIRECTS: Final = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these "
    "payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want "
    "to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
)


def to_create(work: Work, raw: Json) -> Json:
    """The parameters of a creation, or Stripe's refusal."""
    _refuse_types(raw)
    params = shaped(raw, _CREATE)
    for name in ("amount", "currency"):
        if name not in params:
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    money.check(params["amount"], params["currency"])
    if params.get("customer") and work.find("customer", params["customer"]) is None:
        raise missing("customer", params["customer"], "customer", 400)
    automatic = params.get("automatic_payment_methods")
    if automatic is not None and "enabled" not in automatic:
        name = "automatic_payment_methods[enabled]"
        raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    if automatic is not None and "allowed_payment_method_types" in params:
        message = (
            "You may only specify one of these parameters: automatic_payment_methods, allowed_payment_method_types."
        )
        raise invalid(message)
    if not params.get("confirm"):
        for name in _ONLY_WITH_CONFIRM:
            if name in params:
                raise invalid(f"The parameter {name} can only be used with confirm=true.", name)
    _confirmation(params)
    return params


def to_confirm(raw: Json) -> Json:
    """The parameters of a confirmation, or Stripe's refusal."""
    _refuse_types(raw)
    params = shaped(raw, _CONFIRMING)
    _confirmation(params)
    return params


def redirects(intent: Json, params: Json) -> None:
    """With redirects allowed, a confirmation needs somewhere to come back to."""
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["enabled"] and automatic["allow_redirects"] == "always" and not params.get("return_url"):
        raise invalid(_REDIRECTS, "return_url")


def _confirmation(params: Json) -> None:
    if "payment_method" in params and "payment_method_data" in params:
        raise invalid("You may only specify one of these parameters: payment_method, payment_method_data.")
    if "off_session" in params:
        params["off_session"] = params["off_session"] != "false"
    if params.get("off_session") and params.get("setup_future_usage"):
        raise invalid("The parameter setup_future_usage cannot be used with off_session=true.", "setup_future_usage")


def _refuse_types(raw: Json) -> None:
    if "payment_method_types" in raw:
        message = (
            "The parameter payment_method_types is no longer supported. Use automatic_payment_methods or "
            "allowed_payment_method_types instead."
        )
        raise invalid(message, "payment_method_types", "payment_method_types_no_longer_supported")
