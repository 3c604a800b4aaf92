"""Somebody who pays, over HTTP, as a shop would have them do."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx

from tests.e2e import stories
from tests.e2e.eventually import PATIENCE_S, eventually

if TYPE_CHECKING:
    from tests.e2e.running import Service

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Customer:
    """One user with a token and a phone, at one service. Bodies are what is posted; answers are what came."""

    service: "Service"
    id: UUID
    token: str
    phone: str

    def by_card(self, token: str = "tok_visa", **facts: Any) -> Body:
        method = {"type": "CARD", "token": token}
        return {**self._order(), "amount": 2500, "currency": "USD", "paymentMethod": method, **facts}

    def by_phone(self, **facts: Any) -> Body:
        """Ten shillings."""
        method = {"type": "MPESA", "phoneNumber": self.phone}
        return {**self._order(), "amount": 1000, "currency": "KES", "paymentMethod": method, **facts}

    async def pay(self, body: Body, *, key: str | None = None, api: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Idempotency-Key": key} if key else {})
        return await self.service.http.post(f"{self.service.api(api)}/payments", json=body, headers=headers)

    async def refund(self, payment_id: str, *, key: str | None = None, **facts: Any) -> httpx.Response:
        """All that is left, unless `facts` say how much."""
        return await self._post("/refunds", {"payment_id": payment_id, **facts}, key)

    async def capture(self, payment_id: str, *, key: str | None = None, **facts: Any) -> httpx.Response:
        return await self._post(f"/payments/{payment_id}/capture", facts or None, key)

    async def cancel(self, payment_id: str, *, key: str | None = None) -> httpx.Response:
        return await self._post(f"/payments/{payment_id}/cancel", None, key)

    async def refunds(self, payment_id: str) -> list[Body]:
        """What went back of it, or is on its way, as the API tells it; newest first."""
        listed: list[Body] = (await self._get(f"/refunds?payment_id={payment_id}"))["data"]
        return listed

    async def until_refund(self, refund_id: str, status: str) -> Body:
        """The refund, once it has this status."""

        async def reached() -> Body | None:
            refund: Body = (await self._get(f"/refunds/{refund_id}"))["data"]
            return refund if refund["status"] == status else None

        refund = await eventually(reached)
        assert refund is not None
        return refund

    async def save(self, body: Body, *, key: str | None = None, api: str | None = None) -> httpx.Response:
        """Keep a method; `body` says which, and is this user's."""
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Idempotency-Key": key} if key else {})
        url = f"{self.service.api(api)}/payments/methods"
        return await self.service.http.post(url, json={"user_id": str(self.id), **body}, headers=headers)

    async def save_card(self, token: str = "tok_visa", **facts: Any) -> httpx.Response:
        return await self.save({"type": "CARD", "token": token, **facts})

    async def methods(self) -> list[Body]:
        """What this user has saved, as the API tells it."""
        listed: list[Body] = (await self._get(f"/payments/methods/{self.id}"))["data"]
        return listed

    async def remove(self, method_id: str) -> httpx.Response:
        url = f"{self.service.api()}/payments/methods/{self.id}/{method_id}"
        return await self.service.http.delete(url, headers={"Authorization": f"Bearer {self.token}"})

    async def pay_until_told(self, body: Body, key: str) -> httpx.Response:
        """What a shop does that got no answer: the same request again, until the outcome is known."""

        async def told() -> httpx.Response | None:
            answer = await self.pay(body, key=key)
            assert answer.status_code in {201, 202, 402, 409}, answer.text
            return answer if answer.status_code in {201, 402} else None

        answer = await eventually(told)
        assert answer is not None
        return answer

    async def look(self, payment_id: str) -> dict[str, Any]:
        """The payment as the API tells it."""
        answer = await self._get(f"/payments/{payment_id}")
        payment: dict[str, Any] = answer["data"]
        return payment

    async def until(self, payment_id: str, status: str, *, within: float = PATIENCE_S) -> dict[str, Any]:
        """The payment, once it has this status."""

        async def reached() -> dict[str, Any] | None:
            payment = await self.look(payment_id)
            return payment if payment["status"] == status else None

        try:
            payment = await eventually(reached, within=within)
        except AssertionError as late:
            raise AssertionError(f"not {status} within {within} s: {await self.look(payment_id)}") from late
        assert payment is not None
        return payment

    async def until_receipt(self, payment_id: str, *, within: float = PATIENCE_S) -> dict[str, Any]:
        """The payment, once it has succeeded and M-Pesa's receipt is there: a query may be faster than the callback."""

        async def complete() -> dict[str, Any] | None:
            payment = await self.look(payment_id)
            return payment if payment["status"] == "SUCCEEDED" and payment["receipt"] else None

        payment = await eventually(complete, within=within)
        assert payment is not None
        return payment

    async def story(self, payment_id: str) -> list[Any]:
        """The payment's history, verified: as it is told, and as it is kept."""

        async def the_same() -> list[Any] | None:  # entries may join while we look
            told = stories.check_told(await self._get(f"/payment-history/{payment_id}"))
            kept = await stories.check_kept(self.service.database.owner_dsn, payment_id)
            return told if len(told) == kept else None

        entries = await eventually(the_same)
        assert entries is not None
        return entries

    async def payments(self) -> list[str]:
        """The ids of all payments of this user, from the database."""
        return await stories.ids_of(self.service.database.owner_dsn, self.id)

    async def charged_once(self, payment_id: str) -> None:
        """One payment of ours, one charge at Stripe, and they are the same."""
        charges, ours = await asyncio.gather(self.service.stripe.charges(self.id), self.payments())
        assert [charge["metadata"]["payment_id"] for charge in charges] == [payment_id] == ours

    async def asked_once(self, payment_id: str, *, paid: bool = True) -> None:
        """One payment of ours and one prompt; paid once, or not at all."""
        daraja = self.service.daraja
        assert await self.payments() == [payment_id]
        assert len(await daraja.prompts(self.phone)) == 1
        assert len(await daraja.payments(self.phone)) == int(paid)

    async def _post(self, path: str, body: Body | None, key: str | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Idempotency-Key": key} if key else {})
        return await self.service.http.post(self.service.api() + path, json=body, headers=headers)

    def _order(self) -> Body:
        return {"user_id": str(self.id), "order_id": "order_1"}

    async def _get(self, path: str) -> dict[str, Any]:
        answer = await self.service.http.get(
            self.service.api() + path, headers={"Authorization": f"Bearer {self.token}"}
        )
        told: dict[str, Any] = answer.raise_for_status().json()
        return told


def told(answer: httpx.Response, status: int = 201) -> dict[str, Any]:
    """The payment in an answer of this status."""
    assert answer.status_code == status, answer.text
    payment: dict[str, Any] = answer.json()["data"]
    return payment


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, of this status and code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert (document["status"], document["code"], document["success"]) == (status, code, False)
    return document
