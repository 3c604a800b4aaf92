"""Tokens: Stripe's well-known ones, good for ever, and minted ones, good for one payment method."""

from typing import Final

from entrypoints.sandbox.stripe.api import Answer, Call
from entrypoints.sandbox.stripe.cards import CARDS, face, name_of
from entrypoints.sandbox.stripe.errors import Json, StripeError, invalid, missing
from entrypoints.sandbox.stripe.forms import TEXT, Shape, shaped
from entrypoints.sandbox.stripe.ids import new_id

_CREATE: Final[Shape] = {"card": {"brand": TEXT}, "test_token": TEXT}


def refuse_numbers(params: Json) -> None:
    """Nobody sends card numbers here, not even test ones."""
    card = params.get("card")
    if isinstance(card, dict) and "number" in card:
        message = (
            "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use test "
            "tokens that map to the test card you are using, see https://stripe.com/docs/testing."
        )
        raise StripeError(402, "invalid_request_error", message)


def create(call: Call) -> Answer:
    """POST /v1/tokens: `card[brand]=visa`, or `test_token=tok_…` for any row of the table. Single use."""
    refuse_numbers(call.params)
    params = shaped(call.params, _CREATE)
    brand = params.get("card", {}).get("brand")
    name = name_of(params.get("test_token", f"tok_{brand}"))
    if name is None:
        raise invalid("You must supply a card brand or a test_token that is known.", "card")
    card = {"id": new_id("card"), "object": "card", **face(name)}
    token = {
        "id": new_id("tok"),
        "object": "token",
        "card": card,
        "client_ip": None,
        "created": call.work.now,
        "livemode": False,
        "type": "card",
        "used": False,
    }
    return Answer(200, call.work.keep("token", token, card=name))


def spend(call: Call, token_id: str) -> str:
    """The card behind a token. A minted one cannot be spent again."""
    name = name_of(token_id)
    if name is not None:
        return name
    token = call.work.find("token", token_id)
    if token is None or call.store.cards.get(token_id) not in CARDS:
        raise missing("token", token_id, "card[token]", 400)
    if token["used"]:
        message = f"You cannot use a Stripe token more than once: {token_id}."
        raise invalid(message, "card[token]", "token_already_used")
    name = call.store.cards[token_id]
    call.work.keep("token", {**token, "used": True}, card=name)
    return name
