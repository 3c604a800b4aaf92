"""GET /payments and GET /payments/user/{userId}, with the use case over payments in memory."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from uuid_utils.compat import uuid7

from domain.payment import Payment
from tests.builders import SOMEONE, SOMEONE_ELSE, a_payment, an_mpesa_payment
from tests.contracts.payments_contract import opened
from tests.fakes_http import World, a_token, code_of

ADMIN = a_token("payments:read", "admin")
MINE = f"/payments/user/{SOMEONE}"
THEIRS = f"/payments/user/{SOMEONE_ELSE}"
#: None of them is a date or time as we read them; the last two are outside all years once in UTC.
NO_TIMES = (
    *("today", "2026-02-30", "2026-1-1", "20260101", "2026-W01-1", "1750000000"),
    *("2026-01-01T25:00:00Z", "2026-01-01T", "2026-01-01T12", "2026-01-01 12:00:00", "2026-01-01T12:00:00 03:00"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
)


async def given(*payments: Payment) -> World:
    world = World()
    for payment in payments:
        await opened(world.store, payment)
    return world


async def get(world: World, url: str, token: str | None = None, **parameters: Any) -> httpx.Response:
    async with world.client(token) as client:
        return await client.get(url, params=parameters)


def ids(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [payment["id"] for payment in response.json()["data"]]


def made(*, seconds_ago: int, **facts: Any) -> Payment:
    return a_payment(id=UUID(int=uuid7().int - (seconds_ago * 1000 << 80)), **facts)


# what a page says


async def test_a_page_says_of_a_payment_what_looking_at_it_says() -> None:
    """The same fields, newest first, in the envelope of a list."""
    older, newer = made(seconds_ago=1), a_payment()
    world = await given(older, newer)
    world.shelf.put(newer)

    response = await get(world, "/payments")
    alone = await get(world, f"/payments/{newer.id}")

    assert ids(response) == [str(newer.id), str(older.id)]
    assert response.json()["data"][0] == alone.json()["data"]
    assert response.json()["metadata"] == {
        "correlation_id": response.headers["x-request-id"],
        "limit": 50,
        "next_cursor": None,
    }
    assert response.json()["success"] is True
    assert response.headers["cache-control"] == "private, no-cache"


async def test_the_cursor_of_each_page_leads_to_the_next() -> None:
    """Until there is none; a list without anything is one page."""
    payments = [made(seconds_ago=number) for number in range(5)]
    world = await given(*payments)

    found, cursor = [], None
    for size in (2, 2, 1):
        page = await get(world, "/payments", limit=2, **({"cursor": cursor} if cursor else {}))
        found += ids(page)
        assert len(page.json()["data"]) == size
        cursor = page.json()["metadata"]["next_cursor"]

    assert cursor is None
    assert found == [str(payment.id) for payment in payments]
    nothing = await get(World(), "/payments")
    assert (ids(nothing), nothing.json()["metadata"]["next_cursor"]) == ([], None)


async def test_a_page_that_ends_with_the_list_is_the_last() -> None:
    """Nobody is sent to an empty page."""
    world = await given(a_payment(), a_payment())

    assert (await get(world, "/payments", limit=2)).json()["metadata"]["next_cursor"] is None


async def test_head_is_answered_like_get() -> None:
    """Without the page."""
    async with (await given(a_payment())).client() as client:
        response = await client.head("/payments")

    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 0


# whose they are


async def test_one_sees_ones_own() -> None:
    """With or without saying so, by either path."""
    mine, theirs = a_payment(), a_payment(user_id=SOMEONE_ELSE)
    world = await given(mine, theirs)

    for response in (
        await get(world, "/payments"),
        await get(world, "/payments", user_id=SOMEONE),
        await get(world, MINE),
    ):
        assert ids(response) == [str(mine.id)]


@pytest.mark.parametrize("whose", [SOMEONE_ELSE, UUID("00000000-0000-4000-8000-000000000000")])
async def test_anothers_are_forbidden_whether_or_not_there_is_such_a_user(whose: UUID) -> None:
    """The answer tells nothing about who exists."""
    world = await given(a_payment(user_id=SOMEONE_ELSE))

    told = []
    for response in (
        await get(world, "/payments", user_id=whose),
        await get(world, f"/payments/user/{whose}"),
    ):
        assert code_of(response) == "forbidden"
        told.append(response.json()["detail"])
    assert told == ["The token is another user's."] * 2


async def test_an_admin_sees_all_or_one_users() -> None:
    """As asked."""
    mine, theirs = made(seconds_ago=1), a_payment(user_id=SOMEONE_ELSE)
    world = await given(mine, theirs)

    assert ids(await get(world, "/payments", ADMIN)) == [str(theirs.id), str(mine.id)]
    assert ids(await get(world, "/payments", ADMIN, user_id=SOMEONE_ELSE)) == [str(theirs.id)]
    assert ids(await get(world, THEIRS, ADMIN)) == [str(theirs.id)]


@pytest.mark.parametrize("url", ["/payments", MINE])
async def test_a_list_needs_the_scope(url: str) -> None:
    """And a token."""
    assert code_of(await get(World(), url, a_token("payments:write"))) == "forbidden"
    assert code_of(await get(World(), url, "")) == "unauthenticated"


# filters


@pytest.mark.parametrize(
    "filters",
    [
        {"order_id": "order 2/é"},
        {"currency": "KES"},
        {"gateway": "mpesa"},
        {"status": "PROCESSING", "order_id": "order 2/é", "gateway": "mpesa", "currency": "KES"},
    ],
    ids=str,
)
async def test_a_filter_lets_through_what_has_it(filters: dict[str, str]) -> None:
    """All of them hold together, by either path."""
    one, other = a_payment(), an_mpesa_payment(order_id="order 2/é")
    world = await given(one, other)

    for url in ("/payments", MINE):
        assert ids(await get(world, url, **filters)) == [str(other.id)]
        assert ids(await get(world, url, **filters, end_date="2020-01-01")) == []


async def test_a_date_is_its_whole_day_and_a_time_is_itself() -> None:
    """Both ends included, in UTC."""
    at = datetime(2026, 3, 31, 23, 59, 59, 999000, tzinfo=UTC)
    payment = a_payment(id=UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62))
    world = await given(payment)

    for within in (
        {"start_date": "2026-03-31", "end_date": "2026-03-31"},
        {"start_date": at.isoformat(), "end_date": at.isoformat()},
        {"start_date": "2026-04-01T02:59:59.999+03:00", "end_date": "2026-04-01T02:59:59.999+03:00"},
        {"end_date": "2026-03-31T23:59:59.999"},
        {"start_date": "2026-03-31T23:59Z"},
    ):
        assert ids(await get(world, "/payments", **within)) == [str(payment.id)], within
    for without in (
        {"start_date": "2026-04-01"},
        {"end_date": "2026-03-30"},
        {"start_date": (at + timedelta(milliseconds=1)).isoformat()},
        {"end_date": (at - timedelta(milliseconds=1)).isoformat()},
    ):
        assert ids(await get(world, "/payments", **without)) == [], without


# what is refused


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("limit", value) for value in ("0", "101", "-1", "ten", "", "1.5", "007", "1e1", "\u0663", " 5", "99999999")),
        *(("status", value) for value in ("", "succeeded", "PAID")),
        *(("gateway", value) for value in ("", "STRIPE", "paypal")),
        *(("currency", value) for value in ("", "usd", "XXX", "USDD")),
        *(("user_id", value) for value in ("", "me", str(SOMEONE).upper(), str(SOMEONE).replace("-", ""))),
        *(("order_id", value) for value in ("", "x" * 65, "a\x00b", "a\nb")),
        *((field, value) for field in ("start_date", "end_date") for value in NO_TIMES),
    ],
)
async def test_a_value_that_cannot_be_is_named(field: str, value: str) -> None:
    """400 with the field and what it asks for; what was sent is not repeated."""
    response = await get(World(), "/payments", **{field: value})

    assert response.status_code == 400
    assert code_of(response) == "invalid-parameter"
    (fault,) = response.json()["errors"]
    assert fault["field"] == field
    assert fault["message"].startswith("must be ")


async def test_all_faults_are_told_at_once() -> None:
    """Nobody mends one to learn of the next."""
    response = await get(World(), "/payments", limit="0", status="paid", start_date="2026-02-02", end_date="2026-02-01")

    assert code_of(response) == "invalid-parameter"
    faults = {fault["field"]: fault["message"] for fault in response.json()["errors"]}
    assert set(faults) == {"limit", "status", "end_date"}
    assert faults["end_date"] == "must not be before start_date"


@pytest.mark.parametrize("query", ["order_id=%ff", "order_id=%C3%28", "status=%80"])
async def test_a_query_that_is_not_utf_8_is_refused(query: str) -> None:
    """Nothing is replaced by something that was not meant."""
    async with World().client() as client:
        assert code_of(await client.get(f"/payments?{query}")) == "invalid-parameter"


@pytest.mark.parametrize(
    "query", ["limit=1&limit=1", "colour=red", "user_id=a&user_id=b", "Limit=1", "cursor=&cursor="]
)
async def test_what_is_unknown_or_repeated_is_refused(query: str) -> None:
    """A typing mistake in a filter must not give everything."""
    async with World().client() as client:
        assert code_of(await client.get(f"/payments?{query}")) == "unknown-parameter"


async def test_a_path_names_its_user_once() -> None:
    """No second user in the query."""
    assert code_of(await get(World(), MINE, user_id=SOMEONE)) == "unknown-parameter"


@pytest.mark.parametrize(
    ("user", "code"),
    [("me", "malformed-id"), (str(SOMEONE).upper(), "not-found"), (str(SOMEONE).replace("-", ""), "not-found")],
)
async def test_a_user_has_one_spelling(user: str, code: str) -> None:
    """Others are no address of ours."""
    assert code_of(await get(World(), f"/payments/user/{user}", ADMIN)) == code


# cursors


@pytest.fixture
async def listed() -> tuple[World, str]:
    """Six payments, and the cursor of the first page of two of one's own that are in USD."""
    world = await given(*(made(seconds_ago=number) for number in range(6)))
    page = await get(world, "/payments", limit=2, currency="USD")
    return world, page.json()["metadata"]["next_cursor"]


