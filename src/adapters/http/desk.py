"""What the API's routes work with: the use cases, and who calls."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from litestar import Request
from litestar.types import HTTPScope

from adapters.http.auth import Authenticator, Caller
from adapters.http.pages import Cursors, Paging
from adapters.http.query import Query
from adapters.http.read_after import READ_AFTER, read_after, spelled
from adapters.http.replies import Reply
from application.add_note import AddNote
from application.cancel_payment import CancelPayment
from application.capture_payment import CapturePayment
from application.find_payment_methods import FindPaymentMethods
from application.find_payments import FindHistory, FindPayment, Reader
from application.find_refunds import FindRefund
from application.list_payments import ListHistory, ListPayments
from application.list_refunds import ListRefunds
from application.own_writes import OwnWrites
from application.ports.payments import Key
from application.ports.platform import Blinder
from application.refund_payment import RefundPayment
from application.remove_payment_method import RemovePaymentMethod
from application.save_payment_method import SavePaymentMethod
from application.start_payment import StartPayment
from domain.payment_type import PaymentType

#: Changes when the way a request's fingerprint is made changes.
_VERSION: Final = "1"


class Canonical(Protocol):
    """A request's body, whatever it was spelled like."""

    def canonical(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """What can be done over the API; `types`: by which ways it can be paid."""

    start_payment: StartPayment
    capture_payment: CapturePayment
    cancel_payment: CancelPayment
    refund_payment: RefundPayment
    find_payment: FindPayment
    find_refund: FindRefund
    find_history: FindHistory
    list_payments: ListPayments
    list_refunds: ListRefunds
    list_history: ListHistory
    add_note: AddNote
    save_method: SavePaymentMethod
    find_methods: FindPaymentMethods
    remove_method: RemovePaymentMethod
    types: Sequence[PaymentType]
    own_writes: OwnWrites
    blinder: Blinder


@dataclass(frozen=True, slots=True)
class Desk:
    """The use cases in the name of one caller, for one request."""

    caller: Caller
    use_cases: UseCases
    scope: HTTPScope

    @property
    def reader(self) -> Reader:
        """
        The caller, who sees at least what they wrote.

        Raises:
            InvalidReadAfter: they name a position that was never told.
        """
        named = read_after(self.scope)
        known = self.use_cases.own_writes.last(self.caller.user_id)
        written = max((position for position in (named, known) if position is not None), default=None)
        return Reader(self.caller.user_id, sees_all=self.caller.is_admin, written=written)

    async def wrote(self, reply: Reply) -> Reply:
        """The answer to what has written something, or found it written: it says after what to read."""
        position = await self.use_cases.own_writes.wrote(self.caller.user_id)
        return reply if position is None else reply.with_headers({READ_AFTER: spelled(position)})

    def key(self, key: str | None, route: str, body: Canonical) -> Key | None:
        """`key` as this caller's on this route, with a fingerprint of what it was sent with."""
        if key is None:
            return None
        fingerprint = self.use_cases.blinder.blind("body", _VERSION, route, body.canonical())
        return Key(caller=str(self.caller.user_id), route=route, key=key, fingerprint=fingerprint)

    def paging(self, query: Query, route: str) -> Paging:
        """Which page of the list at `route` this caller asks for. Read the route's own parameters first."""
        sees = "all" if self.caller.is_admin else "own"
        return Paging.read(query, Cursors(self.use_cases.blinder), route, str(self.caller.user_id), sees)


def reception(*, authenticator: Authenticator, use_cases: UseCases) -> Callable[..., Awaitable[Desk]]:
    """
    Litestar's dependency of every route that needs a caller. The only one of its handlers: Litestar resolves several
    in a task group, which costs more than the whole handler. A closure: of a method, Litestar would copy the object.
    """

    async def desk(request: Request[Any, Any, Any]) -> Desk:
        return Desk(await authenticator.authenticate(request.scope), use_cases, request.scope)

    return desk
