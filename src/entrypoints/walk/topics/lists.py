"""Lists: newest first, in pages by cursor, filtered."""

from datetime import UTC, datetime, timedelta

from entrypoints.walk.expectations import Expected, header, member, problem, status, that
from entrypoints.walk.shop import STRIPE, Shop, fresh, somebody_else
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import Answer, get, post


async def pages(tour: Tour, shop: Shop) -> None:
    order = fresh("order")
    made = [await _purchase(tour, shop, order, amount) for amount in (2500, 2600, 2700)]
    newest_first = [answer.id for answer in reversed(made)]
    for path in ("/payments", f"/payments/user/{shop.user}"):
        await _pages(tour, path, order, newest_first)
    await tour.check(
        "an order's payments, as they are now", get("/payments", order_id=order), status(200), _these(newest_first)
    )


async def filters(tour: Tour, shop: Shop) -> None:
    order = fresh("order")
    paid = (await _purchase(tour, shop, order, 2500)).id
    seen = await tour.until("it is paid", get(f"/payments/{paid}"), member("data.status", "SUCCEEDED"))
    now = datetime.now(UTC)
    day, yesterday, tomorrow = (f"{now + timedelta(days=days):%Y-%m-%d}" for days in (0, -1, 1))
    gateway, currency = str(seen.at("data.gateway")), str(seen.at("data.currency"))
    other = "mpesa" if shop.has(STRIPE) else "stripe"
    moment = str(seen.need("data.created_at"))
    for name, fits, fits_not in (
        ("status", "SUCCEEDED", "FAILED"),
        ("currency", currency, "CHF"),
        ("gateway", gateway, other),
        ("start_date", yesterday, tomorrow),
        ("end_date", tomorrow, yesterday),
        ("start_date", moment, tomorrow),
    ):
        within = get("/payments", order_id=order, **{name: fits})
        await tour.check(f"by {name}", within, status(200), _these([paid]))
        await tour.check(
            "and what is not so is not there",
            get("/payments", order_id=order, **{name: fits_not}),
            status(200),
            _these([]),
        )
    everything = {"status": "SUCCEEDED", "currency": currency, "gateway": gateway, "user_id": shop.user}
    await tour.check(
        "all of them at once, a date being its whole day",
        get("/payments", order_id=order, start_date=moment[:10], end_date=max(day, moment[:10]), **everything),
        status(200),
        _these([paid]),
    )
    for name, value in (("status", "PAID"), ("currency", "usd"), ("gateway", "paypal"), ("start_date", "yesterday")):
        await tour.check(
            f"a {name} that cannot be is refused",
            get("/payments", **{name: value}),
            problem(400, "invalid-parameter", field=name),
        )
    await tour.check(
        "an end before the start is refused",
        get("/payments", start_date=day, end_date=yesterday),
        problem(400, "invalid-parameter", field="end_date"),
    )


async def of_others(tour: Tour, shop: Shop) -> None:
    other = somebody_else()
    theirs = (
        get(f"/payments/user/{other}"),
        get("/payments", user_id=other),
        get("/refunds", user_id=other),
        get(f"/payment-history/user/{other}"),
    )
    for sent in theirs:
        if shop.is_admin:
            await tour.check("an admin sees another user's list", sent, status(200), _these([]))
        else:
            await tour.check("another user's list is not for this token", sent, problem(403, "forbidden"))
    if shop.is_admin:
        tour.skip("another user's list is not for this token", "the token has the scope admin")
    else:
        tour.skip("an admin sees another user's list", "the token lacks the scope admin")
        await tour.check(
            "all that are listed are one's own",
            get("/payments", limit=100),
            status(200),
            that("of one user", lambda answer: (_users(answer) <= {shop.user}, f"of {len(_users(answer))} user(s)")),
        )


async def _pages(tour: Tour, path: str, order: str, newest_first: list[str]) -> None:
    cursor: dict[str, str] = {}
    for number, expected in enumerate(newest_first, start=1):
        page = await tour.check(
            f"page {number}, of one",
            get(path, order_id=order, limit=1, **cursor),
            status(200),
            member("data.0.id", expected),
            member("metadata.limit", 1),
            _goes_on(wanted=number < len(newest_first)),
            header("cache-control", "private, no-cache"),
        )
        cursor = {"cursor": str(page.at("metadata.next_cursor"))}
        if number == 1:
            await _cursors(tour, path, order, str(page.need("metadata.next_cursor")))
    for limit in (0, 101, "ten"):
        await tour.check(
            f"no page of {limit}",
            get(path, limit=limit),
            problem(400, "invalid-parameter", field="limit"),
        )


async def _cursors(tour: Tour, path: str, order: str, cursor: str) -> None:
    changed = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    for rule, query in (
        ("a forged cursor is refused", {"order_id": order, "cursor": changed}),
        ("one that is none, too", {"order_id": order, "cursor": "1"}),
        ("a cursor is good for its filters alone", {"cursor": cursor}),
        ("and for no others", {"order_id": order, "status": "SUCCEEDED", "cursor": cursor}),
    ):
        await tour.check(rule, get(path, **query), problem(400, "invalid-cursor"))


async def _purchase(tour: Tour, shop: Shop, order: str, amount: int) -> Answer:
    return await tour.check(
        "a payment of an order", post("/payments", shop.purchase(order_id=order, amount=amount)), status(201)
    )


def _these(ids: list[str]) -> Expected:
    return that(
        f"{len(ids)} payment(s)" if ids else "an empty list",
        lambda answer: (
            answer.at("data") == answer.items and [item.get("id") for item in answer.items] == ids,
            f"{len(answer.items)} payment(s)" if answer.items else "an empty list",
        ),
    )


def _goes_on(*, wanted: bool) -> Expected:
    def seen(answer: Answer) -> tuple[bool, str]:
        cursor = answer.at("metadata.next_cursor")
        is_there = isinstance(cursor, str)
        return is_there is wanted and (is_there or cursor is None), "more follow" if is_there else "the last"

    return that("more follow" if wanted else "the last", seen)


def _users(answer: Answer) -> set[str]:
    return {str(item.get("user_id")) for item in answer.items}
