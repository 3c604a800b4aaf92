"""Saved methods: kept once, paid with, removed."""

from typing import Any

from entrypoints.walk.expectations import Expected, made, member, problem, status, that, there
from entrypoints.walk.shop import STRIPE, Shop, fresh, somebody_else, unknown_id
from entrypoints.walk.topics.repeats import same_bytes
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import ABSENT, Answer, delete, get, post


async def cards(tour: Tour, shop: Shop) -> None:
    body = {"user_id": shop.user, "type": "CARD", "token": "tok_mastercard", "is_default": True}
    keyed = post("/payments/methods", body, key=fresh("key"))
    saved = await tour.check(
        "a card is kept, without its number",
        keyed,
        made(user_id=shop.user, type="CARD", last4="4444", is_default=True),
        there("data.brand", "data.exp_month", "data.exp_year"),
        _without("token", "number"),
    )
    await tour.check("the same request is the first answer", keyed, status(201), same_bytes(saved))
    await tour.check(
        "the same card is the same method", post("/payments/methods", body), made(id=saved.id, is_default=True)
    )
    await tour.check(
        "a bank that does not want it says no",
        post("/payments/methods", body | {"token": "tok_chargeDeclined"}),
        problem(402, "method-declined"),
        there("reason"),
    )
    await _pays_and_goes(tour, shop, saved, shop.card())


async def phones(tour: Tour, shop: Shop) -> None:
    phone = shop.phone()
    body: dict[str, Any] = {"user_id": shop.user, "type": "MPESA", "phoneNumber": phone, "is_default": True}
    saved = await tour.check(
        "a phone is kept", post("/payments/methods", body), made(user_id=shop.user, type="MPESA", is_default=True)
    )
    await tour.check(
        "the same phone is the same method, however it is spelled",
        post("/payments/methods", body | {"phoneNumber": f"0{phone.removeprefix('254')}"}),
        made(id=saved.id),
    )
    await _pays_and_goes(tour, shop, saved, shop.mpesa())


async def bad_input(tour: Tour, shop: Shop) -> None:
    good: dict[str, Any] = {"user_id": shop.user, "type": "MPESA", "phoneNumber": shop.phone()}
    if shop.has(STRIPE):
        good = {"user_id": shop.user, "type": "CARD", "token": "tok_visa"}
    for rule, fault, field in (
        ("a bank transfer cannot be saved", {"type": "BANK_TRANSFER"}, "type"),
        ("a card number is refused", {"token": "4242424242424242"}, "token"),
        ("a field that is not known is refused", {"cvc": "123"}, "cvc"),
        ("a user id that is none is refused", {"user_id": "me"}, "user_id"),
    ):
        await tour.check(rule, post("/payments/methods", good | fault), problem(422, "invalid-request", field=field))
    other = somebody_else()
    listed, saving = get(f"/payments/methods/{other}"), post("/payments/methods", good | {"user_id": other})
    if shop.is_admin:
        tour.skip("another user's methods are not for this token", "the token has the scope admin")
        await tour.check("an admin sees another user's methods", listed, status(200), member("data", []))
    else:
        await tour.check("another user's methods are not listed", listed, problem(403, "forbidden"))
        await tour.check("nothing is kept for another user", saving, problem(403, "forbidden"))
        tour.skip("an admin sees another user's methods", "the token lacks the scope admin")
    gone = f"/payments/methods/{other}/{unknown_id()}"
    await tour.check("another user's method is not removed", delete(gone), problem(404, "not-found"))
    await tour.check(
        "nor one that is unknown", delete(f"/payments/methods/{shop.user}/{unknown_id()}"), problem(404, "not-found")
    )
    await tour.check("an id that is none", delete(f"/payments/methods/{shop.user}/pm_1"), problem(400, "malformed-id"))


async def _pays_and_goes(tour: Tour, shop: Shop, saved: Answer, body: dict[str, Any]) -> None:
    listing = get(f"/payments/methods/{shop.user}")
    await tour.check(
        "it is listed, the default first",
        listing,
        status(200),
        member("data.0.id", saved.id),
        member("data.0.is_default", True),
        member("metadata.next_cursor", None),
    )
    by_id = {name: value for name, value in body.items() if name != "paymentMethod"} | {"paymentMethodId": saved.id}
    card = saved.at("data.type") == "CARD"
    paid = await tour.check(
        "it pays",
        post("/payments", by_id),
        made(status="SUCCEEDED" if card else "REQUIRES_ACTION"),
        member("data.paymentMethod.type", saved.at("data.type")),
    )
    await tour.check(
        "not beside another method",
        post("/payments", body | {"paymentMethodId": saved.id}),
        problem(422, "invalid-request", field="paymentMethodId"),
    )
    if not card:
        await tour.until("its owner has paid", get(f"/payments/{paid.id}"), member("data.status", "SUCCEEDED"))
    removal = delete(f"/payments/methods/{shop.user}/{saved.id}")
    await tour.check("it is removed", removal, status(204))
    await tour.check("once", removal, problem(404, "not-found"))
    await tour.check(
        "it is listed no more",
        listing,
        status(200),
        that(
            "without it",
            lambda answer: (saved.id not in _ids(answer), f"{len(answer.items)} others"),
        ),
    )
    await tour.check(
        "and pays no more",
        post("/payments", by_id | {"order_id": fresh("order")}),
        problem(422, "invalid-request", field="paymentMethodId"),
    )


def _without(*names: str) -> Expected:
    def seen(answer: Answer) -> tuple[bool, str]:
        told = [name for name in names if answer.at(f"data.{name}") is not ABSENT]
        return not told, f"with {', '.join(told)}" if told else f"without {', '.join(names)}"

    return that(f"without {', '.join(names)}", seen)


def _ids(answer: Answer) -> list[str]:
    return [str(item.get("id")) for item in answer.items]
