"""/payments/methods and /payment/types, on fakes."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from uuid_utils.compat import uuid7

from domain.errors import (
    GatewayUnavailable,
    InDoubt,
    KeyExpired,
    KeyInUse,
    KeyReused,
    MethodDeclined,
    TooManyMethods,
)
from domain.payment import CaptureMethod
from domain.payment_method import GatewayName, MethodType
from domain.payment_type import Limits, PaymentType
from domain.saved_method import SavedMethod
from tests.builders import SOMEONE, SOMEONE_ELSE, a_phone, a_saved_card
from tests.fakes_http import World, a_token, code_of

A_CARD_NUMBER = "4242424242424242"
CARD: dict[str, Any] = {"user_id": str(SOMEONE), "type": "CARD", "token": "tok_visa"}
PHONE: dict[str, Any] = {"user_id": str(SOMEONE), "type": "MPESA", "phoneNumber": "0712345678"}
MINE = f"/payments/methods/{SOMEONE}"
ALL = ("methods:read", "methods:write")


def a_client(world: World, *scopes: str, **claims: Any) -> httpx.AsyncClient:
    return world.client(a_token(*(scopes or ALL), **claims))


async def post(client: httpx.AsyncClient, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client.post(
        "/payments/methods", content=content, headers={"content-type": "application/json"} | headers
    )


# saving


async def test_a_card_is_saved_as_the_body_says() -> None:
    """The user, the token, whether it is preferred; the key as this caller's on this route."""
    world = World()

    async with a_client(world) as client:
        response = await post(client, CARD | {"is_default": True}, **{"idempotency-key": "k", "x-request-id": "r-1"})

    (asked,) = world.save.asked
    assert response.status_code == 201
    assert (asked.user_id, asked.is_default, asked.request_id) == (SOMEONE, True, "r-1")
    assert (asked.method.type, asked.method.token) == (MethodType.CARD, "tok_visa")
    assert asked.key
    assert (asked.key.caller, asked.key.route, asked.key.key) == (str(SOMEONE), "POST /payments/methods", "k")
    assert response.json()["metadata"] == {"correlation_id": "r-1"}


async def test_a_phone_is_saved_in_its_one_spelling() -> None:
    """And is told as the request spells it."""
    world = World()

    async with a_client(world) as client:
        response = await post(client, PHONE)

    assert world.save.asked[0].method.phone == "254712345678"
    told = response.json()["data"]
    assert told.pop("id")
    assert told.pop("created_at")
    assert told == {"user_id": str(SOMEONE), "type": "MPESA", "phoneNumber": "254712345678", "is_default": False}


