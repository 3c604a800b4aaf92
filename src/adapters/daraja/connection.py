"""HTTP to Daraja, and the one question that matters when it fails: can anything have been sent?"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

import httpx
import msgspec

from adapters.daraja import wire
from application.ports.gateway import NothingSent

#: The longest that fetching a token may take: enough is left for the request it is for.
TOKEN: Final = timedelta(seconds=4)

_CONNECT: Final = 2.0
_POOL: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=5.0)
#: The request was not written: there was no connection to write it to.
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

Shape = TypeVar("Shape", bound=msgspec.Struct)


class AnswerLost(Exception):
    """The request may have arrived; what became of it is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as it came: Daraja does not always answer in JSON, nor always under the right status."""

    status: int
    body: bytes

    def read(self, shape: type[Shape]) -> Shape | None:
        """The body as `shape`, or None where it is something else."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (ValueError, RecursionError):
            return None


class Connection:
    """
    A pool of connections to one gateway. No redirect is followed, no proxy is taken from the environment.

    Raises, from every request:
        NothingSent: no connection, so no byte of the request has left us.
        AnswerLost: anything else that kept the answer from us.
    """

    def __init__(self, base_url: str, total: timedelta) -> None:
        self._client = httpx.AsyncClient(
            base_url=base_url,
            timeout=httpx.Timeout(total.total_seconds(), connect=_CONNECT, pool=_CONNECT),
            limits=_POOL,
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Lets all connections go."""
        await self._client.aclose()

    async def get(self, path: str, *, user: str, password: str) -> Answer:
        """A question that needs no token: the one for a token."""
        request = self._client.build_request("GET", path)
        deadline = asyncio.get_running_loop().time() + TOKEN.total_seconds()
        return await self._send(request, deadline, auth=httpx.BasicAuth(user, password))

    async def post(self, path: str, body: msgspec.Struct, *, token: str, deadline: float) -> Answer:
        """A request in the shop's name; `deadline` is in the event loop's time."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = self._client.build_request("POST", path, content=wire.encode(body), headers=headers)
        return await self._send(request, deadline)

    async def _send(self, request: httpx.Request, deadline: float, auth: httpx.BasicAuth | None = None) -> Answer:
        if asyncio.get_running_loop().time() >= deadline:
            raise NothingSent
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._client.send(request, auth=auth)
        except _UNSENT as unsent:
            raise NothingSent from unsent
        except (httpx.HTTPError, TimeoutError) as lost:
            raise AnswerLost(type(lost).__name__) from lost
        return Answer(response.status_code, response.content)
