"""Values out of Daraja's lists of names and values: exact, or not at all."""

import decimal
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from application.ports.webhooks import Unreadable
from domain.money import Money

#: 18 digits fit the ledger; whatever would be rounded is refused.
_EXACT: Final = decimal.Context(prec=18, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow])
_CENT: Final = Decimal("0.01")

_Receipt = Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{1,32}\Z")]
_Word = Annotated[str, Meta(pattern=r"^[A-Za-z ]{1,32}\Z")]


def amount(values: Iterable[bytes]) -> Money | None:
    """
    Shillings as Daraja writes them (`1.00`, `300`, `"300"`), to the cent; None where there is no value.

    Raises:
        Unreadable: it is no amount of money, or it says two things.
    """
    shillings = _the_only(values, Decimal)
    if shillings is None:
        return None
    try:
        cents = int(_EXACT.scaleb(_EXACT.quantize(shillings, _CENT), 2))
    except (ArithmeticError, ValueError) as wrong:
        raise Unreadable from wrong
    if cents < 0:
        raise Unreadable
    return Money(cents, "KES")


def receipt(values: Iterable[bytes]) -> str | None:
    """M-Pesa's receipt, such as `NLJ7RT61SV`; None where there is no value. Raises Unreadable."""
    return _the_only(values, _Receipt)


def word(values: Iterable[bytes]) -> str | None:
    """One of Daraja's own words, such as `Completed`; None where there is no value. Raises Unreadable."""
    return _the_only(values, _Word)


def _the_only(values: Iterable[bytes], kind: type) -> object:
    try:
        found = {msgspec.json.decode(each, type=kind) for each in values}
    except (ValueError, RecursionError) as wrong:
        raise Unreadable from wrong
    if len(found) > 1:
        raise Unreadable
    return next(iter(found), None)