async def test_a_saved_card_is_told_without_its_token() -> None:
    """What people recognise it by, and nothing that pays."""
    world = World()
    world.save.tells = saved = a_saved_card(is_default=True)

    async with a_client(world) as client:
        response = await post(client, CARD)

    assert response.json()["data"] == {
        "id": str(saved.id),
        "user_id": str(SOMEONE),
        "type": "CARD",
        "brand": "VISA",
        "last4": "4242",
        "exp_month": 12,
        "exp_year": 2034,
        "is_default": True,
        "created_at": saved.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


async def test_a_replay_says_so() -> None:
    """As of payments."""
    world = World()
    world.save.replayed = True
    async with a_client(world) as client:
        assert (await post(client, CARD)).headers["idempotent-replayed"] == "true"


async def test_the_fingerprint_is_of_what_was_said() -> None:
    """Another spelling of the same request is the same request; another default is another."""
    world = World()
    key = {"idempotency-key": "k"}
    async with a_client(world) as client:
        for body in (CARD, dict(reversed(CARD.items())) | {"is_default": False}, CARD | {"is_default": True}):
            await post(client, body, **key)

    first, same, other = (asked.key and asked.key.fingerprint for asked in world.save.asked)
    assert first == same != other


FAULTY: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({"user_id": ..., "type": ..., "token": ...}, "user_id"),
    "no user": ({"user_id": ...}, "user_id"),
    "user no UUID": ({"user_id": "me"}, "user_id"),
    "user in capitals": ({"user_id": str(SOMEONE).upper()}, "user_id"),
    "user null": ({"user_id": None}, "user_id"),
    "no type": ({"type": ...}, "type"),
    "type unknown": ({"type": "CASH"}, "type"),
    "type in small letters": ({"type": "card"}, "type"),
    "bank transfer": ({"type": "BANK_TRANSFER", "token": ...}, "type"),
    "no token": ({"token": ...}, "token"),
    "token null": ({"token": None}, "token"),
    "token a number": ({"token": 7}, "token"),
    "token empty": ({"token": ""}, "token"),
    "token of another kind": ({"token": "src_123"}, "token"),
    "token with a path": ({"token": "pm_../customers"}, "token"),
    "token with a newline": ({"token": "tok_visa\n"}, "token"),
    "token too long": ({"token": "tok_" + "x" * 125}, "token"),
    "card with a phone": ({"phoneNumber": "0712345678"}, "phoneNumber"),
    "phone with a token": ({"type": "MPESA", "phoneNumber": "0712345678"}, "token"),
    "phone missing": ({"type": "MPESA", "token": ...}, "phoneNumber"),
    "phone of another country": ({"type": "MPESA", "token": ..., "phoneNumber": "+4915112345678"}, "phoneNumber"),
    "phone a number": ({"type": "MPESA", "token": ..., "phoneNumber": 254712345678}, "phoneNumber"),
    "default a string": ({"is_default": "yes"}, "is_default"),
    "an unknown field": ({"brand": "VISA"}, "brand"),
    "card number as token": ({"token": A_CARD_NUMBER}, "token"),
    "card number as phone": ({"type": "MPESA", "token": ..., "phoneNumber": A_CARD_NUMBER}, "phoneNumber"),
    "card number as type": ({"type": A_CARD_NUMBER}, "type"),
    "card number as user": ({"user_id": A_CARD_NUMBER}, "user_id"),
    "card number in an unknown field": ({"number": A_CARD_NUMBER}, "number"),
    "card number as a number": ({"token": int(A_CARD_NUMBER)}, "token"),
    "card number as a key": ({A_CARD_NUMBER: 1}, ""),
}


@pytest.mark.parametrize(("changes", "field"), FAULTY.values(), ids=FAULTY)
async def test_a_faulty_field_is_named_and_nothing_is_saved(changes: dict[str, Any], field: str) -> None:
    """422 with the field as this request spells it; nothing that was sent is repeated."""
    world = World()
    body = {name: value for name, value in (CARD | changes).items() if value is not ...}

    async with a_client(world) as client:
        response = await post(client, body)

    assert response.status_code == 422
    assert code_of(response) == "invalid-request"
    assert [found["field"] for found in response.json()["errors"]] == [field]
    assert A_CARD_NUMBER not in response.text
    assert not world.save.asked


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"tok_visa"', b"null"])
async def test_what_is_no_object_is_refused(body: bytes) -> None:
    """400 where it cannot be read, 422 where it is something else."""
    world = World()
    async with a_client(world) as client:
        assert (await post(client, body)).status_code in {400, 422}
    assert not world.save.asked


TROUBLES = {
    "declined": (MethodDeclined("declined"), 402, "method-declined"),
    "too many": (TooManyMethods(), 409, "conflict"),
    "running": (KeyInUse(), 409, "idempotency-key-in-use"),
    "reused": (KeyReused(), 422, "idempotency-key-reused"),
    "expired": (KeyExpired(), 409, "idempotency-key-expired"),
    "away": (GatewayUnavailable(), 503, "gateway-unavailable"),
    "lost": (InDoubt(), 503, "outcome-unknown"),
}


