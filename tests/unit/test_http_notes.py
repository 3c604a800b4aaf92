"""POST /payment-history and GET /payment-history/user/{userId}, with the use cases over payments in memory."""

import json
from typing import Any

import httpx
import pytest

from domain.payment import Payment
from tests.builders import SOMEONE, SOMEONE_ELSE, a_payment
from tests.contracts.payments_contract import opened
from tests.fakes_http import World, a_token, code_of

ADMIN = a_token("history:write", "payments:read", "admin")
WRITER = a_token("history:write", "payments:read")
MINE = f"/payment-history/user/{SOMEONE}"


async def given(*payments: Payment) -> World:
    world = World()
    for payment in payments:
        await opened(world.store, payment)
    return world


async def note(world: World, body: Any, token: str = WRITER, *, key: str | None = None) -> httpx.Response:
    headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
    async with world.client(token) as client:
        return await client.post("/payment-history", content=json.dumps(body), headers=headers)


async def get(world: World, url: str, token: str = WRITER, **parameters: Any) -> httpx.Response:
    async with world.client(token) as client:
        return await client.get(url, params=parameters)


def a_note(payment: Payment, **changes: Any) -> dict[str, Any]:
    return {"payment_id": str(payment.id), "note": "Bob called", **changes}


# adding


async def test_a_note_is_an_entry_that_changes_no_status() -> None:
    """201 with the entry: its place, its cause and its hashes, and the note in plain."""
    payment = a_payment()
    world = await given(payment)

    response = await note(world, a_note(payment, metadata={"agent": "Eve"}))

    assert response.status_code == 201
    entry = response.json()["data"]
    assert (entry["seq"], entry["status"], entry["was"]) == (2, "PROCESSING", "PROCESSING")
    assert (entry["note"], entry["metadata"]) == ("Bob called", {"agent": "Eve"})
    assert entry["cause"] == {"kind": "request", "id": response.headers["x-request-id"]}
    assert entry["evidence"] == []
    begun, noted = world.store.entries[payment.id]
    assert (entry["previous_hash"], entry["hash"]) == (begun.hash.hex(), noted.hash.hex())
    assert noted.event == "payment.noted"
    assert response.headers["location"] == f"/payment-history/{payment.id}"
    assert response.json()["metadata"]["correlation_id"] == response.headers["x-request-id"]


async def test_an_admin_notes_what_is_anybodys_and_others_what_is_theirs() -> None:
    """Somebody else's payment is not there, like one that never was."""
    theirs = a_payment(user_id=SOMEONE_ELSE)
    world = await given(theirs)

    assert code_of(await note(world, a_note(theirs))) == "not-found"
    assert code_of(await note(world, a_note(a_payment()))) == "not-found"
    assert code_of(await note(world, a_note(theirs, payment_id=str(SOMEONE)))) == "not-found"
    assert (await note(world, a_note(theirs), ADMIN)).status_code == 201


