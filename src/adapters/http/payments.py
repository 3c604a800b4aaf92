"""/payments"""

from typing import Any, Final

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from adapters.http.desk import Desk
from adapters.http.idempotency_key import idempotency_key
from adapters.http.json_body import read_json
from adapters.http.payment_request import NewPayment
from adapters.http.problems import PROBLEM_JSON
from adapters.http.replies import JSON, Reply
from adapters.http.request_id import name_payment, request_id
from adapters.http.resource_id import payment_id as read_id
from adapters.http.single_object import single
from adapters.http.views import PaymentView
from application.start_payment import Answered
from domain.errors import Forbidden

_CREATED: Final = 201
_ACCEPTED: Final = 202
_SECONDS_TO_WAIT: Final = "5"


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
        name_payment(request.scope, answered.payment_id)
        return _answer(answered)

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


def _answer(answered: Answered) -> Reply:
    status = answered.answer.status
    headers = {}
    if status in {_CREATED, _ACCEPTED}:
        headers["location"] = f"/payments/{answered.payment_id}"
    if status == _ACCEPTED:
        headers["retry-after"] = _SECONDS_TO_WAIT
    if answered.replayed:
        headers["idempotent-replayed"] = "true"
    media_type = JSON if status in {_CREATED, _ACCEPTED} else PROBLEM_JSON
    return Reply(body=answered.answer.body, status=status, media_type=media_type, headers=headers)
