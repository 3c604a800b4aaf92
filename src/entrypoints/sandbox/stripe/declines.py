"""How a failed charge is told."""

from entrypoints.sandbox.stripe.cards import Decline
from entrypoints.sandbox.stripe.errors import Json, StripeError


def decline_facts(decline: Decline, charge: str | None = None, method: Json | None = None) -> Json:
    """The error as it stands in `last_payment_error`, and with the intent added in a 402."""
    facts: Json = {
        "code": decline.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "type": "card_error",
    }
    if charge is not None:
        facts["charge"] = charge
    if decline.decline_code is not None:
        facts["decline_code"] = decline.decline_code
    if decline.code == "incorrect_cvc":
        facts["param"] = "cvc"
    if method is not None:
        facts["payment_method"] = method
    return facts


def decline_error(decline: Decline) -> StripeError:
    """A 402 outside any intent: attaching a card that is refused. The endpoint had begun, so it is stored."""
    facts = decline_facts(decline)
    del facts["message"], facts["type"]
    return StripeError(402, "card_error", decline.message, stored=True, **facts)