@pytest.mark.parametrize(("trouble", "status", "code"), TROUBLES.values(), ids=TROUBLES)
async def test_trouble_has_its_status(trouble: Exception, status: int, code: str) -> None:
    """And says when to come again, where coming again helps."""
    world = World()
    world.save.fails = trouble

    async with a_client(world) as client:
        response = await post(client, CARD)

    assert response.status_code == status
    assert code_of(response) == code
    if status == 503:
        assert int(response.headers["retry-after"]) > 0


async def test_a_decline_that_is_told_as_an_answer_is_the_same_problem() -> None:
    """402 with the reason, whether it is the first time or a replay."""
    world = World()
    world.save.tells = MethodDeclined("insufficient_funds")

    async with a_client(world) as client:
        response = await post(client, CARD)

    assert response.status_code == 402
    assert code_of(response) == "method-declined"
    assert response.json()["reason"] == "insufficient_funds"


# whose


async def test_nobody_saves_for_another_but_an_admin() -> None:
    """403, and nothing is saved."""
    world = World()
    theirs = CARD | {"user_id": str(SOMEONE_ELSE)}
    async with a_client(world) as client:
        assert code_of(await post(client, theirs)) == "forbidden"
    assert not world.save.asked
    async with a_client(world, *ALL, "admin") as client:
        assert (await post(client, theirs)).status_code == 201


@pytest.mark.parametrize("scopes", [("payments:write",), ("methods:read",), ("admin",)])
async def test_who_saves_or_removes_needs_the_scope(scopes: tuple[str, ...]) -> None:
    """methods:write, also for an admin; it is looked at before the body."""
    world = World()
    async with a_client(world, *scopes) as client:
        assert code_of(await post(client, b"{")) == "forbidden"
        assert code_of(await client.delete(f"{MINE}/{uuid7()}")) == "forbidden"


@pytest.mark.parametrize("scopes", [("payments:read",), ("methods:write",), ("admin",)])
async def test_who_lists_needs_the_scope(scopes: tuple[str, ...]) -> None:
    """methods:read."""
    async with a_client(World(), *scopes) as client:
        assert code_of(await client.get(MINE)) == "forbidden"


@pytest.mark.parametrize("path", [MINE, "/payment/types"])
async def test_without_a_token_nothing_is_told(path: str) -> None:
    """401."""
    async with World().client("") as client:
        assert code_of(await client.get(path)) == "unauthenticated"
        assert code_of(await client.delete(f"{MINE}/{uuid7()}")) == "unauthenticated"
        assert code_of(await post(client, CARD)) == "unauthenticated"


# listing and removing


async def test_all_that_a_user_has_is_listed_as_it_is_told_when_saved() -> None:
    """In the order of the use case; it is private, and asked for again each time."""
    world = World()
    phone = SavedMethod(id=uuid7(), user_id=SOMEONE, method=a_phone())
    world.methods.saved = [a_saved_card(is_default=True), phone, a_saved_card(user_id=SOMEONE_ELSE)]

    async with a_client(world) as client:
        response = await client.get(MINE)

    assert response.status_code == 200
    told = response.json()
    assert [one["id"] for one in told["data"]] == [str(one.id) for one in world.methods.saved[:2]]
    assert told["data"][1]["phoneNumber"] == "254712345678"
    assert (told["metadata"]["limit"], told["metadata"]["next_cursor"]) == (100, None)
    assert response.headers["cache-control"] == "private, no-cache"


async def test_who_has_saved_nothing_has_an_empty_list() -> None:
    """200, whoever they are."""
    async with a_client(World(), sub=str(uuid4())) as client:
        nobody = uuid4()
        assert (await client.get(f"/payments/methods/{nobody}")).status_code == 403
    async with a_client(World()) as client:
        assert (await client.get(MINE)).json()["data"] == []


async def test_another_users_are_not_listed_but_to_an_admin() -> None:
    """403: that the user exists is no secret, what they pay with is."""
    world = World()
    async with a_client(world) as client:
        assert code_of(await client.get(f"/payments/methods/{SOMEONE_ELSE}")) == "forbidden"
    async with a_client(world, *ALL, "admin") as client:
        assert (await client.get(f"/payments/methods/{SOMEONE_ELSE}")).status_code == 200


