"""POST /payments/{id}/capture and /cancel, on fakes."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from adapters.http.views import render_changed
from application.answered import Answered
from domain.errors import (
    GatewayUnavailable,
    InDoubt,
    KeyInUse,
    KeyReused,
    NotCancellable,
    NotCapturable,
    NotFound,
    PaymentBusy,
    PaymentError,
)
from domain.payment import Payment
from domain.status import Status
from tests.builders import SOMEONE, a_payment
from tests.fakes_http import World, a_settled_payment, a_token, code_of

PAYMENT = a_payment()
CHANGES = ["capture", "cancel"]
JSON = {"content-type": "application/json"}


async def post(
    world: World,
    change: str,
    body: Any = b"",
    *,
    identifier: object = PAYMENT.id,
    token: str | None = None,
    **headers: str,
) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with world.client(token) as client:
        return await client.post(f"/payments/{identifier}/{change}", content=body, headers=sent)


def the_amount(world: World) -> int | None:
    ((_, amount),) = world.changes.asked
    return amount  # type: ignore[no-any-return]


async def test_a_capture_is_asked_for_as_the_request_says() -> None:
    """Under the caller's request id, by whom it is, with the amount in minor units."""
    world = World()
    response = await post(world, "capture", b'{"amount":1000}', x_request_id="the-request", **JSON)
    ((change, amount),) = world.changes.asked
    assert response.status_code == 200
    assert (change.payment_id, change.request_id, change.key) == (PAYMENT.id, "the-request", None)
    assert change.reader.user_id == SOMEONE
    assert amount == 1000


async def test_a_cancel_is_asked_for_as_the_request_says() -> None:
    """There is nothing to say but whose."""
    world = World()
    response = await post(world, "cancel", idempotency_key="k")
    (change,) = world.changes.asked
    assert response.status_code == 200
    assert (change.payment_id, change.key.key, change.key.route) == (PAYMENT.id, "k", "POST /payments/{id}/cancel")


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("body", "headers"), [(b"", {}), (b"{}", JSON), (b" {} ", JSON)])
async def test_the_body_may_be_left_out_or_empty(change: str, body: bytes, headers: dict[str, str]) -> None:
    """All of it is captured."""
    world = World()
    assert (await post(world, change, body, **headers)).status_code == 200
    if change == "capture":
        assert the_amount(world) is None


async def test_null_is_as_good_as_absent() -> None:
    """As everywhere."""
    world = World()
    await post(world, "capture", b'{"amount":null}', **JSON)
    assert the_amount(world) is None


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/json5"])
async def test_a_body_in_another_media_type_is_never_ignored(change: str, content_type: str | None) -> None:
    """Who sends an amount must not have everything captured: 415."""
    world = World()
    headers = {} if content_type is None else {"content-type": content_type}
    response = await post(world, change, b'{"amount":1000}', **headers)
    assert response.status_code == 415
    assert not world.changes.asked


