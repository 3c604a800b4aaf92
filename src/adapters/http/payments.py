"""/payments"""

from typing import Any, Final
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from adapters.http.change_request import Asked, ChangeT, NewCancel, NewCapture, read_change
from adapters.http.desk import Desk
from adapters.http.idempotency_key import idempotency_key
from adapters.http.json_body import read_json
from adapters.http.pages import PAGING, Paging
from adapters.http.payment_request import NewPayment
from adapters.http.problems import PROBLEM_JSON
from adapters.http.query import PERIOD, Query, a_currency, an_id, an_order, one_of
from adapters.http.replies import JSON, Reply
from adapters.http.request_id import name_payment, request_id
from adapters.http.resource_id import payment_id as read_id
from adapters.http.resource_id import user_id as read_user_id
from adapters.http.single_object import single
from adapters.http.views import PaymentView
from application.answered import Answered
from application.ports.payment_lists import Wanted
from application.undertake import ChangeRequest
from domain.errors import Forbidden
from domain.payment_method import GatewayName
from domain.status import Status

_CREATED: Final = 201
_ACCEPTED: Final = 202
_DECLINED: Final = 402
_SECONDS_TO_WAIT: Final = "5"
_FILTERS: Final = PERIOD | {"status", "order_id", "currency", "gateway"}


class Payments(Controller):
    path = "/payments"

    @post(operation_id="StartPayment")
    async def start(self, request: Request[Any, Any, Any], desk: NamedDependency[SkipValidation[Desk]]) -> Reply:
        """Ask the customer to pay. Look at the payment until it is closed, or wait for its event."""
        desk.caller.needs("payments:write")
        key = idempotency_key(request.scope)
        new = NewPayment.read(await read_json(request))
        asked = new.to_request(request_id=request_id(request.scope), key=desk.key(key, "POST /payments", new))
        if not desk.caller.may_act_for(asked.user_id):
            raise Forbidden("The token is another user's.")
        answered = await desk.use_cases.start_payment.execute(asked)
        name_payment(request.scope, answered.id)
        return await desk.wrote(answer_to(answered, "/payments"))

    @get(operation_id="ListPayments", opt={"parameters": _FILTERS | PAGING | {"user_id"}})
    async def page(self, request: Request[Any, Any, Any], desk: NamedDependency[SkipValidation[Desk]]) -> Reply:
        """One's own payments, or everybody's for an admin; newest first."""
        desk.caller.needs("payments:read")
        query = Query(request.scope)
        wanted = _wanted(query, query.read("user_id", an_id))
        return await _listed(request, desk, wanted, desk.paging(query, "GET /payments"))

    @get("/user/{user_id:str}", operation_id="ListPaymentsOfUser", opt={"parameters": _FILTERS | PAGING})
    async def page_of_user(
        self,
        request: Request[Any, Any, Any],
        desk: NamedDependency[SkipValidation[Desk]],
        user_id: FromPath[str],
    ) -> Reply:
        """A user's payments, newest first."""
        desk.caller.needs("payments:read")
        user = read_user_id(user_id)
        query = Query(request.scope)
        return await _listed(request, desk, _wanted(query, user), desk.paging(query, f"GET /payments/user/{user}"))

    @get("/{payment_id:str}", operation_id="FindPayment")
    async def find(
        self,
        request: Request[Any, Any, Any],
        desk: NamedDependency[SkipValidation[Desk]],
        payment_id: FromPath[str],
    ) -> Reply:
        """One payment as it is now."""
        desk.caller.needs("payments:read")
        payment = await desk.use_cases.find_payment.execute(read_id(payment_id), desk.reader)
        name_payment(request.scope, payment.id)
        return single(PaymentView.of(payment), request.scope)

    @post("/{payment_id:str}/capture", operation_id="CapturePayment")
    async def capture(
        self,
        request: Request[Any, Any, Any],
        desk: NamedDependency[SkipValidation[Desk]],
        payment_id: FromPath[str],
    ) -> Reply:
        """Take the money that is held, or a part of it; the rest is released."""
        change, body = await _change(request, desk, payment_id, NewCapture, "POST /payments/{id}/capture")
        return await desk.wrote(answer_to(await desk.use_cases.capture_payment.execute(change, body.amount)))

    @post("/{payment_id:str}/cancel", operation_id="CancelPayment")
    async def cancel(
        self,
        request: Request[Any, Any, Any],
        desk: NamedDependency[SkipValidation[Desk]],
        payment_id: FromPath[str],
    ) -> Reply:
        """Release what is held; give up what waits for the customer."""
        change, _ = await _change(request, desk, payment_id, NewCancel, "POST /payments/{id}/cancel")
        return await desk.wrote(answer_to(await desk.use_cases.cancel_payment.execute(change)))


async def _change(
    request: Request[Any, Any, Any], desk: Desk, payment_id: str, kind: type[ChangeT], route: str
) -> tuple[ChangeRequest, ChangeT]:
    desk.caller.needs("payments:write")
    identifier = read_id(payment_id)
    name_payment(request.scope, identifier)
    key = idempotency_key(request.scope)
    body = await read_change(request, kind)
    change = ChangeRequest(
        payment_id=identifier,
        reader=desk.reader,
        request_id=request_id(request.scope),
        key=desk.key(key, route, Asked(identifier, body)),
    )
    return change, body


def _wanted(query: Query, user_id: UUID | None) -> Wanted:
    since, until = query.period()
    return Wanted(
        user_id=user_id,
        order_id=query.read("order_id", an_order),
        status=query.read("status", one_of(Status)),
        currency=query.read("currency", a_currency),
        gateway=query.read("gateway", one_of(GatewayName)),
        since=since,
        until=until,
    )


async def _listed(request: Request[Any, Any, Any], desk: Desk, wanted: Wanted, paging: Paging) -> Reply:
    after = None if paging.after is None else UUID(paging.after)
    page = await desk.use_cases.list_payments.execute(wanted, desk.reader, limit=paging.limit, after=after)
    return paging.reply(page, PaymentView.seen, lambda payment: str(payment.id), request_id(request.scope))


def answer_to(answered: Answered, collection: str | None = None) -> Reply:
    """What was answered; `collection` is where something that was made can be looked at."""
    status = answered.answer.status
    headers = {}
    if collection is not None and status in {_CREATED, _ACCEPTED}:
        headers["location"] = f"{collection}/{answered.id}"
    if status == _ACCEPTED:
        headers["retry-after"] = _SECONDS_TO_WAIT
    if answered.replayed:
        headers["idempotent-replayed"] = "true"
    media_type = PROBLEM_JSON if status == _DECLINED else JSON
    return Reply(body=answered.answer.body, status=status, media_type=media_type, headers=headers)