async def test_what_is_removed_is_removed_once() -> None:
    """204 without a body, then 404."""
    world = World()
    world.methods.saved = [a_saved_card()]
    path = f"{MINE}/{world.methods.saved[0].id}"

    async with a_client(world) as client:
        response = await client.delete(path)
        assert (response.status_code, response.content) == (204, b"")
        assert not {"content-length", "content-type"} & set(response.headers)
        assert code_of(await client.delete(path)) == "not-found"


async def test_another_users_cannot_be_removed_but_by_an_admin() -> None:
    """404, as if it were not there; also in one's own name."""
    world = World()
    world.methods.saved = [theirs] = [a_saved_card(user_id=SOMEONE_ELSE)]

    async with a_client(world) as client:
        for user in (SOMEONE, SOMEONE_ELSE):
            assert code_of(await client.delete(f"/payments/methods/{user}/{theirs.id}")) == "not-found"
    async with a_client(world, *ALL, "admin") as client:
        assert (await client.delete(f"/payments/methods/{SOMEONE_ELSE}/{theirs.id}")).status_code == 204


PATHS = {
    "no UUID": ("me", 400, "malformed-id"),
    "in capitals": (str(SOMEONE).upper(), 404, "not-found"),
    "undashed": (SOMEONE.hex, 404, "not-found"),
    "a card number": (A_CARD_NUMBER, 400, "malformed-id"),
}


@pytest.mark.parametrize(("name", "status", "code"), PATHS.values(), ids=PATHS)
async def test_ids_have_one_spelling(name: str, status: int, code: str) -> None:
    """As everywhere; a method's must also be one that we could have made."""
    async with a_client(World()) as client:
        for response in (await client.get(f"/payments/methods/{name}"), await client.delete(f"{MINE}/{name}")):
            assert (response.status_code, code_of(response)) == (status, code)
        assert code_of(await client.delete(f"{MINE}/{uuid4()}")) == "not-found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/payments/methods", "POST"),
        ("POST", MINE, "GET, HEAD"),
        ("GET", f"{MINE}/{SOMEONE}", "DELETE"),
        ("POST", "/payment/types", "GET, HEAD"),
    ],
)
async def test_other_methods_are_not_for_here(method: str, path: str, allowed: str) -> None:
    """405 with what is."""
    async with a_client(World()) as client:
        response = await client.request(method, path)
    assert code_of(response) == "method-not-allowed"
    assert set(allowed.split(", ")) <= set(response.headers["allow"].split(", "))


async def test_unknown_parameters_are_refused() -> None:
    """400, as everywhere."""
    async with a_client(World()) as client:
        assert code_of(await client.get(f"{MINE}?limit=5")) == "unknown-parameter"
        assert code_of(await client.get("/payment/types?currency=USD")) == "unknown-parameter"


# types


async def test_what_is_configured_is_told_with_its_limits() -> None:
    """To whoever has a valid token, whatever it allows."""
    world = World()
    world.types = [
        PaymentType(
            type=MethodType.MPESA,
            gateway=GatewayName.MPESA,
            limits={"KES": Limits(100, 25_000_000, 100)},
            capture_methods=(CaptureMethod.AUTOMATIC,),
            refunds=True,
            partial_refunds=False,
            can_be_saved=True,
        )
    ]

    async with a_client(world, "nothing") as client:
        response = await client.get("/payment/types")

    assert response.json()["data"] == [
        {
            "type": "MPESA",
            "gateway": "mpesa",
            "currencies": [{"currency": "KES", "min_amount": 100, "max_amount": 25_000_000, "multiple_of": 100}],
            "capture_methods": ["automatic"],
            "refunds": True,
            "partial_refunds": False,
            "can_be_saved": True,
        }
    ]
