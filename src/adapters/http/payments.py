"""/payments"""

from typing import Any, Final

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from adapters.http.change_request import Asked, ChangeT, NewCancel, NewCapture, read_change
from adapters.http.desk import Desk
from adapters.http.idempotency_key import idempotency_key
from adapters.http.json_body import read_json
from adapters.http.payment_request import NewPayment
from adapters.http.problems import PROBLEM_JSON
from adapters.http.replies import JSON, Reply
from adapters.http.request_id import name_payment, request_id
from adapters.http.resource_id import payment_id as read_id
from adapters.http.views import PaymentView, envelope
from application.answered import Answered
from application.undertake import ChangeRequest
from domain.errors import Forbidden

_CREATED: Final = 201
_ACCEPTED: Final = 202
_DECLINED: Final = 402
_SECONDS_TO_WAIT: Final = "5"
#: One's own payment may be kept by one's own browser, and is asked for again each time.
PRIVATE: Final = {"cache-control": "private, no-cache"}


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
        body = envelope(PaymentView.of(payment), request_id(request.scope))
        return Reply(body=body, headers=PRIVATE)

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
