"""/refunds"""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from adapters.http.desk import Desk
from adapters.http.idempotency_key import idempotency_key
from adapters.http.json_body import read_json
from adapters.http.payments import answer_to
from adapters.http.refund_request import NewRefund
from adapters.http.replies import PRIVATE, Reply
from adapters.http.request_id import name_payment, request_id
from adapters.http.resource_id import payment_id as read_id
from adapters.http.views import RefundView, envelope


class Refunds(Controller):
    path = "/refunds"

    @post(operation_id="RefundPayment")
    async def start(self, request: Request[Any, Any, Any], desk: NamedDependency[SkipValidation[Desk]]) -> Reply:
        """Give money back. Look at the refund until it is closed, or wait for its event."""
        desk.caller.needs("refunds:write")
        key = idempotency_key(request.scope)
        new = NewRefund.read(await read_json(request))
        asked = new.to_request(
            reader=desk.reader, request_id=request_id(request.scope), key=desk.key(key, "POST /refunds", new)
        )
        name_payment(request.scope, asked.payment_id)
        return await desk.wrote(answer_to(await desk.use_cases.refund_payment.execute(asked), "/refunds"))

    @get("/{refund_id:str}", operation_id="FindRefund")
    async def find(
        self,
        request: Request[Any, Any, Any],
        desk: NamedDependency[SkipValidation[Desk]],
        refund_id: FromPath[str],
    ) -> Reply:
        """One refund as it is now."""
        desk.caller.needs("refunds:read")
        refund = await desk.use_cases.find_refund.execute(read_id(refund_id), desk.reader)
        name_payment(request.scope, refund.payment_id)
        return Reply(body=envelope(RefundView.of(refund), request_id(request.scope)), headers=PRIVATE)
