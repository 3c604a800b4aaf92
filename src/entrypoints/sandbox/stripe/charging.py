"""What happens to an intent once it is confirmed: authenticate, charge, hold, decline; and what comes later."""

from typing import Final

from entrypoints.sandbox.stripe import bank_transfers
from entrypoints.sandbox.stripe.api import Answer, Call
from entrypoints.sandbox.stripe.cards import AUTHENTICATION_REQUIRED, CARDS, Card, Decline
from entrypoints.sandbox.stripe.charges import captured, new_charge
from entrypoints.sandbox.stripe.declines import decline_facts
from entrypoints.sandbox.stripe.errors import Json, encode
from entrypoints.sandbox.stripe.ids import new_id

_FAILED_AUTHENTICATION: Final = {
    "code": "payment_intent_authentication_failure",
    "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
    "message": "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
    "PaymentMethod to attempt to fulfill this PaymentIntent again.",
    "type": "invalid_request_error",
}


def confirm(call: Call, intent: Json, method: Json, params: Json) -> Answer:
    """Attempt the payment with this method. `params` are the ones of this confirmation."""
    intent["payment_method"] = method["id"]
    intent["last_payment_error"] = intent["next_action"] = None
    if method["type"] == "customer_balance":
        intent["next_action"] = bank_transfers.instructions(intent, _transfer_options(intent), call.base)
        return _moved(call, intent, "requires_action", "payment_intent.requires_action")
    card = CARDS[call.work.card_of(method["id"]) or "visa"]
    if card.authenticates:
        if params.get("off_session") or params.get("error_on_requires_action"):
            return _decline(call, intent, method, card, AUTHENTICATION_REQUIRED)
        intent["next_action"] = _authentication(intent, params, call.base)
        return _moved(call, intent, "requires_action", "payment_intent.requires_action")
    if card.processing:
        return _moved(call, intent, "processing", "payment_intent.processing")
    return _charge(call, intent, method, card, card.decline)


def authenticated(call: Call, intent: Json, *, succeeded: bool) -> Answer:
    """The customer came back from the bank."""
    method = call.work.get("payment_method", intent["payment_method"])
    card = CARDS[call.work.card_of(method["id"]) or "visa"]
    intent["next_action"] = None
    if succeeded:
        return _charge(call, intent, method, card, card.then_decline)
    return _failed(call, intent, method, {**_FAILED_AUTHENTICATION, "payment_method": method})


def settled(call: Call, intent: Json, *, succeeded: bool) -> Answer:
    """A charge that was processing is done."""
    method = call.work.get("payment_method", intent["payment_method"])
    card = CARDS[call.work.card_of(method["id"]) or "visa"]
    declined = None if succeeded else Decline("card_declined", "generic_decline", "Your card was declined.")
    return _charge(call, intent, method, card, declined)


def funded(call: Call, intent: Json, amount: int) -> Answer:
    """Money came in by bank transfer; what exceeds the intent stays with the customer and is not shown."""
    instructions = intent["next_action"]["display_bank_transfer_instructions"]
    if amount < instructions["amount_remaining"]:
        instructions["amount_remaining"] -= amount
        text = call.work.keep("payment_intent", intent)
        call.work.tell("payment_intent.partially_funded", text)
        return Answer(200, text)
    intent["next_action"] = None
    return _taken(call, intent, call.work.get("payment_method", intent["payment_method"]), None)


def _charge(call: Call, intent: Json, method: Json, card: Card, decline: Decline | None) -> Answer:
    if decline is not None:
        return _decline(call, intent, method, card, decline)
    if intent["capture_method"] != "manual":
        return _taken(call, intent, method, card)
    charge = new_charge(call, intent, method, card)
    intent["latest_charge"] = charge["id"]
    intent["amount_capturable"] = intent["amount"]
    call.work.tell("charge.succeeded", call.work.keep("charge_attempt", charge))
    return _moved(call, intent, "requires_capture", "payment_intent.amount_capturable_updated")


def _taken(call: Call, intent: Json, method: Json, card: Card | None) -> Answer:
    charge = new_charge(call, intent, method, card)
    intent["latest_charge"] = charge["id"]
    intent["amount_received"] = intent["amount"]
    call.work.tell("charge.succeeded", captured(call, charge, intent["amount"]))
    return _moved(call, intent, "succeeded", "payment_intent.succeeded")


def _decline(call: Call, intent: Json, method: Json, card: Card, decline: Decline) -> Answer:
    charge = new_charge(call, intent, method, card, decline)
    intent["latest_charge"] = charge["id"]
    call.work.tell("charge.failed", call.work.keep("charge_attempt", charge))
    return _failed(call, intent, method, decline_facts(decline, charge["id"], method))


def _failed(call: Call, intent: Json, method: Json, error: Json) -> Answer:
    intent.update(status="requires_payment_method", payment_method=None, last_payment_error=error)
    text = call.work.keep("payment_intent", intent, used=_used(method))
    call.work.tell("payment_intent.payment_failed", text)
    return Answer(402, encode({"error": {**error, "payment_intent": intent}}))


def _moved(call: Call, intent: Json, status: str, event: str) -> Answer:
    intent["status"] = status
    method = call.work.get("payment_method", intent["payment_method"])
    text = call.work.keep("payment_intent", intent, used=_used(method))
    call.work.tell(event, text)
    return Answer(200, text)


def _used(method: Json) -> str | None:
    return method["id"] if method["customer"] is None else None


def _transfer_options(intent: Json) -> Json:
    options: Json = intent["payment_method_options"]["customer_balance"]
    return options


def _authentication(intent: Json, params: Json, base: str) -> Json:
    page = f"{base}/_authenticate/{intent['id']}"
    if params.get("return_url"):
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": params["return_url"], "url": page}}
    sdk = {"source": new_id("src"), "stripe_js": page, "type": "three_d_secure_redirect"}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
