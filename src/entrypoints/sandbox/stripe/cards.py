"""Stripe's test values as a table: what each card looks like and what happens when it is charged."""

from dataclasses import dataclass
from typing import Final

_EXPIRY: Final = (12, 2034)


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a charge fails: `code`, and for card_declined the bank's `decline_code`."""

    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Card:
    """One test card. `decline` comes at once, `then_decline` after the customer has authenticated."""

    brand: str
    last4: str
    decline: Decline | None = None
    authenticates: bool = False
    then_decline: Decline | None = None
    attaches: bool = True
    wallet: str | None = None
    processing: bool = False
    risk: str = "normal"
    funding: str = "credit"
    refund_pends: bool = False
    refund_fails: bool = False


def _declined(decline_code: str, message: str = "Your card was declined.") -> Decline:
    return Decline("card_declined", decline_code, message)


GENERIC: Final = _declined("generic_decline")
FUNDS: Final = _declined("insufficient_funds", "Your card has insufficient funds.")
EXPIRED: Final = Decline("expired_card", None, "Your card has expired.")
CVC: Final = Decline("incorrect_cvc", None, "Your card's security code is incorrect.")
PROCESSING: Final = Decline(
    "processing_error", None, "An error occurred while processing your card. Try again in a little bit."
)
VELOCITY: Final = _declined(
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
)
AUTHENTICATION_REQUIRED: Final = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)

#: By the name in `tok_<name>` and `pm_card_<name>`; `visa_` before another name is left out.
CARDS: Final[dict[str, Card]] = {
    "visa": Card("visa", "4242"),
    "visa_debit": Card("visa", "5556", funding="debit"),
    "mastercard": Card("mastercard", "4444"),
    "mastercard_debit": Card("mastercard", "3222", funding="debit"),
    "mastercard_prepaid": Card("mastercard", "5100", funding="prepaid"),
    "amex": Card("amex", "0005"),
    "discover": Card("discover", "1117"),
    "diners": Card("diners", "0004"),
    "jcb": Card("jcb", "0505"),
    "unionpay": Card("unionpay", "0005"),
    "applePay": Card("visa", "4242", wallet="apple_pay"),
    "googlePay": Card("visa", "4242", wallet="google_pay"),
    "chargeDeclined": Card("visa", "0002", GENERIC, attaches=False),
    "chargeDeclinedInsufficientFunds": Card("visa", "9995", FUNDS, attaches=False),
    "chargeDeclinedLostCard": Card("visa", "9987", _declined("lost_card"), attaches=False),
    "chargeDeclinedStolenCard": Card("visa", "9979", _declined("stolen_card"), attaches=False),
    "chargeDeclinedVelocityLimitExceeded": Card("visa", "6975", VELOCITY, attaches=False),
    "chargeDeclinedFraudulent": Card("visa", "0019", _declined("fraudulent"), attaches=False),
    "chargeDeclinedExpiredCard": Card("visa", "0069", EXPIRED, attaches=False),
    "chargeDeclinedIncorrectCvc": Card("visa", "0127", CVC, attaches=False),
    "chargeDeclinedProcessingError": Card("visa", "0119", PROCESSING, attaches=False),
    "chargeCustomerFail": Card("visa", "0341", GENERIC),
    "threeDSecureRequired": Card("visa", "3063", authenticates=True),
    "threeDSecure2Required": Card("visa", "3220", authenticates=True),
    "threeDSecureRequiredChargeDeclined": Card("visa", "1629", authenticates=True, then_decline=GENERIC),
    "authenticationRequired": Card("visa", "3184", authenticates=True),
    "authenticationRequiredOnSetup": Card("visa", "3155", authenticates=True),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        "visa", "3178", authenticates=True, then_decline=FUNDS
    ),
    "pendingRefund": Card("visa", "7726", refund_pends=True),
    "refundFail": Card("visa", "5126", refund_fails=True),
    "createDispute": Card("visa", "0259"),
    "createDisputeProductNotReceived": Card("visa", "2685"),
    "createDisputeInquiry": Card("visa", "1976"),
    "createIssuerFraudRecord": Card("visa", "5423"),
    "radarBlock": Card("visa", "0019", _declined("fraudulent"), risk="highest"),
    "riskLevelHighest": Card("visa", "4916", risk="highest"),
    "riskLevelElevated": Card("visa", "9235", risk="elevated"),
    "bypassPending": Card("visa", "0077"),
    # Not Stripe's: a charge that stays `processing` until POST /_settle/{payment_intent} says how it went.
    "processing": Card("visa", "4242", processing=True),
}


def name_of(value: str) -> str | None:
    """The row that `tok_visa`, `pm_card_visa` or `pm_card_visa_chargeDeclined` means, or nothing."""
    for prefix in ("pm_card_", "tok_"):
        if value.startswith(prefix):
            name = value.removeprefix(prefix)
            return name if name in CARDS else _without_brand(name)
    return None


def _without_brand(name: str) -> str | None:
    rest = name.removeprefix("visa_")
    return rest if rest in CARDS else None


def face(name: str) -> dict[str, object]:
    """What Stripe shows of a card: never its number."""
    card = CARDS[name]
    month, year = _EXPIRY
    wallet: dict[str, object] | None = (
        None if card.wallet is None else {card.wallet: {}, "dynamic_last4": None, "type": card.wallet}
    )
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": card.brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": f"sandbox{card.brand}{card.last4}",
        "funding": card.funding,
        "last4": card.last4,
        "three_d_secure_usage": {"supported": True},
        "wallet": wallet,
    }