async def test_a_note_needs_its_own_scope() -> None:
    """Who may read a story may not add to it."""
    payment = a_payment()

    assert code_of(await note(await given(payment), a_note(payment), a_token("payments:read"))) == "forbidden"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": "SUCCEEDED"}, "status"),
        ({"note": ""}, "note"),
        ({"note": " \n\t "}, "note"),
        ({"note": "x" * 2001}, "note"),
        ({"note": 7}, "note"),
        ({"note": None}, "note"),
        ({"note": "paid by 4242 4242 4242 4242"}, "note"),
        ({"metadata": {"card": 4242424242424242}}, "metadata.card"),
        ({"metadata": {"text": "x" * 16_384}}, "metadata"),
        ({"metadata": []}, "metadata"),
        ({"payment_id": "pay_1"}, "payment_id"),
        ({"payment_id": "01A2063E-7CE3-72DC-A7A0-BF67C55D09C5"}, "payment_id"),
        ({"user_id": str(SOMEONE)}, "user_id"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_is_no_note_is_refused(changes: dict[str, Any], field: str) -> None:
    """A status has no place in it, nor has a card number; nothing is added."""
    payment = a_payment()
    world = await given(payment)

    response = await note(world, a_note(payment, **changes))

    assert response.status_code == 422
    assert code_of(response) == "invalid-request"
    assert [fault["field"] for fault in response.json()["errors"]] == [field]
    assert len(world.store.entries[payment.id]) == 1


async def test_the_longest_note_is_taken() -> None:
    """2,000 characters, in any script, over several lines."""
    payment = a_payment()
    text = "é\n" * 1000

    assert (await note(await given(payment), a_note(payment, note=text))).json()["data"]["note"] == text


async def test_a_repeat_under_its_key_gets_the_first_answer() -> None:
    """Byte for byte, and says so; nothing is added again."""
    payment = a_payment()
    world = await given(payment)

    first = await note(world, a_note(payment), key="key-1")
    again = await note(world, a_note(payment, metadata={}), key="key-1")
    other = await note(world, a_note(payment, note="Bob called again"), key="key-1")

    assert (again.status_code, again.content) == (201, first.content)
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert (other.status_code, code_of(other)) == (422, "idempotency-key-reused")
    assert len(world.store.entries[payment.id]) == 2


async def test_without_a_key_every_note_is_another() -> None:
    """Nobody knows whether it was meant twice."""
    payment = a_payment()
    world = await given(payment)

    assert [(await note(world, a_note(payment))).json()["data"]["seq"] for _ in range(2)] == [2, 3]


async def test_a_refusal_does_not_use_the_key_up() -> None:
    """Mended, the same request goes through."""
    payment = a_payment(user_id=SOMEONE_ELSE)
    world = await given(payment)

    assert code_of(await note(world, a_note(payment), key="key-1")) == "not-found"
    world.store.kept.clear()
    await opened(world.store, mine := a_payment(id=payment.id))
    assert (await note(world, a_note(mine), key="key-1")).status_code == 201


# a user's story


async def test_a_users_story_has_every_entry_newest_first() -> None:
    """Entries like those of one payment's story, notes in plain."""
    payment = a_payment()
    world = await given(payment, a_payment(user_id=SOMEONE_ELSE))
    added = (await note(world, a_note(payment))).json()["data"]

    response = await get(world, MINE)

    assert response.status_code == 200
    newest, oldest = response.json()["data"]
    assert newest == added
    assert (oldest["seq"], oldest["previous_hash"]) == (1, "0" * 64)
    assert response.json()["metadata"] == {
        "correlation_id": response.headers["x-request-id"],
        "limit": 50,
        "next_cursor": None,
    }
    assert response.headers["cache-control"] == "private, no-cache"


async def test_the_pages_of_a_story_lead_on_to_its_end() -> None:
    """Also within one payment; a cursor is for this user's story alone."""
    payment = a_payment()
    world = await given(payment)
    for _ in range(4):
        await note(world, a_note(payment))

    found, cursor = [], {}
    for size in (2, 2, 1):
        page = (await get(world, MINE, limit=2, **cursor)).json()
        assert len(page["data"]) == size
        found += [entry["seq"] for entry in page["data"]]
        cursor, last = {"cursor": page["metadata"]["next_cursor"]}, cursor

    assert found == [5, 4, 3, 2, 1]
    assert cursor == {"cursor": None}
    assert code_of(await get(world, "/payments", **last)) == "invalid-cursor"
    assert code_of(await get(world, MINE, ADMIN, **last)) == "invalid-cursor"
    assert code_of(await get(world, MINE, **last, start_date="2026-01-01")) == "invalid-cursor"


async def test_a_story_has_a_period() -> None:
    """And no other filter."""
    world = await given(a_payment())

    assert (await get(world, MINE, end_date="2020-01-01")).json()["data"] == []
    assert len((await get(world, MINE, start_date="2020-01-01")).json()["data"]) == 1
    assert code_of(await get(world, MINE, end_date="soon")) == "invalid-parameter"
    assert code_of(await get(world, MINE, status="FAILED")) == "unknown-parameter"
    assert code_of(await get(world, MINE, limit=101)) == "invalid-parameter"


async def test_anothers_story_is_forbidden() -> None:
    """To all but admins, whether or not there is such a user."""
    theirs = f"/payment-history/user/{SOMEONE_ELSE}"
    world = await given(a_payment(user_id=SOMEONE_ELSE))

    assert code_of(await get(world, theirs)) == "forbidden"
    assert len((await get(world, theirs, ADMIN)).json()["data"]) == 1
    assert code_of(await get(world, MINE, a_token("history:write"))) == "forbidden"
    assert code_of(await get(world, "/payment-history/user/me")) == "malformed-id"
