"""What the API's routes work with: the use cases, and who calls."""

from dataclasses import dataclass
from typing import Any

from litestar import Request

from adapters.http.auth import Authenticator, Caller
from adapters.http.payment_request import NewPayment
from application.find_payments import FindHistory, FindPayment, Reader
from application.ports.payments import Key
from application.ports.platform import Blinder
from application.start_payment import StartPayment


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """What can be done over the API."""

    start_payment: StartPayment
    find_payment: FindPayment
    find_history: FindHistory
    blinder: Blinder


@dataclass(frozen=True, slots=True)
class Desk:
    """The use cases in the name of one caller."""

    caller: Caller
    use_cases: UseCases

    @property
    def reader(self) -> Reader:
        return Reader(self.caller.user_id, sees_all=self.caller.is_admin)

    def key(self, key: str | None, route: str, body: NewPayment) -> Key | None:
        """`key` as this caller's on this route, with a fingerprint of what it was sent with."""
        if key is None:
            return None
        fingerprint = self.use_cases.blinder.blind("body", _VERSION, route, body.canonical())
        return Key(caller=str(self.caller.user_id), route=route, key=key, fingerprint=fingerprint)


class Reception:
    """
    Litestar's dependency of every route that needs a caller. The only one of its handlers: Litestar resolves several
    in a task group, which costs more than the whole handler.
    """

    def __init__(self, *, authenticator: Authenticator, use_cases: UseCases) -> None:
        self._authenticator = authenticator
        self._use_cases = use_cases

    async def desk(self, request: Request[Any, Any, Any]) -> Desk:
        """
        Raises:
            Unauthenticated: nobody is named by a valid token.
        """
        return Desk(await self._authenticator.authenticate(request.scope), self._use_cases)


#: Changes when the way a request's fingerprint is made changes.
_VERSION = "1"
