"""/refunds"""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from adapters.http.desk import Desk
from adapters.http.idempotency_key import idempotency_key
from adapters.http.json_body import read_json
from adapters.http.pages import PAGING
from adapters.http.payments import answer_to
from adapters.http.query import PERIOD, Query, an_id, one_of
from adapters.http.refund_request import NewRefund
from adapters.http.replies import Reply
from adapters.http.request_id import name_payment, request_id
from adapters.http.resource_id import payment_id as read_id
from adapters.http.single_object import single
from adapters.http.views import RefundView
from application.ports.refund_lists import RefundPlace, WantedRefunds
from domain.refund import Refund, RefundStatus


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

    @get(operation_id="ListRefunds", opt={"parameters": PERIOD | PAGING | {"status", "payment_id", "user_id"}})
    async def page(self, request: Request[Any, Any, Any], desk: NamedDependency[SkipValidation[Desk]]) -> Reply:
        """Refunds of one's own payments, or everybody's for an admin; newest first."""
        desk.caller.needs("refunds:read")
        query = Query(request.scope)
        since, until = query.period()
        wanted = WantedRefunds(
            user_id=query.read("user_id", an_id),
            payment_id=query.read("payment_id", an_id),
            status=query.read("status", one_of(RefundStatus)),
            since=since,
            until=until,
        )
        paging = desk.paging(query, "GET /refunds")
        page = await desk.use_cases.list_refunds.execute(
            wanted, desk.reader, limit=paging.limit, after=_place(paging.after)
        )
        return paging.reply(page, RefundView.of, _position, request_id(request.scope))

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
        return single(RefundView.of(refund), request.scope)


def _position(refund: Refund) -> str:
    return f"{refund.requested_at.isoformat()} {refund.id}"


def _place(position: str | None) -> RefundPlace | None:
    if position is None:
        return None
    at, refund_id = position.split(" ")
    return RefundPlace(datetime.fromisoformat(at), UUID(refund_id))
