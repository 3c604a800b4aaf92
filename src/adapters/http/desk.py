"""What the API's routes work with: the use cases, and who calls."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from litestar import Request

from adapters.http.auth import Authenticator, Caller
from application.find_payment_methods import FindPaymentMethods
from application.find_payments import FindHistory, FindPayment, Reader
from application.ports.payments import Key
from application.ports.platform import Blinder
from application.remove_payment_method import RemovePaymentMethod
from application.save_payment_method import SavePaymentMethod
from application.start_payment import StartPayment
from domain.payment_type import PaymentType

#: Changes when the way a request's fingerprint is made changes.
_VERSION: Final = "1"


class Body(Protocol):
    """A request's body as it was understood."""

    def canonical(self) -> str:
        """The same text for every spelling of the same request."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """What can be done over the API; `types`: by which ways it can be paid."""

    start_payment: StartPayment
    find_payment: FindPayment
    find_history: FindHistory
    save_method: SavePaymentMethod
    find_methods: FindPaymentMethods
    remove_method: RemovePaymentMethod
    types: Sequence[PaymentType]
    blinder: Blinder


@dataclass(frozen=True, slots=True)
class Desk:
    """The use cases in the name of one caller."""

    caller: Caller
    use_cases: UseCases

    @property
    def reader(self) -> Reader:
        return Reader(self.caller.user_id, sees_all=self.caller.is_admin)

    def key(self, key: str | None, route: str, body: Body) -> Key | None:
        """`key` as this caller's on this route, with a fingerprint of what it was sent with."""
        if key is None:
            return None
        fingerprint = self.use_cases.blinder.blind("body", _VERSION, route, body.canonical())
        return Key(caller=str(self.caller.user_id), route=route, key=key, fingerprint=fingerprint)


def reception(*, authenticator: Authenticator, use_cases: UseCases) -> Callable[..., Awaitable[Desk]]:
    """
    Litestar's dependency of every route that needs a caller. The only one of its handlers: Litestar resolves several
    in a task group, which costs more than the whole handler. A closure: of a method, Litestar would copy the object.
    """

    async def desk(request: Request[Any, Any, Any]) -> Desk:
        return Desk(await authenticator.authenticate(request.scope), use_cases)

    return desk
