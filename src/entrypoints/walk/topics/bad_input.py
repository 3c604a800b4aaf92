"""What nobody should send: refused in the contract's form, and nothing comes of it."""

import json
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from entrypoints.walk.expectations import Expected, header, member, problem, status
from entrypoints.walk.shop import Body, Shop, fresh, somebody_else, unknown_id
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import Sent, get, post

_JSON: Final = {"Content-Type": "application/json"}
_CARD_NUMBER: Final = "4242424242424242"
_TOO_LARGE: Final = 1 << 62
#: {"alg": "none"}, {}
_UNSIGNED: Final = "eyJhbGciOiJub25lIn0.e30.AA"

#: What is wrong -> the members that make it so, and the field that is named for it.
_FIELDS: Final[Mapping[str, tuple[Body, str]]] = {
    "amount 0": ({"amount": 0}, "amount"),
    "a negative amount": ({"amount": -2500}, "amount"),
    "a fraction": ({"amount": 25.5}, "amount"),
    "an amount in quotes": ({"amount": "2500"}, "amount"),
    "no amount": ({"amount": None}, "amount"),
    "an amount beyond all limits": ({"amount": _TOO_LARGE}, "amount"),
    "a currency in small letters": ({"currency": "usd"}, "currency"),
    "a currency that is none": ({"currency": "ZZZ"}, "currency"),
    "a field that is not known": ({"tip": 100}, "tip"),
    "a status": ({"status": "SUCCEEDED"}, "status"),
    "an empty order id": ({"order_id": ""}, "order_id"),
    "an order id of 65 characters": ({"order_id": "o" * 65}, "order_id"),
    "a user id that is none": ({"user_id": "me"}, "user_id"),
    "a capture method that is none": ({"capture_method": "later"}, "capture_method"),
    "a way to pay that is none": ({"paymentMethod": {"type": "CASH"}}, "paymentMethod.type"),
    "a card without its token": ({"paymentMethod": {"type": "CARD"}}, "paymentMethod.token"),
    "a card number": ({"paymentMethod": {"type": "CARD", "token": _CARD_NUMBER}}, "paymentMethod.token"),
    "a card number in the metadata": ({"metadata": {"card": "4242 4242 4242 4242"}}, "metadata.card"),
    "metadata of 9 levels": ({"metadata": {"a": [[[[[[[[1]]]]]]]]}}, "metadata"),
    "metadata of 17 KiB": ({"metadata": {"a": "x" * 17 * 1024}}, "metadata"),
    "a description of 501 characters": ({"description": "x" * 501}, "description"),
    "a way back without https": ({"return_url": "http://shop.example"}, "return_url"),
    "a saved method that is unknown": ({"paymentMethodId": unknown_id()}, "paymentMethodId"),
}


async def fields(tour: Tour, shop: Shop) -> None:
    order = fresh("order")
    for rule, (fault, field) in _FIELDS.items():
        body = shop.purchase(order_id=order) | fault
        if field == "paymentMethodId":
            del body["paymentMethod"]
        await tour.check(f"{rule} is refused", post("/payments", body), problem(422, "invalid-request", field=field))
    for name in ("user_id", "order_id", "amount", "currency", "paymentMethod"):
        body = {member_: value for member_, value in shop.purchase(order_id=order).items() if member_ != name}
        await tour.check(f"without {name}", post("/payments", body), problem(422, "invalid-request", field=name))
    await _nothing_came_of(tour, order)


async def bodies(tour: Tour, shop: Shop) -> None:
    order = fresh("order")
    good = json.dumps(shop.purchase(order_id=order))
    cases: tuple[tuple[str, bytes, list[Expected]], ...] = (
        ("no JSON", b"amount=2500", problem(400, "malformed-json")),
        ("nothing", b"", problem(400, "malformed-json")),
        ("half of it", good[:40].encode(), problem(400, "malformed-json")),
        ("NaN", good.replace("2500", "NaN").encode(), problem(400, "malformed-json")),
        ("a list", b"[]", problem(422, "invalid-request")),
        ("what is not UTF-8", good.encode("utf-16"), problem(400, "invalid-encoding")),
        ("a key twice", f'{{"amount": 1, {good[1:]}'.encode(), problem(400, "duplicate-json-key")),
        ("33 levels", b"[" * 33 + b"]" * 33, problem(400, "json-too-deep")),
        ("1,001 keys", json.dumps(dict.fromkeys(map(str, range(1001)))).encode(), problem(400, "too-many-keys")),
        ("more than 64 KiB", b'"' + b"x" * 64 * 1024 + b'"', problem(413, "payload-too-large")),
    )
    for rule, content, expected in cases:
        await tour.check(f"{rule} is refused", _raw(content, _JSON), *expected)
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"):
        await tour.check(
            f"{media_type} is not read",
            _raw(good.encode(), {"Content-Type": media_type}),
            problem(415, "unsupported-media-type"),
        )
    await tour.check("nor what has no type", _raw(good.encode(), {}), problem(415, "unsupported-media-type"))
    await tour.check(
        "who takes no JSON is told so",
        get("/payment/types").with_(headers={"Accept": "text/html"}),
        problem(406, "not-acceptable"),
    )
    await _nothing_came_of(tour, order)


