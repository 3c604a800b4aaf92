"""Shared by the tests of what can go wrong: a Stripe that says what it is told to say."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp import web

from adapters.stripe.gateway import StripeGateway
from domain.evidence import Evidence
from domain.payment import Report
from tests.fakes import StandingClock

CLIENT_SECRET = "pi_1_secret_of_the_customer"
API_KEY = "sk_test_a_key_that_no_log_may_show"
REPLAYED = {"Idempotent-Replayed": "true"}


def an_intent(status: str = "succeeded", **facts: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 2500,
        "amount_received": 2500 if status == "succeeded" else 0,
        "currency": "usd",
        "status": status,
        "created": 1_790_000_000,
        "client_secret": CLIENT_SECRET,
    } | facts


def an_error(kind: str, code: str | None = None, **facts: Any) -> dict[str, Any]:
    return {"error": {"type": kind, "code": code, "message": f"says {CLIENT_SECRET}", **facts}}


@dataclass
class Script:
    """A Stripe that answers as it is told, by method and path; what comes again gets the last answer again."""

    answers: dict[str, list[tuple[int, Any, dict[str, str]]]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)

    def says(self, route: str, status: int, body: Any, headers: dict[str, str] | None = None) -> "Script":
        self.answers.setdefault(route, []).append((status, body, headers or {}))
        return self

    async def answer(self, request: web.Request) -> web.Response:
        if "Idempotency-Key" in request.headers:
            self.keys.append(request.headers["Idempotency-Key"])
        waiting = self.answers[f"{request.method} {request.path.removeprefix('/v1/')}"]
        status, body, headers = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, headers={"Request-Id": "req_1", **headers})


def a_gateway(url: str, **facts: Any) -> StripeGateway:
    times = {"connect_timeout": timedelta(seconds=0.4), "total_timeout": timedelta(seconds=1)} | facts
    return StripeGateway(api_key=API_KEY, clock=StandingClock(), base_url=url, **times)


@asynccontextmanager
async def speaking(script: Script) -> AsyncIterator[StripeGateway]:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", script.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gateway = a_gateway(f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        yield gateway
    finally:
        await gateway.close()
        await runner.cleanup()


def the(report: Report) -> Evidence:
    [piece] = report.evidence
    return piece
