"""GET /refunds, with the use case over refunds in memory."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.builders import SOMEONE, SOMEONE_ELSE, now
from tests.contracts.refund_lists_contract import paid_for, refunded
from tests.fakes_http import World, a_token, code_of

READER = a_token("refunds:read")
ADMIN = a_token("refunds:read", "admin")


async def get(world: World, token: str = READER, **parameters: Any) -> httpx.Response:
    async with world.client(token) as client:
        return await client.get("/refunds", params=parameters)


async def given(*users: Any) -> tuple[World, list[str]]:
    """A refund of each of these users, newest first."""
    world, made = World(), []
    for number, user in enumerate(users):
        payment = await paid_for(world.store, user_id=user, order_id=f"order_{number}")
        at = now() + timedelta(milliseconds=number)
        made.append(await refunded(world.store, world.store_of_refunds, payment, at=at))
    return world, [str(refund.id) for refund in reversed(made)]


def ids(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [refund["id"] for refund in response.json()["data"]]


async def test_one_sees_the_refunds_of_ones_own_payments() -> None:
    """Newest first, in the envelope of a list; an admin sees all of them."""
    world, (mine, theirs) = await given(SOMEONE_ELSE, SOMEONE)

    response = await get(world)

    assert ids(response) == [mine]
    assert response.json()["data"][0]["reason"] == "too small"
    assert (response.json()["metadata"]["limit"], response.json()["metadata"]["next_cursor"]) == (50, None)
    assert response.headers["cache-control"] == "private, no-cache"
    assert ids(await get(world, ADMIN)) == [mine, theirs]
    assert ids(await get(world, ADMIN, user_id=SOMEONE_ELSE)) == [theirs]
    assert code_of(await get(world, user_id=SOMEONE_ELSE)) == "forbidden"
    assert code_of(await get(world, a_token("payments:read"))) == "forbidden"


async def test_pages_lead_on_to_the_end() -> None:
    """Each cursor is for this list and its filters alone."""
    world, made = await given(*[SOMEONE] * 3)

    first = await get(world, limit=2, status="PROCESSING")
    cursor = first.json()["metadata"]["next_cursor"]
    second = await get(world, limit=2, status="PROCESSING", cursor=cursor)

    assert ids(first) + ids(second) == made
    assert second.json()["metadata"]["next_cursor"] is None
    assert code_of(await get(world, cursor=cursor)) == "invalid-cursor"
    assert code_of(await get(world, status="PROCESSING", cursor=cursor[:-1])) == "invalid-cursor"


async def test_filters_hold_together() -> None:
    """All that are given."""
    world, (newest, _) = await given(SOMEONE, SOMEONE)
    payment_id = (await get(world, limit=1)).json()["data"][0]["payment_id"]

    assert ids(await get(world, payment_id=payment_id)) == [newest]
    assert ids(await get(world, payment_id=payment_id, status="PROCESSING", start_date="2020-01-01")) == [newest]
    assert ids(await get(world, payment_id=payment_id, status="FAILED")) == []
    assert ids(await get(world, end_date="2020-01-01")) == []
    assert ids(await get(world, payment_id=SOMEONE)) == []


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"status": "AUTHORIZED"}, "invalid-parameter"),
        ({"payment_id": "pay_1"}, "invalid-parameter"),
        ({"user_id": "me"}, "invalid-parameter"),
        ({"limit": "0"}, "invalid-parameter"),
        ({"start_date": "2026-02-02", "end_date": "2026-02-01"}, "invalid-parameter"),
        ({"order_id": "order_1"}, "unknown-parameter"),
        ({"cursor": "x"}, "invalid-cursor"),
    ],
)
async def test_what_cannot_be_is_refused(parameters: dict[str, str], code: str) -> None:
    """A typing mistake must not give everything."""
    response = await get(World(), **parameters)

    assert (response.status_code, code_of(response)) == (400, code)
