"""Money as Stripe counts it: mostly ISO 4217's minor units, with exceptions, and bounds by currency."""

from collections.abc import Iterator, Mapping
from typing import Final

from application.ports.webhooks import Unreadable
from domain.currencies import EXPONENTS
from domain.errors import Fault, Invalid
from domain.money import Money
from domain.payment_type import Limits

#: Decimals at Stripe where they differ from ISO 4217's (docs.stripe.com/currencies, "Special cases" and
#: "Zero-decimal currencies"): two that have none are sent with two, one that has two is sent without.
_DECIMALS: Final[Mapping[str, int]] = {"ISK": 2, "UGX": 2, "MGA": 0}

#: The smallest charge in minor units. Stripe compares after conversion to the account's own currency, so this refuses
#: only what it says outright; currencies without a row (KES) have no minimum of their own.
_SMALLEST: Final[Mapping[str, int]] = {
    code: least
    for least, codes in {
        30: "GBP",
        50: "USD AUD ARS BRL CAD CHF COP EUR IDR ILS INR JPY KRW NZD PHP RUB SGD ZAR",
        200: "AED MYR PLN RON",
        250: "DKK",
        300: "NOK SEK",
        400: "HKD",
        1000: "MXN THB",
        1500: "CZK",
        17500: "HUF",
    }.items()
    for code in codes.split()
}

_THREE_DECIMALS: Final = 3


def to_wire(money: Money) -> int:
    """
    The amount as Stripe wants it.

    Raises:
        Invalid: Stripe has fewer decimals for this currency than this amount needs.
    """
    amount, rest = _shift(money.amount, _decimals(money.currency) - money.exponent)
    if rest:
        raise Invalid(Fault("amount", f"must be whole units: Stripe has no fractions of {money.currency}"))
    return amount


def from_wire(amount: int, currency: str) -> Money:
    """
    Stripe's `amount` of its lower-case `currency` as ours.

    Raises:
        Unreadable: no such currency, or a fraction where the currency has none.
    """
    code = currency.upper()
    if code not in EXPONENTS:
        raise Unreadable("names a currency that is not in ISO 4217")
    ours, rest = _shift(amount, EXPONENTS[code] - _decimals(code))
    if rest:
        raise Unreadable(f"states a fraction of {code}, which has none")
    return Money(ours, code)


def unspeakable(money: Money) -> list[Fault]:
    """Why Stripe has no way of saying this amount; nothing where it has."""
    try:
        amount = to_wire(money)
    except Invalid as invalid:
        return list(invalid.faults)
    if _decimals(money.currency) == _THREE_DECIMALS and amount % 10:
        return [Fault("amount", f"the last of the three decimals of {money.currency} must be 0")]
    return []


def faults(money: Money, largest: int) -> Iterator[Fault]:
    """What Stripe would not like about this amount of a payment; `largest` in its minor units."""
    if unsaid := unspeakable(money):
        yield from unsaid
        return
    amount = to_wire(money)
    least = _SMALLEST.get(money.currency, 1)
    if amount < least:
        yield Fault("amount", f"must be at least {from_wire(least, money.currency)}")
    if amount > largest:
        yield Fault("amount", "is more than the gateway takes in one payment")


def limits(code: str, largest: int) -> Limits:
    """What `faults` lets pass in this currency; `largest` in Stripe's minor units."""
    step = 10 if _decimals(code) == _THREE_DECIMALS else 1
    least = -(-_SMALLEST.get(code, 1) // step) * step
    most = largest // step * step
    places = EXPONENTS[code] - _decimals(code)
    if places >= 0:
        return Limits(least * 10**places, most * 10**places, step * 10**places)
    return Limits(-(-least // 10**-places), most // 10**-places)


def _decimals(code: str) -> int:
    return _DECIMALS.get(code, EXPONENTS[code])


def _shift(amount: int, places: int) -> tuple[int, int]:
    """`amount` with its decimal point moved, and what does not fit."""
    return (amount * 10**places, 0) if places >= 0 else divmod(amount, 10**-places)
