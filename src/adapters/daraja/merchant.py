"""The shop's account with M-Pesa, and how it signs its requests."""

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Final

PAYBILL: Final = "CustomerPayBillOnline"
TILL: Final = "CustomerBuyGoodsOnline"

#: The portal names no time zone; the field agrees on East Africa's, UTC+3 the whole year round.
EAT: Final = timezone(timedelta(hours=3), "EAT")


@dataclass(frozen=True, slots=True)
class Signature:
    """`Timestamp` and the `Password` made of it."""

    timestamp: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """
    `shortcode` is the paybill, or for a till the head office's number; `party_b` is who gets the money: the paybill
    itself, or the till.
    """

    shortcode: str
    passkey: str = field(repr=False)
    transaction_type: str
    party_b: str

    def sign(self, moment: datetime) -> Signature:
        """Proof of who asks: base64 of shortcode, passkey and the time (`YYYYMMDDHHmmss` in Nairobi)."""
        timestamp = moment.astimezone(EAT).strftime("%Y%m%d%H%M%S")
        secret = f"{self.shortcode}{self.passkey}{timestamp}"
        return Signature(timestamp, base64.b64encode(secret.encode()).decode())
