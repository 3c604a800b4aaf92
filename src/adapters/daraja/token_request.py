"""`GET /oauth/v1/generate`: the consumer key and secret, for a token."""

from datetime import timedelta
from http import HTTPStatus
from typing import Final

import structlog

from adapters.daraja import wire
from adapters.daraja.access_token import Fetched, TokenUnavailable
from adapters.daraja.connection import Answer, AnswerLost, Connection
from application.ports.gateway import NothingSent

log = structlog.get_logger()

PATH: Final = "/oauth/v1/generate?grant_type=client_credentials"
#: A wrong key or secret: seen as 400 and as 401, mostly with an empty body.
_OUR_MISTAKE: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED})


class TokenRequest:
    """
    Fetches a token, once per call.

    Raises:
        TokenUnavailable: none came, for whatever reason.
    """

    def __init__(self, connection: Connection, *, consumer_key: str, consumer_secret: str) -> None:
        self._connection = connection
        self._key = consumer_key
        self._secret = consumer_secret

    async def __call__(self) -> Fetched:
        answer = await self._ask()
        told = answer.read(wire.TokenAnswer) if answer.status == HTTPStatus.OK else None
        if told is None:
            if answer.status in _OUR_MISTAKE:
                log.error(
                    "daraja.misconfigured", what="MPESA_CONSUMER_KEY, MPESA_CONSUMER_SECRET", status=answer.status
                )
            else:
                log.warning("access_token.refused", status=answer.status)
            raise TokenUnavailable
        return Fetched(told.token, timedelta(seconds=int(told.expires_in)))

    async def _ask(self) -> Answer:
        try:
            return await self._connection.get(PATH, user=self._key, password=self._secret)
        except (NothingSent, AnswerLost) as failure:
            log.warning("access_token.lost", why=type(failure.__cause__ or failure).__name__)
            raise TokenUnavailable from failure
