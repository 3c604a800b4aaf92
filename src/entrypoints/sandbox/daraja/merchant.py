"""Who is asking: the shop's shortcode and the Password made of it."""

import base64
import hmac
import re
from datetime import timedelta
from typing import Final

from entrypoints.sandbox.daraja import eat, fields, refusals
from entrypoints.sandbox.daraja.fields import Fields
from entrypoints.sandbox.daraja.refusals import Refused, invalid
from entrypoints.sandbox.daraja.settings import Settings

#: Wide enough for a clock that is off, too narrow for one that keeps UTC: Nairobi is three hours ahead.
_CLOCKS_MAY_DIFFER: Final = timedelta(hours=1)


class Merchant:
    """The only shop this sandbox knows."""

    def __init__(self, settings: Settings) -> None:
        self.shortcode = settings.shortcode
        self._passkey = settings.passkey

    def check_shape(self, body: Fields, *, shortcode: re.Pattern[str]) -> None:
        """BusinessShortCode, Password and Timestamp are there and look as they must."""
        body.text("BusinessShortCode", shortcode)
        body.text("Password")
        try:
            told = eat.read(body.text("Timestamp", fields.STAMP))
        except ValueError as no_such_day:
            raise invalid("Timestamp") from no_such_day
        if abs(eat.now() - told) > _CLOCKS_MAY_DIFFER:
            raise invalid("Timestamp")

    def authenticate(self, body: Fields) -> None:
        """The shortcode is ours and the Password is base64(shortcode + passkey + timestamp)."""
        if body.text("BusinessShortCode") != self.shortcode:
            raise Refused(refusals.MERCHANT_DOES_NOT_EXIST)
        secret = f"{self.shortcode}{self._passkey}{body.text('Timestamp')}"
        expected = base64.b64encode(secret.encode())
        if not hmac.compare_digest(body.text("Password").encode(), expected):
            raise Refused(refusals.WRONG_CREDENTIALS)
