"""/payments/methods"""

from typing import Any, Final

from litestar import Controller, Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from adapters.http.desk import Desk
from adapters.http.idempotency_key import idempotency_key
from adapters.http.json_body import read_json
from adapters.http.method_request import NewSavedMethod
from adapters.http.method_views import views
from adapters.http.problems import PROBLEM_JSON
from adapters.http.replies import JSON, PRIVATE, Reply
from adapters.http.request_id import request_id
from adapters.http.resource_id import payment_id as read_id
from adapters.http.resource_id import user_id as read_user_id
from adapters.http.views import envelope
from application.ports.payment_methods import MOST
from domain.errors import Forbidden, NotFound

_CREATED: Final = 201


class PaymentMethods(Controller):
    path = "/payments/methods"

    @post(operation_id="SavePaymentMethod")
    async def save(self, request: Request[Any, Any, Any], desk: NamedDependency[SkipValidation[Desk]]) -> Reply:
        """Keep a card, a wallet or a phone for the next payment. The same again is the same method."""
        desk.caller.needs("methods:write")
        key = idempotency_key(request.scope)
        new = NewSavedMethod.read(await read_json(request))
        asked = new.to_request(request_id=request_id(request.scope), key=desk.key(key, "POST /payments/methods", new))
        if not desk.caller.may_act_for(asked.user_id):
            raise Forbidden("The token is another user's.")
        told = await desk.use_cases.save_method.execute(asked)
        status = told.answer.status
        reply = Reply(
            body=told.answer.body,
            status=status,
            media_type=JSON if status == _CREATED else PROBLEM_JSON,
            headers={"idempotent-replayed": "true"} if told.replayed else {},
        )
        return await desk.wrote(reply)

    @get("/{user_id:str}", operation_id="FindPaymentMethods")
    async def find(
        self,
        request: Request[Any, Any, Any],
        desk: NamedDependency[SkipValidation[Desk]],
        user_id: FromPath[str],
    ) -> Reply:
        """All that a user has saved, the default first, then the newest."""
        desk.caller.needs("methods:read")
        user = read_user_id(user_id)
        if not desk.caller.may_act_for(user):
            raise Forbidden("The token is another user's.")
        saved = await desk.use_cases.find_methods.execute(user)
        body = envelope(views(saved), request_id(request.scope), limit=MOST, next_cursor=None)
        return Reply(body=body, headers=PRIVATE)

    @delete("/{user_id:str}/{method_id:str}", operation_id="RemovePaymentMethod", status_code=200)
    async def remove(
        self,
        desk: NamedDependency[SkipValidation[Desk]],
        user_id: FromPath[str],
        method_id: FromPath[str],
    ) -> Reply:
        """Forget it: it pays for nothing new from here on."""
        desk.caller.needs("methods:write")
        user, method = read_user_id(user_id), read_id(method_id)
        if not desk.caller.may_act_for(user):
            raise NotFound
        await desk.use_cases.remove_method.execute(user, method)
        return await desk.wrote(Reply.empty())
