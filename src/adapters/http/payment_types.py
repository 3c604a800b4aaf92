"""/payment/types"""

from typing import Any

from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from adapters.http.desk import Desk
from adapters.http.method_views import TypeView
from adapters.http.replies import PRIVATE, Reply
from adapters.http.request_id import request_id
from adapters.http.views import envelope


class PaymentTypes(Controller):
    path = "/payment/types"

    @get(operation_id="FindPaymentTypes")
    async def find(self, request: Request[Any, Any, Any], desk: NamedDependency[SkipValidation[Desk]]) -> Reply:
        """The ways to pay that are configured here, and what each can do."""
        types = [TypeView.of(kind) for kind in desk.use_cases.types]
        return Reply(body=envelope(types, request_id(request.scope)), headers=PRIVATE)
