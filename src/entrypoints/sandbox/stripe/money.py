"""Currencies: which are known, the smallest and largest amounts, and the decimals that must be zero."""

from typing import Final

from entrypoints.sandbox.stripe.errors import StripeError, invalid

_CODES: Final = """
aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp
cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd hnl hrk htg huf idr
ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mro mur
mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek
sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xof xpf yer
zar zmw
"""
KNOWN: Final = frozenset(_CODES.split())

_ZERO_DECIMAL: Final = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
_THREE_DECIMAL: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
_TWO_THAT_ARE_ZERO: Final = frozenset({"ugx", "isk"})

#: The smallest amount in minor units, and who has it. A currency without one of its own (KES) is converted by Stripe;
#: here it may be anything.
_MINIMA: Final = {
    30: "gbp",
    50: "usd aud ars brl cad chf cop eur idr ils inr jpy krw nzd php rub sgd zar",
    100: "bgn",
    200: "aed myr pln ron",
    250: "dkk",
    300: "nok sek",
    400: "hkd",
    1000: "mxn thb",
    1500: "czk",
    17500: "huf",
}
_MINIMUM: Final = {currency: amount for amount, currencies in _MINIMA.items() for currency in currencies.split()}
_MAXIMUM: Final = 99_999_999


def check(amount: int, currency: str) -> None:
    """Refuse what Stripe would not charge."""
    if currency not in KNOWN:
        raise invalid(f"Invalid currency: {currency}. Stripe currently supports these currencies: …", "currency")
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
    if amount < _MINIMUM.get(currency, 1):
        raise _bound("amount_too_small", f"Amount must be at least {spelled(_MINIMUM[currency], currency)}")
    if amount > _MAXIMUM:
        raise _bound("amount_too_large", f"Amount must be no more than {spelled(_MAXIMUM, currency)}")
    check_step(amount, currency)


def check_step(amount: int, currency: str) -> None:
    """Refuse decimals that the currency does not have."""
    step = 10 if currency in _THREE_DECIMAL else 100 if currency in _TWO_THAT_ARE_ZERO else 1
    if amount % step:
        raise invalid(f"Invalid amount: in {currency} it must be divisible by {step}.", "amount")


def _bound(code: str, message: str) -> StripeError:
    return invalid(message, "amount", code)


def spelled(amount: int, currency: str) -> str:
    """For messages: `25.00 usd`."""
    decimals = 0 if currency in _ZERO_DECIMAL else 3 if currency in _THREE_DECIMAL else 2
    whole, rest = divmod(amount, 10**decimals)
    return f"{whole:,}.{rest:0{decimals}} {currency}" if decimals else f"{whole:,} {currency}"
