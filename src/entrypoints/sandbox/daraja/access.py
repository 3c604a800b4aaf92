"""The OAuth token: one at a time, since each new one ends the life of the one before."""

import base64
import hmac
import re
import secrets
import time
from typing import Final

from aiohttp import web

from entrypoints.sandbox.daraja import refusals
from entrypoints.sandbox.daraja.book import Book
from entrypoints.sandbox.daraja.refusals import Refused
from entrypoints.sandbox.daraja.settings import Settings

_BEARER: Final = re.compile(r"Bearer ([A-Za-z0-9._~+/=-]+)")


class Access:
    """Gives tokens out and checks them."""

    def __init__(self, book: Book, settings: Settings) -> None:
        self._book = book
        self._settings = settings

    async def generate(self, request: web.Request) -> web.Response:
        """`GET /oauth/v1/generate`: a wrong key or secret gets an empty body, as in the field."""
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            raise Refused(refusals.INVALID_AUTHENTICATION_TYPE)
        if request.query.get("grant_type") != "client_credentials":
            raise Refused(refusals.INVALID_GRANT_TYPE)
        if not self._knows(credentials):
            return web.Response(status=400)
        token = secrets.token_urlsafe(21)
        life = self._settings.token_life
        await self._book.write("token", token=token, expires_at=time.time() + life)
        return web.json_response({"access_token": token, "expires_in": str(life)})

    def check(self, request: web.Request) -> None:
        """Refuses whatever does not carry the one living token."""
        header = _BEARER.fullmatch(request.headers.get("Authorization", ""))
        if header is None:
            raise Refused(refusals.INVALID_AUTHENTICATION_HEADER)
        living = self._book.token
        if not hmac.compare_digest(header[1], living.get("token", "")) or time.time() >= living["expires_at"]:
            raise Refused(refusals.INVALID_ACCESS_TOKEN)

    async def revoke(self) -> None:
        """The token dies before its time, without a word to whoever holds it."""
        await self._book.write("token_revoked", token="", expires_at=0.0)

    def _knows(self, credentials: str) -> bool:
        try:
            told = base64.b64decode(credentials, validate=True)
        except ValueError:
            return False
        expected = f"{self._settings.consumer_key}:{self._settings.consumer_secret}"
        return hmac.compare_digest(told, expected.encode())
