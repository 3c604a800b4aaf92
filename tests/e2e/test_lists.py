"""Lists, stories and notes, over two APIs that remember nothing of each other."""

from typing import Any

import pytest

from tests.e2e.customers import Customer, problem, told
from tests.e2e.running import Service

pytestmark = pytest.mark.xdist_group("service")


async def get(customer: Customer, path: str, *, api: str | None = None, **parameters: Any) -> Any:
    headers = {"Authorization": f"Bearer {customer.token}"}
    answer = await customer.service.http.get(customer.service.api(api) + path, params=parameters, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def note(customer: Customer, payment_id: str, text: str, *, key: str, api: str) -> Any:
    headers = {"Authorization": f"Bearer {customer.token}", "Idempotency-Key": key}
    body = {"payment_id": payment_id, "note": text}
    return await customer.service.http.post(f"{customer.service.api(api)}/payment-history", json=body, headers=headers)


async def test_a_cursor_of_one_api_is_good_at_another(service: Service) -> None:
    """
    Pages follow each other wherever they are asked for, and hold what was answered.
    """
    customer = service.customer()
    made = [told(await customer.pay(customer.by_card(order_id=f"order_{number}")))["id"] for number in range(3)]

    first = await get(customer, "/payments", api="api-1", limit=2, status="SUCCEEDED")
    cursor = first["metadata"]["next_cursor"]
    second = await get(customer, "/payments", api="api-2", limit=2, status="SUCCEEDED", cursor=cursor)

    assert [payment["id"] for payment in first["data"] + second["data"]] == made[::-1]
    assert second["metadata"]["next_cursor"] is None
    assert second["data"][0] == await customer.look(made[0])
    of_order = await get(customer, f"/payments/user/{customer.id}", order_id="order_1")
    assert [payment["id"] for payment in of_order["data"]] == [made[1]]


async def test_a_note_stands_in_a_story_that_verifies(service: Service) -> None:
    """
    Once, though it was sent twice, to two APIs; in the payment's story and in its user's.
    """
    customer, stranger = service.customer(), service.customer()
    payment = told(await customer.pay(customer.by_card()))
    sent = {"payment_id": payment["id"], "text": "Bob called", "key": "note-1"}

    first = await note(customer, **sent, api="api-1")
    again = await note(customer, **sent, api="api-2")

    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    problem(await note(stranger, **sent, api="api-1"), 404, "not-found")
    story = await customer.story(payment["id"])
    assert [entry["note"] for entry in story if "note" in entry] == ["Bob called"]
    of_user = await get(customer, f"/payment-history/user/{customer.id}")
    assert [entry for entry in of_user["data"] if "note" in entry] == [first.json()["data"]]
    assert (await customer.look(payment["id"]))["status"] == payment["status"]
