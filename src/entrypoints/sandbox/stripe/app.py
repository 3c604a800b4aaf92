"""The stand-in put together: its routes, read top to bottom."""

from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from entrypoints.sandbox.behaviour import Behaviour, misbehaving
from entrypoints.sandbox.behaviour import steering as behave
from entrypoints.sandbox.stripe import customers, events, payment_intents, payment_methods, refunds, steering, tokens
from entrypoints.sandbox.stripe.answers import listing, retrieve
from entrypoints.sandbox.stripe.api import Api, failure, unknown_route
from entrypoints.sandbox.stripe.later import Later
from entrypoints.sandbox.stripe.store import Store
from entrypoints.sandbox.stripe.webhooks import Courier, Destination

_MONEY = ("/v1/payment_intents", "/v1/refunds")


def build(ledger: Path, destination: Destination, api_key: str | None = None) -> web.Application:
    """An application that remembers in this file and sends its events to this destination."""
    behaviour = Behaviour(_MONEY)
    store = Store(ledger, destination.wants)
    courier = Courier(store, destination, behaviour)
    api = Api(store, behaviour, courier, api_key)
    later = Later(api)
    app = web.Application(middlewares=[misbehaving(behaviour, failure)])
    _route_stripe(app.router, api)
    _route_steering(app.router, steering.Steering(api), behaviour)
    app.router.add_route("*", "/{rest:.*}", unknown_route)

    async def lifespan(_app: web.Application) -> AsyncIterator[None]:
        await courier.start()
        later.start()
        yield
        await later.stop()
        await courier.stop()
        store.ledger.close()

    app.cleanup_ctx.append(lifespan)
    return app


def _route_stripe(router: web.UrlDispatcher, api: Api) -> None:
    intents, methods, people = "/v1/payment_intents", "/v1/payment_methods", "/v1/customers"
    router.add_post(intents, api.writes(payment_intents.create))
    router.add_get(intents, api.reads(listing("payment_intent", "customer")), allow_head=False)
    router.add_get(f"{intents}/{{id}}", api.reads(retrieve("payment_intent")), allow_head=False)
    router.add_post(f"{intents}/{{id}}/confirm", api.writes(payment_intents.confirm))
    router.add_post(f"{intents}/{{id}}/capture", api.writes(payment_intents.capture))
    router.add_post(f"{intents}/{{id}}/cancel", api.writes(payment_intents.cancel))
    router.add_post("/v1/refunds", api.writes(refunds.create))
    router.add_get("/v1/refunds", api.reads(refunds.listing), allow_head=False)
    router.add_get("/v1/refunds/{id}", api.reads(retrieve("refund")), allow_head=False)
    router.add_post(methods, api.writes(payment_methods.create))
    router.add_get(methods, api.reads(payment_methods.listing), allow_head=False)
    router.add_get(f"{methods}/{{id}}", api.reads(payment_methods.retrieve), allow_head=False)
    router.add_post(f"{methods}/{{id}}/attach", api.writes(payment_methods.attach))
    router.add_post(f"{methods}/{{id}}/detach", api.writes(payment_methods.detach))
    router.add_post(people, api.writes(customers.create))
    router.add_get(people, api.reads(listing("customer", "email")), allow_head=False)
    router.add_get(f"{people}/{{id}}", api.reads(retrieve("customer")), allow_head=False)
    router.add_get(f"{people}/{{id}}/payment_methods", api.reads(payment_methods.listing), allow_head=False)
    router.add_post("/v1/tokens", api.writes(tokens.create))
    router.add_get("/v1/tokens/{id}", api.reads(retrieve("token")), allow_head=False)
    router.add_get("/v1/charges/{id}", api.reads(retrieve("charge")), allow_head=False)
    router.add_get("/v1/events", api.reads(events.listing), allow_head=False)
    router.add_get("/v1/events/{id}", api.reads(retrieve("event")), allow_head=False)


def _route_steering(router: web.UrlDispatcher, by_hand: steering.Steering, behaviour: Behaviour) -> None:
    router.add_get("/_health", steering.health)
    router.add_get("/_ledger", by_hand.ledger)
    router.add_post("/_behave", behave(behaviour))
    router.add_get("/_authenticate/{id}", by_hand.page)
    router.add_post("/_authenticate/{id}", by_hand.does(steering.authenticate))
    router.add_post("/_settle/{id}", by_hand.does(steering.settle))
    router.add_post("/_fund/{id}", by_hand.does(steering.fund))
    router.add_post("/_expire/{id}", by_hand.does(steering.expire))
    router.add_post("/_refund", by_hand.answers(steering.refund))
    router.add_post("/_refund/{id}", by_hand.answers(steering.settle_refund))
