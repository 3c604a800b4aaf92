"""The same request again: by its key, and without one."""

from entrypoints.walk.expectations import Expected, header, made, member, problem, status, that
from entrypoints.walk.shop import Shop, fresh
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import Answer, post


async def with_a_key(tour: Tour, shop: Shop) -> None:
    body, key = shop.purchase(), fresh("key")
    first = await tour.check("a payment with a key", post("/payments", body, key=key), status(201))
    again = (status(201), same_bytes(first), header("idempotent-replayed", "true"))
    await tour.check("the same again is the first answer", post("/payments", body, key=key), *again)
    await tour.check(
        "however it is spelled",
        post("/payments", dict(reversed(body.items())), key=f'"{key}"'),
        *again,
    )
    await tour.check(
        "another body is refused",
        post("/payments", body | {"amount": 2600}, key=key),
        problem(422, "idempotency-key-reused"),
    )
    mended = fresh("key")
    await tour.check(
        "what is refused uses no key up",
        post("/payments", shop.purchase(amount=0), key=mended),
        problem(422, "invalid-request", field="amount"),
    )
    await tour.check("the same key, mended", post("/payments", shop.purchase(), key=mended), status(201))
    for rule, bad in (("an empty key", '""'), ("a key of 256 characters", "k" * 256), ("a key with a blank", "a b")):
        await tour.check(
            f"{rule} is refused",
            post("/payments", shop.purchase()).with_(headers={"Idempotency-Key": bad}),
            problem(400, "invalid-idempotency-key"),
        )


async def of_a_decline(tour: Tour, shop: Shop) -> None:
    declined = post("/payments", shop.card("tok_chargeDeclined"), key=fresh("key"))
    first = await tour.check("a declined payment with a key", declined, problem(402, "payment-declined"))
    await tour.check(
        "the same again is the first answer",
        declined,
        status(402),
        same_bytes(first),
        header("idempotent-replayed", "true"),
    )


async def without_a_key(tour: Tour, shop: Shop) -> None:
    body = shop.purchase()
    first = await tour.check("a payment without a key", post("/payments", body), status(201))
    await tour.check(
        "the same again is refused, and the first is named",
        post("/payments", body),
        problem(409, "duplicate-payment"),
        member("payment_id", first.id),
    )
    await tour.check(
        "another key makes it no other",
        post("/payments", body, key=fresh("key")),
        problem(409, "duplicate-payment"),
        member("payment_id", first.id),
    )


async def on_purpose(tour: Tour, shop: Shop) -> None:
    body = shop.card()
    first = await tour.check("a card is charged at once", post("/payments", body), made(status="SUCCEEDED"))
    await tour.check(
        "who means it pays again",
        post("/payments", body | {"allow_duplicate": True}, key=fresh("key")),
        made(status="SUCCEEDED"),
        that("another id", lambda answer: (answer.at("data.id") != first.id, f"id {answer.at('data.id')}")),
    )


def same_bytes(first: Answer) -> Expected:
    """Byte for byte."""
    return that(
        "the same bytes",
        lambda answer: (
            answer.content == first.content,
            "the same bytes" if answer.content == first.content else "other bytes",
        ),
    )