async def test_a_cursor_goes_on_with_another_limit(listed: tuple[World, str]) -> None:
    """How many a page holds is no filter."""
    world, cursor = listed

    assert len(ids(await get(world, "/payments", currency="USD", limit=3, cursor=cursor))) == 3
    assert len(ids(await get(world, "/payments", currency="USD", cursor=cursor))) == 4


async def test_a_cursor_is_for_its_list_filters_and_caller_alone(listed: tuple[World, str]) -> None:
    """Elsewhere it would skip what nobody has seen."""
    world, cursor = listed
    another = a_token("payments:read", sub=str(SOMEONE_ELSE))

    for response in (
        await get(world, "/payments", cursor=cursor),
        await get(world, "/payments", cursor=cursor, currency="EUR"),
        await get(world, "/payments", cursor=cursor, currency="USD", gateway="stripe"),
        await get(world, MINE, cursor=cursor, currency="USD"),
        await get(world, "/payments", ADMIN, cursor=cursor, currency="USD"),
        await get(world, "/payments", another, cursor=cursor, currency="USD"),
        await get(world, "/payments", cursor=cursor[:-1], currency="USD"),
        await get(
            world, "/payments", cursor=f"A{cursor[1:]}" if cursor[0] != "A" else f"B{cursor[1:]}", currency="USD"
        ),
        await get(world, "/payments", cursor=f"{cursor}=", currency="USD"),
        await get(world, "/payments", cursor="", currency="USD"),
        await get(world, "/payments", cursor="é", currency="USD"),
    ):
        assert response.status_code == 400
        assert code_of(response) == "invalid-cursor"


async def test_what_is_added_meanwhile_changes_no_later_page(listed: tuple[World, str]) -> None:
    """No payment is shown twice, and none is missing."""
    world, cursor = listed
    before = ids(await get(world, "/payments", currency="USD", cursor=cursor))
    await opened(world.store, a_payment())

    assert ids(await get(world, "/payments", currency="USD", cursor=cursor)) == before
