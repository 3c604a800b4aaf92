"""Money back: in parts, all of it, never more than was taken."""

from entrypoints.walk.expectations import data, header, made, member, problem, status, there, told
from entrypoints.walk.shop import Shop, fresh, unknown_id
from entrypoints.walk.topics.repeats import same_bytes
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import Answer, get, post


async def of_cards(tour: Tour, shop: Shop) -> None:
    paid = await tour.check("a card is charged at once", post("/payments", shop.card()), made(status="SUCCEEDED"))
    asked = {"payment_id": paid.id, "amount": 1000, "reason": "Came too late", "metadata": {"agent": "Eve"}}
    first = post("/refunds", asked, key=fresh("key"))
    part = await tour.check(
        "a part is given back",
        first,
        made(payment_id=paid.id, amount=1000, currency="USD", reason="Came too late", metadata={"agent": "Eve"}),
        header("location"),
    )
    await tour.check(
        "the same again is the first answer",
        first,
        status(201),
        same_bytes(part),
        header("idempotent-replayed", "true"),
    )
    await _done(tour, part)
    await tour.check(
        "the payment knows",
        get(f"/payments/{paid.id}"),
        told(status="SUCCEEDED", amount_refunded=1000, amount_refundable=1500, refund_status="PARTIAL"),
    )
    await tour.check(
        "no more than what is left",
        post("/refunds", asked | {"amount": 1501}),
        problem(422, "refund-too-large"),
        member("refundable", 1500),
    )
    rest = await tour.check(
        "without an amount, the rest", post("/refunds", {"payment_id": paid.id}), made(amount=1500, user_id=shop.user)
    )
    await _done(tour, rest)
    await tour.check(
        "all of it is back",
        get(f"/payments/{paid.id}"),
        told(status="SUCCEEDED", amount_refunded=2500, amount_refundable=0, refund_status="FULL"),
    )
    await tour.check(
        "then nothing is left",
        post("/refunds", {"payment_id": paid.id}),
        problem(422, "refund-too-large"),
        member("refundable", 0),
    )
    await _pages(tour, paid, [rest.id, part.id])
    await _bad_input(tour, shop)


async def of_phones(tour: Tour, shop: Shop) -> None:
    if not shop.can("MPESA", "refunds"):
        tour.skip("money back to a phone", "no initiator is configured")
        return
    whole = await _paid_by_phone(tour, shop)
    back = await tour.check(
        "all of it is reversed", post("/refunds", {"payment_id": whole}), made(amount=2500, channel="reversal")
    )
    await _done(tour, back)
    await tour.check("the payment knows", get(f"/payments/{whole}"), told(amount_refunded=2500, refund_status="FULL"))
    await tour.check("then nothing is left", post("/refunds", {"payment_id": whole}), problem(422, "refund-too-large"))
    parted = await _paid_by_phone(tour, shop)
    part = post("/refunds", {"payment_id": parted, "amount": 1000})
    if shop.can("MPESA", "partial_refunds"):
        some = await tour.check("a part is paid out", part, made(amount=1000, channel="b2c"))
        await _done(tour, some)
        await tour.check(
            "the payment knows", get(f"/payments/{parted}"), told(amount_refunded=1000, amount_refundable=1500)
        )
    else:
        await tour.check("a part cannot be paid out here", part, problem(422, "partial-refund-unsupported"))
    await tour.check(
        "only whole shillings go back",
        part.with_(body={"payment_id": parted, "amount": 150}),
        problem(422, "invalid-request", field="amount"),
    )


async def of_nothing(tour: Tour, _: Shop) -> None:
    await tour.check("of an unknown payment", post("/refunds", {"payment_id": unknown_id()}), problem(404, "not-found"))
    await tour.check("an unknown refund", get(f"/refunds/{unknown_id()}"), problem(404, "not-found"))
    await tour.check("an id that is none", get("/refunds/re_1"), problem(400, "malformed-id"))
    await tour.check(
        "a payment must be named", post("/refunds", {}), problem(422, "invalid-request", field="payment_id")
    )


async def _bad_input(tour: Tour, shop: Shop) -> None:
    paid = await tour.check("a card is charged at once", post("/payments", shop.card()), made(status="SUCCEEDED"))
    held = await tour.check(
        "money is held, not taken",
        post("/payments", shop.card(capture_method="manual")),
        made(status="AUTHORIZED", amount_refundable=0),
    )
    of_held = post("/refunds", {"payment_id": held.id, "amount": 1000})
    await tour.check("what is only held cannot be refunded", of_held, problem(409, "not-refundable"))
    await tour.check("held money is released", post(f"/payments/{held.id}/cancel"), told(status="CANCELLED"))
    await tour.check("nor what was released", of_held, problem(409, "not-refundable"))
    for rule, fault in (
        ("amount 0", {"amount": 0}),
        ("a negative amount", {"amount": -100}),
        ("a fraction", {"amount": 10.5}),
        ("an amount in quotes", {"amount": "1000"}),
        ("another currency", {"currency": "EUR"}),
        ("a field that is not known", {"status": "SUCCEEDED"}),
    ):
        await tour.check(
            f"{rule} is refused",
            post("/refunds", {"payment_id": paid.id, **fault}),
            problem(422, "invalid-request", field=next(iter(fault))),
        )
    await tour.check(
        "nothing was reserved", get(f"/payments/{paid.id}"), told(amount_refunded=0, amount_refundable=2500)
    )


async def _pages(tour: Tour, paid: Answer, newest_first: list[str]) -> None:
    first = await tour.check(
        "refunds are listed, newest first",
        get("/refunds", payment_id=paid.id, limit=1),
        status(200),
        member("data.0.id", newest_first[0]),
        member("metadata.limit", 1),
    )
    cursor = first.need("metadata.next_cursor")
    await tour.check(
        "the cursor leads to the next",
        get("/refunds", payment_id=paid.id, limit=1, cursor=cursor),
        status(200),
        member("data.0.id", newest_first[1]),
        member("metadata.next_cursor", None),
    )
    await tour.check(
        "it is good for nothing else",
        get("/refunds", status="FAILED", payment_id=paid.id, cursor=cursor),
        problem(400, "invalid-cursor"),
    )
    await tour.check("by status", get("/refunds", payment_id=paid.id, status="FAILED"), status(200), member("data", []))
    for limit in (0, 101):
        await tour.check(
            f"no page of {limit}", get("/refunds", limit=limit), problem(400, "invalid-parameter", field="limit")
        )


async def _paid_by_phone(tour: Tour, shop: Shop) -> str:
    asked = await tour.check("the phone is asked", post("/payments", shop.mpesa()), made(status="REQUIRES_ACTION"))
    paid = await tour.until(
        "its owner has paid, and M-Pesa's receipt is there",
        get(f"/payments/{asked.id}"),
        told(status="SUCCEEDED"),
        there("data.receipt"),
    )
    return paid.id


async def _done(tour: Tour, refund: Answer) -> None:
    await tour.until(
        "the money is back",
        get(f"/refunds/{refund.id}"),
        told(id=refund.id, status="SUCCEEDED"),
        data(failure=None),
    )
