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

_RECEIPT: Final = msgspec.json.Decoder(Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{1,32}\Z")])
_NAME: Final = msgspec.json.Decoder(Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}\Z")])
_WORD: Final = msgspec.json.Decoder(Annotated[str, Meta(pattern=r"^[A-Za-z /_-]{1,32}\Z")])


def amount(values: Iterable[bytes]) -> Money | None:
    """
    Shillings as Daraja writes them (`1.00`, `300`, `"300"`), to the cent; None where there is no value.

    Raises:
        Unreadable: it is no amount of money, or two are told.
    """
    told = _the_only(values)
    if told is None:
        return None
    try:
        shillings = msgspec.json.decode(told, type=Decimal)
        cents = int(_EXACT.scaleb(_EXACT.quantize(shillings, _CENT), 2))
    except (ArithmeticError, ValueError) as wrong:
        raise Unreadable from wrong
    if cents < 0:
        raise Unreadable
    return Money(cents, "KES")


def receipt(values: Iterable[bytes]) -> str | None:
    """M-Pesa's receipt, such as `NLJ7RT61SV`; None where there is no value. Raises Unreadable."""
    return _text(values, _RECEIPT)


def name(values: Iterable[bytes]) -> str | None:
    """A name that requests go by, such as `3211-416020-3`; None where there is no value. Raises Unreadable."""
    return _text(values, _NAME)


def word(values: Iterable[bytes]) -> str | None:
    """One of Daraja's own words, such as `Completed`; None where there is no value. Raises Unreadable."""
    return _text(values, _WORD)


def _text(values: Iterable[bytes], decoder: msgspec.json.Decoder[str]) -> str | None:
    told = _the_only(values)
    try:
        return None if told is None else decoder.decode(told)
    except ValueError as wrong:
        raise Unreadable from wrong


def _the_only(values: Iterable[bytes]) -> bytes | None:
    found = set(values)
    if len(found) > 1:
        raise Unreadable
    return next(iter(found), None)
