"""How bytes get to Stripe and back: stripe-python over aiohttp, with time-outs that hold and errors that say when."""

import ssl
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, cast

import aiohttp
import stripe
from stripe import APIConnectionError, APIError

from adapters.stripe import wire
from application.ports.webhooks import Unreadable

#: What can only happen while there is no connection yet: not one byte of the request has left.
BEFORE_SENDING: Final = (
    aiohttp.ClientConnectorError,  # refused, unresolvable, and all that goes wrong in a TLS handshake
    aiohttp.ConnectionTimeoutError,  # no connection in time: name, address, handshake or a free place in the pool
    aiohttp.InvalidURL,
)
_AFTER_SENDING: Final = (aiohttp.ClientError, OSError)  # a TimeoutError is an OSError

_FIRST_ERROR_STATUS: Final = 300


class _Broken(APIConnectionError):
    def __init__(self, cause: Exception) -> None:
        super().__init__(type(self).__doc__, code=type(cause).__name__)  # type: ignore[no-untyped-call]  # Stripe's


class Unreachable(_Broken):
    """There was no connection: Stripe surely did nothing."""


class AnswerLost(_Broken):
    """The request has left, or part of it; what came of it is not known."""


class Transport(stripe.HTTPClient):
    """
    stripe-python's own extension point, for asynchronous calls only; one attempt a call, no proxy, no redirects.

    Its ready-made `AIOHTTPClient` reads the body outside its error handling, tells a refused connection from a lost
    answer in no way, and limits neither time to connect nor connections.

    `connect_timeout`: name, address, TLS and a free place in the pool together. `total_timeout`: all of one call.
    `connections`: how many are kept open at most. Raises, from a call:
        Unreachable: before a byte was sent.
        AnswerLost: afterwards.
        stripe.APIError: an answer that is not in Stripe's form.
    """

    name = "aiohttp"

    def __init__(self, *, connect_timeout: timedelta, total_timeout: timedelta, connections: int) -> None:
        super().__init__()
        connect, total = connect_timeout.total_seconds(), total_timeout.total_seconds()
        # aiohttp rounds longer times up to whole seconds unless they stay below the threshold.
        self._timeout = aiohttp.ClientTimeout(
            total=total, connect=connect, sock_connect=connect, ceil_threshold=total + connect + 1
        )
        self._connections = connections
        self._tls = ssl.create_default_context(cafile=stripe.ca_bundle_path)
        self._session: aiohttp.ClientSession | None = None

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """The body, status and headers of Stripe's answer."""
        try:
            async with self._open().request(
                method, url, headers=headers, data=post_data, allow_redirects=False
            ) as response:
                body = await response.read()
        except BEFORE_SENDING as error:
            raise Unreachable(error) from error
        except _AFTER_SENDING as error:
            raise AnswerLost(error) from error
        _refuse_unreadable(body, response)
        return body, response.status, response.headers

    async def close_async(self) -> None:
        """Let all connections go. Can be called twice."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        """Made with the first call, for it belongs to the event loop that uses it."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ssl=self._tls),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                trust_env=False,
            )
        return self._session


def _refuse_unreadable(body: bytes, response: aiohttp.ClientResponse) -> None:
    """stripe-python fails in many ways on answers that are no object, or an error without one: this is the one way."""
    try:
        told = wire.read(wire.ENVELOPE, body)
    except Unreadable:
        told = None
    if told is None or (told.error is None and response.status >= _FIRST_ERROR_STATUS):
        headers = cast(dict[str, str], response.headers)
        raise APIError("not in Stripe's form", http_status=response.status, headers=headers)
