"""Reading a request the way Daraja does: field by field, naming the first that is wrong."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from entrypoints.sandbox.daraja import callback_url
from entrypoints.sandbox.daraja.refusals import INVALID_PAYLOAD, Refused, invalid

PHONE: Final = re.compile(r"254[17][0-9]{8}")
SHORTCODE: Final = re.compile(r"[0-9]{5,6}")
PARTY: Final = re.compile(r"[0-9]{5,7}")
WHOLE_NUMBER: Final = re.compile(r"[1-9][0-9]{0,11}")
STAMP: Final = re.compile(r"[0-9]{14}")
BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
ANYTHING: Final = re.compile(r".+", re.DOTALL)


class Fields:
    """One request's fields. Numbers may come as JSON numbers or as text: Daraja's own samples mix them."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body

    @classmethod
    async def of(cls, request: web.Request, *, first: str) -> "Fields":
        """
        The request's JSON object.

        A body of another content type is not called what it is: the complaint is about the `first` field.
        """
        if request.content_type != "application/json":
            raise invalid(first)
        try:
            body = msgspec.json.decode(await request.read())
        except msgspec.DecodeError as broken:
            raise Refused(INVALID_PAYLOAD) from broken
        if not isinstance(body, dict):
            raise Refused(INVALID_PAYLOAD)
        return cls(body)

    def text(self, name: str, rule: re.Pattern[str] = ANYTHING) -> str:
        """A field that must be there and match its rule as a whole."""
        value = self._text(name)
        if value is None or not rule.fullmatch(value):
            raise invalid(name)
        return value

    def optional(self, name: str, rule: re.Pattern[str]) -> str:
        """A field that may be missing or empty, but not wrong."""
        value = self._text(name)
        if value and not rule.fullmatch(value):
            raise invalid(name)
        return value or ""

    def one_of(self, name: str, *choices: str) -> str:
        """A field with a fixed vocabulary."""
        value = self.text(name)
        if value not in choices:
            raise invalid(name)
        return value

    def url(self, name: str) -> str:
        """A place to call back to."""
        value = self.text(name)
        if not callback_url.is_acceptable(value):
            raise invalid(name)
        return value

    def _text(self, name: str) -> str | None:
        match self._body.get(name):
            case None:
                return None
            case str(text):
                return text
            case int(number) if not isinstance(number, bool):
                return str(number)
            case _:
                raise invalid(name)
