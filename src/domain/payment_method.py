"""How the customer pays. A card or wallet is a token of the gateway's; a card number never comes near."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self
from unicodedata import category, decimal, normalize

from domain.errors import Fault, Invalid


class MethodType(StrEnum):
    CARD = "CARD"
    WALLET = "WALLET"
    BANK_TRANSFER = "BANK_TRANSFER"
    MPESA = "MPESA"


class GatewayName(StrEnum):
    STRIPE = "stripe"
    MPESA = "mpesa"


_TOKEN: Final = re.compile(r"(tok|pm)_[A-Za-z0-9_]{1,120}", re.ASCII)
#: As people write it: with a blank or a dash between groups of digits.
_PHONE: Final = re.compile(r"(?:\+?2[ -]?5[ -]?4[ -]?|0[ -]?)?([17](?:[ -]?[0-9]){8})", re.ASCII)
_PHONE_IN_TEXT: Final = re.compile(r"(?<![0-9A-Za-z])(?:254|0)[17][0-9]{8}(?![0-9A-Za-z])", re.ASCII)
#: How card numbers begin, and how many digits they have; 17 and 18 are left to other people's numbers.
_CARD_BEGINS: Final = frozenset("23456")
_CARD_LENGTHS: Final = frozenset({14, 15, 16, 19})
#: Digits that touch a letter are part of a word: a hash, a name, an id.
_DIGITS: Final = re.compile(r"(?<![A-Za-z0-9])[0-9]+(?:[ -][0-9]+)*(?![A-Za-z0-9])", re.ASCII)
#: Dots stand in prices and coordinates, too: between digits they count only where cards have their gaps.
_DOTTED: Final = re.compile(
    r"(?<![0-9.])[0-9]{4}\.(?:[0-9]{4}\.[0-9]{4}\.[0-9]{4}|[0-9]{6}\.[0-9]{4,5})(?!\.?[0-9])", re.ASCII
)
#: The magnetic stripe: a number between its sentinels.
_STRIPE: Final = re.compile(r"%?B([0-9]{12,19})\^|;([0-9]{12,19})=", re.ASCII)
_GROUP: Final = re.compile(r"[0-9]+", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """
    A card or wallet (`token`), a bank transfer (`country` for EUR) or a phone (`phone`, 2547XXXXXXXX).

    `brand` and `last4` are for people to recognise a card by. `customer`: whose the token is at the gateway, where it
    was saved there.
    """

    type: MethodType
    token: str | None = None
    brand: str | None = None
    last4: str | None = None
    phone: str | None = None
    country: str | None = None
    customer: str | None = None

    @property
    def gateway(self) -> GatewayName:
        return GatewayName.MPESA if self.type is MethodType.MPESA else GatewayName.STRIPE

    def checked(self) -> Self:
        """
        The same method in its one spelling.

        Raises:
            Invalid: a part is missing, does not belong to this type, or looks like a card number.
        """
        if self.type in {MethodType.CARD, MethodType.WALLET}:
            self._only("token", "brand", "last4")
            if self.token is None or not _TOKEN.fullmatch(self.token):
                raise Invalid(Fault("paymentMethod.token", "must be a token of the gateway's: tok_… or pm_…"))
            return self
        if self.type is MethodType.BANK_TRANSFER:
            self._only("country")
            return self
        self._only("phone")
        return replace(self, phone=msisdn(self.phone))

    def _only(self, *allowed: str) -> None:
        spelling = {"phone": "phoneNumber"}
        faults = [
            Fault(f"paymentMethod.{spelling.get(name, name)}", f"does not belong to a {self.type} payment")
            for name in ("token", "brand", "last4", "phone", "country")
            if name not in allowed and getattr(self, name) is not None
        ]
        if faults:
            raise Invalid(*faults)


def msisdn(phone: str | None) -> str:
    """
    A Kenyan mobile number as M-Pesa spells it: `254712345678`, from `0712 345 678`, `+254712…` or `712-…`.

    Raises:
        Invalid: it is none.
    """
    number = _PHONE.fullmatch(phone or "")
    if number is None:
        raise Invalid(Fault("paymentMethod.phoneNumber", "must be a Kenyan mobile number such as 254712345678"))
    return "254" + number[1].replace(" ", "").replace("-", "")


def looks_like_phone(text: str) -> bool:
    """Whether a Kenyan mobile number stands in `text`, with the country's code or a zero before it."""
    return _PHONE_IN_TEXT.search(text) is not None


def in_plain_characters(text: str) -> str:
    """Digits of any script as ASCII, blanks and dashes of any width as one each, and nothing that cannot be seen."""
    if text.isascii():
        return text
    return "".join(map(_plain, normalize("NFKC", text)))


def looks_like_card_number(text: str) -> bool:
    """
    Whether `text` holds what a card number looks like, grouped or not, however it is written (ISO/IEC 7812-1, Luhn).

    A UUID is none, whatever its digits say.
    """
    text = _UUID.sub("", in_plain_characters(text))
    if any(_is_card_number(first or second) for first, second in _STRIPE.findall(text)):
        return True
    for run in _DIGITS.findall(_DOTTED.sub(lambda dotted: dotted[0].replace(".", " "), text)):
        groups = _GROUP.findall(run)
        for first in range(len(groups)):
            number = ""
            for group in groups[first:]:
                number += group
                if _is_card_number(number):
                    return True
                if len(number) > max(_CARD_LENGTHS):
                    break
    return False


def _is_card_number(number: str) -> bool:
    return number[0] in _CARD_BEGINS and len(number) in _CARD_LENGTHS and _passes_luhn(number)


def _plain(character: str) -> str:
    match category(character):
        case "Nd":
            return str(decimal(character))
        case "Cf":
            return ""
        case "Pd":
            return "-"
        case _:
            return character


def _passes_luhn(number: str) -> bool:
    digits = [int(digit) for digit in number]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
