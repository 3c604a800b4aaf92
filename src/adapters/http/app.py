"""The whole HTTP face as one application."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.routes import HTTPRoute

from adapters.http.auth import Authenticator
from adapters.http.contract import Contract, OpenApi
from adapters.http.cors import Cors
from adapters.http.desk import UseCases, reception
from adapters.http.health import Health, Pulse
from adapters.http.history import History
from adapters.http.json_body import WEBHOOK_LIMIT
from adapters.http.limits import Door
from adapters.http.negotiation import check_manners
from adapters.http.payment_methods import PaymentMethods
from adapters.http.payment_types import PaymentTypes
from adapters.http.payments import Payments
from adapters.http.problems import Problems
from adapters.http.refunds import Refunds
from adapters.http.request_id import RequestLog
from adapters.http.webhooks import Ears, Webhooks

#: How long a request's body may take to arrive, in seconds.
ARRIVES_WITHIN: Final = 15.0

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def make_app(
    *,
    use_cases: UseCases,
    ears: Ears,
    pulse: Pulse,
    authenticator: Authenticator,
    docs_url: str,
    origins: Collection[str] = (),
    new_request_id: Callable[[], str],
    lifespan: Sequence[Lifespan] = (),
    arrives_within: float = ARRIVES_WITHIN,
) -> Litestar:
    """
    The API, from what it needs.

    `docs_url` is the base of problem types, without a slash at its end. `origins`: whose pages may read our answers,
    each as a browser spells it (`https://shop.example`). `lifespan`: what is opened before the first
    request and closed after the last.
    """
    problems = Problems(docs_url.rstrip("/"))
    app = Litestar(
        route_handlers=[
            Router(
                "/",
                route_handlers=[Payments, PaymentMethods, PaymentTypes, Refunds, History],
                before_request=check_manners,
                dependencies={"desk": Provide(reception(authenticator=authenticator, use_cases=use_cases))},
            ),
            Router("/", route_handlers=[Health], before_request=check_manners, dependencies={"pulse": _given(pulse)}),
            Router(
                "/",
                route_handlers=[OpenApi],
                before_request=check_manners,
                dependencies={"contract": _given(Contract.of(problems.docs_url, pulse.version))},
            ),
            Router("/", route_handlers=[Webhooks], dependencies={"ears": _given(ears)}),
        ],
        exception_handlers={Exception: problems.handle},
        lifespan=list(lifespan),
        request_max_body_size=WEBHOOK_LIMIT,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    # Litestar's own middlewares run after routing: a 404 would escape them. These see every request.
    door = Door(app.asgi_handler, arrives_within=arrives_within)
    app.asgi_handler = RequestLog(
        door,
        problems=problems,
        cors=Cors(origins),
        methods={route.path_format: route.methods for route in app.routes if isinstance(route, HTTPRoute)},
        new_request_id=new_request_id,
    )
    return app


def _given(value: Any) -> Provide:
    return Provide(lambda: value, sync_to_thread=False)
