"""Charges: attempts to take money, and the money taken, less what was given back."""

from typing import Final

from entrypoints.sandbox.stripe.api import Call
from entrypoints.sandbox.stripe.cards import AUTHENTICATION_REQUIRED, Card, Decline
from entrypoints.sandbox.stripe.errors import Json
from entrypoints.sandbox.stripe.ids import new_id

_AUTHENTICATED: Final = {"authentication_flow": "challenge", "result": "authenticated", "version": "2.2.0"}
_RISK_SCORE: Final = {"normal": 20, "elevated": 70, "highest": 90}
_CARD_SHOWS: Final = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")


def new_charge(call: Call, intent: Json, method: Json, card: Card | None, decline: Decline | None = None) -> Json:
    """An attempt: authorised, or failed as the decline says. Not money until it is captured."""
    return {
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "captured": False,
        "created": call.work.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": None if decline is None else decline.code,
        "failure_message": None if decline is None else decline.message,
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": _outcome(card, decline),
        "paid": decline is None,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(method, card, decline),
        "refunded": False,
        "status": "succeeded" if decline is None else "failed",
    }


def captured(call: Call, charge: Json, amount: int) -> bytes:
    """The money is taken: from here on it stands in the ledger as `charge`."""
    charge.update(captured=True, amount_captured=amount, balance_transaction=new_id("txn"))
    facts = {name: charge[name] for name in ("payment_intent", "currency", "metadata")}
    return call.work.keep("charge", charge, **facts, amount=amount)


def refunded(call: Call, charge: Json, amount: int) -> bytes:
    """So much more of the charge is given back; less than nothing where a refund failed."""
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    return call.work.keep("charge_refunded", charge)


def taken(charge: Json) -> Json:
    """What `GET /_ledger` says of a captured charge."""
    shown = {
        name: charge[name] for name in ("id", "payment_intent", "currency", "metadata", "created", "amount_refunded")
    }
    return {**shown, "amount": charge["amount_captured"]}


def _outcome(card: Card | None, decline: Decline | None) -> Json:
    risk = "normal" if card is None else card.risk
    blocked = decline is not None and risk == "highest"
    return {
        "network_status": "approved_by_network" if decline is None else "declined_by_network",
        "reason": None if decline is None else decline.decline_code or decline.code,
        "risk_level": risk,
        "risk_score": _RISK_SCORE[risk],
        "seller_message": "Payment complete." if decline is None else "The bank did not allow this payment.",
        "type": "authorized" if decline is None else "blocked" if blocked else "issuer_declined",
    }


def _details(method: Json, card: Card | None, decline: Decline | None) -> Json:
    if method["type"] != "card":
        return {"customer_balance": {}, "type": "customer_balance"}
    shown = {name: method["card"][name] for name in _CARD_SHOWS}
    authenticated = card is not None and card.authenticates and decline is not AUTHENTICATION_REQUIRED
    return {
        "card": {**shown, "network": shown["brand"], "three_d_secure": _AUTHENTICATED if authenticated else None},
        "type": "card",
    }