async def addresses(tour: Tour, _: Shop) -> None:
    unknown = unknown_id()
    for path in ("/payments/{}", "/refunds/{}", "/payment-history/{}"):
        await tour.check("an unknown id", get(path.format(unknown)), problem(404, "not-found"))
        await tour.check("an id that is none", get(path.format("order_1")), problem(400, "malformed-id"))
        await tour.check("an id in capitals", get(path.format(unknown.upper())), problem(404, "not-found"))
        await tour.check("an id that cannot be ours", get(path.format(uuid4())), problem(404, "not-found"))
    for verb in ("capture", "cancel"):
        await tour.check("an unknown id", post(f"/payments/{unknown}/{verb}", {}), problem(404, "not-found"))
        await tour.check("an id that is none", post(f"/payments/1/{verb}", {}), problem(400, "malformed-id"))
    for path in (
        "/payment",
        "/payments/",
        "/payment//types",
        f"/payments/{unknown}/void",
        "/payments/%75ser",
        "/admin",
    ):
        await tour.check("a wrong path", get(path), problem(404, "not-found"))
    for method, path in (("DELETE", "/payments"), ("PUT", f"/payments/{unknown}"), ("GET", "/webhooks/mpesa")):
        await tour.check(
            "a method that is not for here",
            Sent(method=method, path=path),
            problem(405, "method-not-allowed"),
            header("allow"),
        )
    await tour.check(
        "a URL of 9 KiB", get("/payments").with_(query={"order_id": "x" * 9 * 1024}), problem(414, "url-too-long")
    )
    await tour.check(
        "headers of 17 KiB",
        get("/payment/types").with_(headers={"X-Walk": "x" * 17 * 1024}),
        problem(431, "headers-too-large"),
    )
    await tour.check("a user id that is none", get("/payments/user/me"), problem(400, "malformed-id"))
    await tour.check(
        "a position to read after that was never told",
        get("/payments", order_id=fresh("order")).with_(headers={"X-Read-After": "!"}),
        problem(400, "invalid-read-after"),
    )


async def callers(tour: Tour, shop: Shop) -> None:
    order = fresh("order")
    for rule, headers in (
        ("without a token", {}),
        ("with a token that is none", {"Authorization": "Bearer me"}),
        ("with a token that nobody signed", {"Authorization": f"Bearer {_UNSIGNED}"}),
        ("with a password", {"Authorization": "Basic bWU6bWU="}),
    ):
        await tour.check(
            f"{rule} nobody comes in",
            get("/payments").with_(token=False, headers=headers),
            problem(401, "unauthenticated"),
            header("www-authenticate"),
        )
    for sent in _everything_behind_a_token(shop):
        await tour.check("nor anywhere else", sent.with_(token=False), problem(401, "unauthenticated"))
    others = post("/payments", shop.purchase(order_id=order, user_id=somebody_else()))
    if shop.is_admin:
        tour.skip("nobody pays for another user", "the token has the scope admin")
        await tour.check("an admin pays for another user", others, status(201))
    else:
        await tour.check("nobody pays for another user", others, problem(403, "forbidden"))
        tour.skip("an admin pays for another user", "the token lacks the scope admin")
        await _nothing_came_of(tour, order)


def _everything_behind_a_token(shop: Shop) -> list[Sent]:
    some = unknown_id()
    return [
        post("/payments", {}),
        get(f"/payments/{some}"),
        get(f"/payments/user/{shop.user}"),
        post(f"/payments/{some}/capture", {}),
        post(f"/payments/{some}/cancel", {}),
        get("/refunds"),
        post("/refunds", {}),
        get(f"/refunds/{some}"),
        post("/payments/methods", {}),
        get(f"/payments/methods/{shop.user}"),
        Sent(method="DELETE", path=f"/payments/methods/{shop.user}/{some}"),
        get("/payment/types"),
        get(f"/payment-history/{some}"),
        get(f"/payment-history/user/{shop.user}"),
        post("/payment-history", {}),
    ]


def _raw(content: bytes, headers: dict[str, str]) -> Sent:
    return Sent(method="POST", path="/payments", content=content, headers=headers)


async def _nothing_came_of(tour: Tour, order: str) -> None:
    await tour.check("nothing came of any of them", get("/payments", order_id=order), status(200), member("data", []))
