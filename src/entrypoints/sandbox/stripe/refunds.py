"""Refunds: money given back, at once or a moment later; and those that come back after all."""

import time
from typing import Final

from entrypoints.sandbox.stripe import money
from entrypoints.sandbox.stripe.answers import PAGING, answered, page
from entrypoints.sandbox.stripe.api import Answer, Call
from entrypoints.sandbox.stripe.cards import CARDS
from entrypoints.sandbox.stripe.charges import refunded
from entrypoints.sandbox.stripe.errors import Json, StripeError, encode, invalid, missing, wrong_state
from entrypoints.sandbox.stripe.forms import LIST, METADATA, TEXT, WHOLE, Shape, shaped
from entrypoints.sandbox.stripe.ids import new_id

#: Seconds until a refund that does not stay as it is turns.
A_MOMENT: Final = 1.0

_CREATE: Final[Shape] = {
    "payment_intent": TEXT,
    "charge": TEXT,
    "amount": WHOLE,
    "reason": ("duplicate", "fraudulent", "requested_by_customer"),
    "metadata": METADATA,
    "expand": LIST,
}
_LIST: Final[Shape] = {**PAGING, "payment_intent": TEXT, "charge": TEXT}
_NEITHER: Final = "One of the following params should be provided for this request: payment_intent or charge."


def create(call: Call) -> Answer:
    """POST /v1/refunds: what is not yet refunded, or a part of it."""
    params = shaped(call.params, _CREATE)
    refund = make(call, _charge(call, params), params)
    return answered(call, encode(refund), params.get("expand"))


def listing(call: Call) -> Answer:
    """GET /v1/refunds, perhaps of one intent or charge."""
    params = shaped(call.params, _LIST)
    wanted = [params["payment_intent"]] if "payment_intent" in params else []
    if "charge" in params:
        charge = call.work.find("charge", params["charge"])
        if charge is None:
            raise missing("charge", params["charge"], "charge", 400)
        wanted.append(charge["payment_intent"])
    return page(call, "refund", lambda intent: all(intent == one for one in wanted), params)


def make(call: Call, charge: Json, params: Json) -> Json:
    """
    Give back what of this charge can still be given back, or `amount` of it.

    A total that exceeds the charge is refused: the amounts of refunds that failed count no more.
    """
    left: int = charge["amount_captured"] - charge["amount_refunded"]
    amount: int = params.get("amount", left)
    if amount < 1 and "amount" in params:
        raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
    money.check_step(amount, charge["currency"])
    if not left:
        message = f"Charge {charge['id']} has already been refunded."
        raise StripeError(400, "invalid_request_error", message, stored=True, code="charge_already_refunded")
    if amount > left:
        spelled = [money.spelled(one, charge["currency"]) for one in (amount, left)]
        message = f"Refund amount ({spelled[0]}) is greater than unrefunded amount on charge ({spelled[1]})"
        raise StripeError(400, "invalid_request_error", message, stored=True, param="amount")
    card = CARDS.get(call.work.card_of(charge["payment_method"]) or "")
    refund = _new(call, charge, amount, params, "pending" if card is not None and card.refund_pends else "succeeded")
    turns = (
        {"turns_at": time.time() + A_MOMENT} if card is not None and (card.refund_pends or card.refund_fails) else {}
    )
    text = call.work.keep("refund", refund, **turns)
    call.work.tell("refund.created", text)
    call.work.tell("charge.refunded", refunded(call, charge, amount))
    if refund["status"] == "succeeded":
        _updated(call, text)
    return refund


def turn(call: Call) -> Answer:
    """What a test card's refund does by itself after a moment."""
    refund = call.work.get("refund", call.ids["id"])
    return settled(call, refund, succeeded=refund["status"] == "pending")


def settled(call: Call, refund: Json, *, succeeded: bool) -> Answer:
    """The bank's last word: a refund that succeeded may still fail, one that failed is over."""
    if refund["status"] == "failed" or (succeeded and refund["status"] == "succeeded"):
        raise invalid(f"This Refund has a status of {refund['status']}.")
    refund.pop("pending_reason", None)
    if succeeded:
        refund["status"] = "succeeded"
        text = call.work.keep("refund", refund)
        _updated(call, text)
        return Answer(200, text)
    refund.update(status="failed", failure_reason="expired_or_canceled_card", failure_balance_transaction=new_id("txn"))
    text = call.work.keep("refund", refund)
    refunded(call, call.work.get("charge", refund["charge"]), -refund["amount"])
    call.work.tell("refund.failed", text)
    call.work.tell("charge.refund.updated", text)
    return Answer(200, text)


def charge_of(call: Call, intent: Json) -> Json:
    """The money that was taken for this intent, which is what can be given back."""
    charge = call.work.find("charge", intent["latest_charge"] or "")
    if charge is None or not charge["captured"]:
        message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise wrong_state(message, intent)
    return charge


def _charge(call: Call, params: Json) -> Json:
    named = {name: params[name] for name in ("payment_intent", "charge") if params.get(name)}
    if not named:
        raise invalid(_NEITHER, "payment_intent", "parameter_missing")
    for kind, value in named.items():
        if call.work.find(kind, value) is None:
            raise missing(kind, value, kind, 400)
    intent_id = params.get("payment_intent") or call.work.get("charge", params["charge"])["payment_intent"]
    charge = charge_of(call, call.work.get("payment_intent", intent_id))
    if params.get("charge") not in {None, charge["id"]}:
        raise invalid(f"The charge {params['charge']} has not taken any money that could be refunded.", "charge")
    return charge


def _updated(call: Call, text: bytes) -> None:
    call.work.tell("refund.updated", text)
    call.work.tell("charge.refund.updated", text)


def _new(call: Call, charge: Json, amount: int, params: Json, status: str) -> Json:
    pending = {"pending_reason": "processing"} if status == "pending" else {}
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": new_id("txn"),
        "charge": charge["id"],
        "created": call.work.now,
        "currency": charge["currency"],
        "metadata": params.get("metadata", {}),
        "payment_intent": charge["payment_intent"],
        **pending,
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }
