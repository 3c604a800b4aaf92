"""The two stand-ins as a test sees them: the truth about money, and mischief on demand."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx


@dataclass(frozen=True, slots=True)
class StandIn:
    """What both have."""

    http: httpx.AsyncClient
    url: str

    async def behave(self, **rules: Any) -> None:
        """From now on; `reset=True` is good behaviour."""
        (await self.http.post(f"{self.url}/_behave", json=rules)).raise_for_status()

    async def ledger(self) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.http.get(f"{self.url}/_ledger")).raise_for_status().json()
        return answer


class Stripe(StandIn):
    """Finds things by the user they are for, so that no charge can hide behind another payment's name."""

    async def charges(self, user: UUID) -> list[Any]:
        """Money taken."""
        return _of(user, (await self.ledger())["charges"])

    async def intents(self, user: UUID) -> list[Any]:
        return _of(user, (await self.ledger())["payment_intents"])

    async def intent(self, user: UUID) -> Any:
        """The only one."""
        (intent,) = await self.intents(user)
        return intent

    async def refunds(self, user: UUID) -> list[Any]:
        """What was given back of this user's only payment, or is on its way."""
        intent = await self.intent(user)
        return [one for one in (await self.ledger())["refunds"] if one["payment_intent"] == intent["id"]]

    async def given_back(self, user: UUID) -> int:
        """Minor units, by Stripe's own books."""
        return sum(one["amount"] for one in await self.refunds(user) if one["status"] in {"succeeded", "pending"})

    async def refund_on_dashboard(self, user: UUID, amount: int) -> None:
        """What somebody of the shop does by hand."""
        asked = {"payment_intent": (await self.intent(user))["id"], "amount": amount}
        (await self.http.post(f"{self.url}/_refund", json=asked)).raise_for_status()

    async def a_token(self, test_token: str = "tok_visa") -> str:
        """A single-use one of this card, as Stripe's form makes them."""
        made: dict[str, Any] = await self._ask("POST", "tokens", data={"test_token": test_token})
        return str(made["id"])

    async def customers(self, user: UUID) -> list[Any]:
        return _of(user, (await self._ask("GET", "customers", params={"limit": 100}))["data"])

    async def attached(self, user: UUID) -> list[str]:
        """The names of all methods that belong to this user's customers."""
        lists = [
            await self._ask("GET", f"customers/{customer['id']}/payment_methods", params={"limit": 100})
            for customer in await self.customers(user)
        ]
        return [method["id"] for one in lists for method in one["data"]]

    async def _ask(self, verb: str, path: str, **content: Any) -> Any:
        headers = {"Authorization": "Bearer sk_test_e2e"}
        answer = await self.http.request(verb, f"{self.url}/v1/{path}", headers=headers, **content)
        return answer.raise_for_status().json()

    async def play(self, part: str, intent: str, **facts: Any) -> None:
        """What the customer or the bank does: `fund`, `authenticate`, `settle` or `expire`."""
        (await self.http.post(f"{self.url}/_{part}/{intent}", json=facts)).raise_for_status()

    async def events(self, intent: str) -> list[Any]:
        """All events about this intent itself, newest first."""
        listed = await self.http.get(f"{self.url}/v1/events?limit=100", headers={"Authorization": "Bearer sk_test_e2e"})
        events = listed.raise_for_status().json()["data"]
        return [event for event in events if event["data"]["object"]["id"] == intent]


class Daraja(StandIn):
    """Finds things by phone."""

    async def prompts(self, phone: str) -> list[Any]:
        """How often its owner was asked."""
        return [prompt for prompt in (await self.ledger())["prompts"] if prompt["phone"] == phone]

    async def payments(self, phone: str) -> list[Any]:
        """Money taken."""
        return [payment for payment in (await self.ledger())["payments"] if payment["phone"] == phone]

    async def callbacks(self, phone: str) -> list[Any]:
        """What was delivered, each time it was."""
        names = {prompt["checkout_request_id"] for prompt in await self.prompts(phone)}
        return [one for one in (await self.ledger())["callbacks"] if one.get("checkout_request_id") in names]


def _of(user: UUID, things: list[Any]) -> list[Any]:
    return [thing for thing in things if thing["metadata"].get("user_id") == str(user)]
