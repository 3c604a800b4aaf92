"""Requests in the shop's name, with a living token."""

import asyncio
from datetime import timedelta

import msgspec
import structlog

from adapters.daraja import refusals
from adapters.daraja.access_token import AccessToken
from adapters.daraja.connection import Answer, Connection
from application.ports.gateway import NothingSent
from domain.errors import Unavailable

log = structlog.get_logger()


class Session:
    """
    One request is sent once; a second time only after Daraja refused its token, and so surely did nothing.

    Raises:
        NothingSent: no token, no connection, or no token that Daraja takes.
        AnswerLost: it may have arrived.
    """

    def __init__(self, connection: Connection, access_token: AccessToken, total: timedelta) -> None:
        self._connection = connection
        self._access_token = access_token
        self._total = total.total_seconds()

    async def post(self, path: str, body: msgspec.Struct) -> Answer:
        """What Daraja answers to `body`; the token, its renewal and the second request share the one `total`."""
        deadline = asyncio.get_running_loop().time() + self._total
        token = await self._token(deadline)
        answer = await self._connection.post(path, body, token=token, deadline=deadline)
        if not refusals.is_token_refused(answer):
            return answer
        token = await self._token(deadline, refused=token)
        answer = await self._connection.post(path, body, token=token, deadline=deadline)
        if refusals.is_token_refused(answer):
            # Two in a row: wrong environment, or the product is not enabled on the app (so the portal's FAQ).
            log.error("daraja.misconfigured", what="access token", path=path, status=answer.status)
            raise NothingSent
        return answer

    async def _token(self, deadline: float, refused: str | None = None) -> str:
        try:
            async with asyncio.timeout_at(deadline):
                if refused is None:
                    return await self._access_token.get()
                return await self._access_token.renew(refused)
        except (Unavailable, TimeoutError) as missing:
            log.warning("access_token.missed", why=type(missing).__name__)
            raise NothingSent from missing
        except Exception as failure:
            log.exception("access_token.failed")
            raise NothingSent from failure  # whatever it was: the request has not left us
