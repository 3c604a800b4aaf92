"""Shared by the tests of the Stripe stand-in: a client that posts raw forms, and an endpoint for webhooks."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from aiohttp import web

MODULE = "entrypoints.sandbox.stripe"
KEY = "sk_test_integration0001"
SECRET = "whsec_integration"
CARD = {
    "amount": 2500,
    "currency": "usd",
    "confirm": "true",
    "payment_method": "pm_card_visa",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}
"""A payment by card in one call. Tests name only what differs."""
TRANSFER = {
    "amount": 5000,
    "currency": "eur",
    "confirm": "true",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
    "payment_method_data[type]": "customer_balance",
    "payment_method_options[customer_balance][funding_type]": "bank_transfer",
    "payment_method_options[customer_balance][bank_transfer][type]": "eu_bank_transfer",
    "payment_method_options[customer_balance][bank_transfer][eu_bank_transfer][country]": "DE",
}


@dataclass
class Caller:
    """Speaks to the stand-in as plain HTTP, so that no library hides what it says."""

    http: httpx.AsyncClient

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str) -> AsyncIterator[Self]:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as http:
            yield cls(http)

    async def post(self, path: str, form: dict[str, Any] | None = None, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.http.post(f"/v1/{path}", data=form or {}, headers=headers)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.http.get(f"/v1/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def pay(self, key: str | None = None, **different: Any) -> httpx.Response:
        """Create and confirm; a field given as None is left out."""
        form = {name: value for name, value in {**CARD, **different}.items() if value is not None}
        return await self.post("payment_intents", form, key)

    async def paid(self, **different: Any) -> Any:
        answer = await self.pay(**different)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def customer(self) -> str:
        customer: str = (await self.post("customers")).json()["id"]
        return customer

    async def steer(self, path: str, **body: Any) -> Any:
        answer = await self.http.post(f"/_{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ledger(self) -> Any:
        return (await self.http.get("/_ledger")).json()

    async def charges_of(self, intent: str) -> list[Any]:
        """The money taken for this intent, by the stand-in's own books."""
        return [charge for charge in (await self.ledger())["charges"] if charge["payment_intent"] == intent]

    async def events_of(self, intent: str) -> list[str]:
        """The types of all events about this intent and its charges, oldest first."""
        events = (await self.get("events", limit=100))["data"]
        about = [
            event["type"] for event in events if intent in {_id(event), event["data"]["object"].get("payment_intent")}
        ]
        return about[::-1]


def _id(event: Any) -> str:
    found: str = event["data"]["object"]["id"]
    return found


@dataclass
class Endpoint:
    """A webhook endpoint: keeps what it was sent, answers with the statuses it was given and then with 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[str, bytes]] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator[Self]:
        endpoint = cls()
        app = web.Application()
        app.router.add_post("/hook", endpoint._receive)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        try:
            yield endpoint
        finally:
            await runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        self.received.append((request.headers["Stripe-Signature"], await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


async def eventually(holds: Callable[[], bool], within: float = 5.0) -> None:
    """Wait until it holds; fail if it has not within these seconds."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.01)
