"""What Stripe would refuse outright, told to the caller before anything happens."""

from collections.abc import Iterator, Mapping
from typing import Final

from adapters.stripe import amounts
from domain.errors import Fault, Invalid
from domain.payment import CaptureMethod, Payment
from domain.payment_method import MethodType

#: How the money comes in, by currency (docs.stripe.com/payments/bank-transfers).
FUNDING: Final[Mapping[str, str]] = {
    "EUR": "eu_bank_transfer",
    "GBP": "gb_bank_transfer",
    "JPY": "jp_bank_transfer",
    "MXN": "mx_bank_transfer",
    "USD": "us_bank_transfer",
}
#: Where Stripe opens the accounts that euros are sent to (API 2026-10-28.endive).
EURO_COUNTRIES: Final = ("DE", "FR", "IE", "NL")
#: docs.stripe.com/api/metadata and /api/payment_intents/create.
_LONGEST_METADATA: Final = 500
_LONGEST_DESCRIPTION: Final = 1000


def check(payment: Payment, largest: int) -> None:
    """
    Whether Stripe would take it. `largest`: the most in one payment, in Stripe's minor units.

    Raises:
        Invalid: it would not; names the fields as the request spells them.
    """
    found = [*amounts.faults(payment.money, largest), *_method(payment), *_texts(payment)]
    if found:
        raise Invalid(*found)


def _method(payment: Payment) -> Iterator[Fault]:
    if payment.method.type is not MethodType.BANK_TRANSFER:
        return
    currency, country = payment.money.currency, payment.method.country
    if currency not in FUNDING:
        yield Fault("currency", f"a bank transfer is in one of {', '.join(FUNDING)}")
    elif currency == "EUR" and country not in EURO_COUNTRIES:
        yield Fault("paymentMethod.country", f"a bank transfer in EUR needs one of {', '.join(EURO_COUNTRIES)}")
    elif currency != "EUR" and country is not None:
        yield Fault("paymentMethod.country", "belongs to bank transfers in EUR only")
    if payment.capture_method is CaptureMethod.MANUAL:
        yield Fault("capture_method", "a bank transfer cannot be captured by hand")


def _texts(payment: Payment) -> Iterator[Fault]:
    if len(payment.order_id) > _LONGEST_METADATA:
        yield Fault("order_id", f"must have at most {_LONGEST_METADATA} characters")
    if len(payment.description or "") > _LONGEST_DESCRIPTION:
        yield Fault("description", f"must have at most {_LONGEST_DESCRIPTION} characters")
