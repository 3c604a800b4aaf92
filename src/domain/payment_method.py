"""How the customer pays. A card or wallet is a token of the gateway's; a card number never comes near."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self

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
_PHONE: Final = re.compile(r"(?:\+?254|0)?([17][0-9]{8})", re.ASCII)
#: 14 to 19 digits, perhaps grouped, beginning as the card networks' do (2-6): what a card number looks like.
_CARD_NUMBER: Final = re.compile(r"(?<![0-9])[2-6](?:[ -]?[0-9]){13,18}(?![0-9])", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """
    A card or wallet (`token`), a bank transfer (`country` for EUR) or a phone (`phone`, 2547XXXXXXXX).

    `brand` and `last4` are for people to recognise a card by.
    """

    type: MethodType
    token: str | None = None
    brand: str | None = None
    last4: str | None = None
    phone: str | None = None
    country: str | None = None

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
    A Kenyan mobile number as M-Pesa spells it: `254712345678`, from `0712…`, `+254712…` or `712…`.

    Raises:
        Invalid: it is none.
    """
    number = _PHONE.fullmatch(phone or "")
    if number is None:
        raise Invalid(Fault("paymentMethod.phoneNumber", "must be a Kenyan mobile number such as 254712345678"))
    return f"254{number[1]}"


def looks_like_card_number(text: str) -> bool:
    """Whether `text` holds what a card number looks like: 14 to 19 digits that pass Luhn's check (ISO/IEC 7812-1)."""
    for found in _CARD_NUMBER.finditer(text):
        digits = [int(digit) for digit in found[0] if digit.isdigit()]
        doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
        if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0:
            return True
    return False