@pytest.mark.parametrize("change", CHANGES)
async def test_a_body_of_unknown_length_is_never_ignored(change: str) -> None:
    """It comes in chunks, without a length and without a type: 415, not a capture of everything."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"amount":'
        yield b"1000}"

    world = World()
    response = await post(world, change, chunks())
    assert response.status_code == 415
    assert not world.changes.asked


@pytest.mark.parametrize("amount", [0, -1, 0.5, "1000", True, 2**63, 10**30, [1000], {"amount": 1000}])
async def test_an_amount_that_is_none_is_named(amount: Any) -> None:
    """422, and nobody is asked."""
    world = World()
    response = await post(world, "capture", json.dumps({"amount": amount}).encode(), **JSON)
    assert response.status_code == 422
    code_of(response)
    assert [fault["field"].split(".")[0] for fault in response.json()["errors"]] == ["amount"]
    assert not world.changes.asked


@pytest.mark.parametrize(
    ("change", "body", "status"),
    [
        ("capture", b'{"amount":1000,"currency":"USD"}', 422),
        ("cancel", b'{"reason":"no stock"}', 422),
        ("cancel", b'{"amount":1}', 422),
        ("capture", b"[]", 422),
        ("cancel", b"null", 422),
        ("capture", b"", 400),
        ("capture", b"{", 400),
        ("capture", b'{"amount":1,"amount":1000}', 400),
        ("cancel", b"\xff", 400),
    ],
)
async def test_what_we_do_not_understand_is_refused(change: str, body: bytes, status: int) -> None:
    """Unknown fields, no object, no JSON."""
    world = World()
    response = await post(world, change, body, **JSON)
    assert response.status_code == status, response.text
    code_of(response)
    assert not world.changes.asked


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("identifier", "status"),
    [("no-uuid", 400), ("550e8400-e29b-41d4-a716-446655440000", 404), ("01A20553-00DC-743C-881F-E105512882CA", 404)],
)
async def test_an_id_has_one_spelling(change: str, identifier: object, status: int) -> None:
    """400 where it is none at all; 404 where it cannot be ours."""
    world = World()
    response = await post(world, change, identifier=identifier)
    assert response.status_code == status
    code_of(response)
    assert not world.changes.asked


@pytest.mark.parametrize("change", CHANGES)
async def test_changing_needs_the_scope_to_write(change: str) -> None:
    """403 without; 401 without a token."""
    world = World()
    assert (await post(world, change, token=a_token("payments:read", "refunds:write"))).status_code == 403
    assert (await post(world, change, token="")).status_code == 401
    assert not world.changes.asked


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("payment", "status"),
    [
        (a_settled_payment(), 200),
        (a_payment(status=Status.CANCELLED), 200),
        (a_payment(status=Status.UNKNOWN), 202),
        (a_payment(status=Status.AUTHORIZED), 202),
        (a_payment(status=Status.REVIEW), 202),
    ],
)
async def test_it_says_whether_it_is_so(change: str, payment: Payment, status: int) -> None:
    """200 it is, 202 nobody knows yet: come back. The bytes are the use case's own; nothing was made."""
    world = World()
    answer = render_changed(payment, "r-1")
    world.changes.answer = Answered(answer, payment.id)
    response = await post(world, change)
    assert response.status_code == status
    assert response.content == answer.body
    assert ("retry-after" in response.headers) is (status == 202)
    assert "location" not in response.headers


@pytest.mark.parametrize("change", CHANGES)
async def test_a_replay_says_so(change: str) -> None:
    """The header tells a second telling from the first; the body cannot."""
    world = World()
    world.changes.answer = Answered(render_changed(a_settled_payment(), "r-1"), PAYMENT.id, replayed=True)
    assert (await post(world, change, idempotency_key="k")).headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    ("why", "status"),
    [
        (NotFound(), 404),
        (NotCapturable("The payment is FAILED."), 409),
        (NotCancellable("The payment is SUCCEEDED."), 409),
        (PaymentBusy(), 409),
        (KeyInUse(), 409),
        (KeyReused(), 422),
        (GatewayUnavailable(), 503),
        (InDoubt(), 503),
    ],
)
@pytest.mark.parametrize("change", CHANGES)
async def test_a_refusal_is_a_problem(change: str, why: PaymentError, status: int) -> None:
    """Each with the status of its kind; what may be tried again says when."""
    world = World()
    world.changes.fails = why
    response = await post(world, change)
    assert response.status_code == status
    code_of(response)
    if status == 503 or isinstance(why, KeyInUse | PaymentBusy):
        assert int(response.headers["retry-after"]) > 0


async def test_a_key_belongs_to_its_payment_and_its_amount() -> None:
    """The same amount in another spelling is the same request; another payment or amount is another one."""
    world = World()
    for identifier, body in [
        (PAYMENT.id, b'{"amount":1000}'),
        (PAYMENT.id, b'{ "amount" : 1000 }'),
        (PAYMENT.id, b'{"amount":1001}'),
        (a_payment().id, b'{"amount":1000}'),
        (PAYMENT.id, b"{}"),
    ]:
        await post(world, "capture", body, identifier=identifier, idempotency_key="the-key", **JSON)
    keys = [change.key for change, _ in world.changes.asked]
    assert keys[0] == keys[1]
    assert len({key.fingerprint for key in keys}) == 4
    assert {(key.route, key.key) for key in keys} == {("POST /payments/{id}/capture", "the-key")}
