"""Identifiers in the shapes Safaricom gives them."""

import secrets
import string
from datetime import datetime
from typing import Final

from entrypoints.sandbox.daraja import eat

_ALPHANUMERIC: Final = string.ascii_uppercase + string.digits
#: The day of the month is one character: 1 to 9, then A to V.
_DAYS: Final = "0123456789" + string.ascii_uppercase
#: A receipt's first letter counts years; N was 2019.
_YEAR_OF_A: Final = 2006


def request_id() -> str:
    """Such as `2654-4b64-97ff-b827b542881d3130`: requests, merchant requests and conversations are named so."""
    digits = secrets.token_hex(14)
    return f"{digits[:4]}-{digits[4:8]}-{digits[8:12]}-{digits[12:]}"


def checkout_request_id(moment: datetime, phone: str) -> str:
    """Such as `ws_CO_21072024125243250722943992`: the day first, then the time to the millisecond, then the phone."""
    local = moment.astimezone(eat.EAT)
    return f"ws_CO_{local:%d%m%Y%H%M%S}{local.microsecond // 1000:03d}{phone[-9:]}"


def conversation_id(moment: datetime) -> str:
    """Such as `AG_20180223_0000493344ae97d86f75`."""
    return f"AG_{moment.astimezone(eat.EAT):%Y%m%d}_{secrets.token_hex(10)}"


def receipt(moment: datetime) -> str:
    """Such as `NLJ7RT61SV`: a letter each for year and month, one character for the day, seven for the transaction."""
    local = moment.astimezone(eat.EAT)
    year = string.ascii_uppercase[(local.year - _YEAR_OF_A) % 26]
    month = string.ascii_uppercase[local.month - 1]
    return year + month + _DAYS[local.day] + "".join(secrets.choice(_ALPHANUMERIC) for _ in range(7))


def no_receipt(moment: datetime) -> str:
    """What stands where a receipt would, when nothing was found: the day's letters and zeros, `MBN0000000`."""
    return receipt(moment)[:3] + "0000000"
