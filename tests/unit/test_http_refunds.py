"""POST /refunds and GET /refunds/{id}, on fakes."""

import json
from typing import Any

import httpx
import pytest
from uuid_utils.compat import uuid7

from adapters.http.views import render_refund
from application.answered import Answered
from domain.errors import (
    Fault,
    GatewayUnavailable,
    Invalid,
    KeyExpired,
    KeyInUse,
    KeyReused,
    NotFound,
    NotRefundable,
    PartialRefundUnsupported,
    PaymentDisputed,
    PaymentError,
    ReceiptPending,
    RefundTooLarge,
)
from domain.evidence import Claim, Source
from domain.payment import ReferenceKind, Report
from domain.refund import Refund, RefundStatus
from tests.builders import SOMEONE, SOMEONE_ELSE, a_payment, a_refund, evidence, paid, usd
from tests.fakes_http import World, a_token, code_of

A_CARD_NUMBER = "4242424242424242"
PAYMENT = a_payment()
WRITES = a_token("refunds:write")
READS = a_token("refunds:read")


def a_body(**changes: Any) -> bytes:
    """A refund of ten dollars, with changes; a change to `...` leaves the field out."""
    sent = {"payment_id": str(PAYMENT.id), "amount": 1000, **changes}
    return json.dumps({name: value for name, value in sent.items() if value is not ...}).encode()


async def post(world: World, body: bytes | None = None, token: str = WRITES, **headers: str) -> httpx.Response:
    sent = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with world.client(token) as client:
        return await client.post("/refunds", content=a_body() if body is None else body, headers=sent)


def will_tell(world: World, refund: Refund, *, replayed: bool = False) -> None:
    world.changes.answer = Answered(render_refund(refund, "r-1"), refund.id, replayed)


async def test_a_refund_is_asked_for_as_the_body_says() -> None:
    """Every field reaches the use case, under the caller's request id."""
    world = World()
    body = a_body(currency="USD", reason="broken", metadata={"ticket": 7})

    await post(world, body, x_request_id="the-request")

    (asked,) = world.changes.asked
    assert (asked.payment_id, asked.amount, asked.currency) == (PAYMENT.id, 1000, "USD")
    assert (asked.reason, asked.metadata) == ("broken", {"ticket": 7})
    assert (asked.request_id, asked.key) == ("the-request", None)
    assert (asked.reader.user_id, asked.reader.sees_all) == (SOMEONE, False)


@pytest.mark.parametrize("amount", [..., None])
async def test_without_an_amount_all_that_is_left_is_asked_for(amount: Any) -> None:
    """null is as good as absent."""
    world = World()
    await post(world, a_body(amount=amount))
    (asked,) = world.changes.asked
    assert (asked.amount, asked.currency, asked.reason, asked.metadata) == (None, None, None, {})


@pytest.mark.parametrize(
    ("refund", "status"),
    [
        (a_refund(PAYMENT).learn(Report(evidence=(paid(usd(1000)),)), PAYMENT.updated_at), 201),
        (a_refund(PAYMENT).learn(Report(evidence=(evidence(Claim.PROCESSING),)), PAYMENT.updated_at), 201),
        (a_refund(PAYMENT).learn(Report(evidence=(evidence(Claim.FAILED),)), PAYMENT.updated_at), 201),
        (a_refund(PAYMENT).learn(Report(evidence=(evidence(Claim.LOST, Source.CLOCK),)), PAYMENT.updated_at), 202),
        (a_refund(PAYMENT).learn(Report(evidence=(evidence(Claim.CONTESTED),)), PAYMENT.updated_at), 202),
        (a_refund(PAYMENT), 202),
    ],
)
async def test_it_says_where_to_look_and_when(refund: Refund, status: int) -> None:
    """201 it is made, whatever becomes of it; 202 nobody knows yet: come back. The bytes are the use case's own."""
    world = World()
    will_tell(world, refund)

    response = await post(world)

    assert response.status_code == status
    assert response.content == render_refund(refund, "r-1").body
    assert response.headers["content-type"] == "application/json"
    assert response.headers["location"] == f"/refunds/{refund.id}"
    assert ("retry-after" in response.headers) is (status == 202)
    assert "idempotent-replayed" not in response.headers


async def test_a_replay_says_so() -> None:
    """The header tells a second telling from the first; the body cannot."""
    world = World()
    will_tell(world, a_refund(PAYMENT, status=RefundStatus.SUCCEEDED), replayed=True)
    response = await post(world, idempotency_key="k")
    assert response.headers["idempotent-replayed"] == "true"


async def test_the_view_spells_fields_as_the_request_does() -> None:
    """What was sent comes back, and the gateway's name for the way back; amounts are minor units."""
    names = {ReferenceKind.REFUND: "re_1"}
    refund = a_refund(PAYMENT, reason="broken", metadata={"a": 1}, references=names, status=RefundStatus.SUCCEEDED)
    told = json.loads(render_refund(refund, "r-1").body)["data"]
    assert {"payment_id", "amount", "currency", "reason", "metadata"} <= set(told)
    assert (told["amount"], told["receipt"], told["status"]) == (1000, "re_1", "SUCCEEDED")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", 0),
        ("amount", -1),
        ("amount", 0.5),
        ("amount", "1000"),
        ("amount", True),
        ("amount", 2**63),
        ("amount", 10**30),
        ("amount", [1000]),
        ("currency", "usd"),
        ("currency", "USDX"),
        ("currency", 840),
        ("payment_id", ...),
        ("payment_id", "no-uuid"),
        ("payment_id", "01A20553-00DC-743C-881F-E105512882CA"),
        ("payment_id", 7),
        ("reason", ""),
        ("reason", "x" * 501),
        ("reason", "line\nbreak"),
        ("metadata", []),
        ("metadata", {"much": "x" * 17_000}),
        ("refund_id", "re_1"),
    ],
)
async def test_a_field_that_breaks_a_rule_is_named(field: str, value: Any) -> None:
    """422, and nobody is asked."""
    world = World()
    response = await post(world, a_body(**{field: value}))
    assert response.status_code == 422, response.text
    code_of(response)
    assert [fault["field"].split(".")[0] for fault in response.json()["errors"]] == [field]
    assert not world.changes.asked


@pytest.mark.parametrize("field", [{"reason": f"card {A_CARD_NUMBER}"}, {"metadata": {"note": A_CARD_NUMBER}}])
async def test_a_card_number_is_refused_and_not_repeated(field: dict[str, Any]) -> None:
    """It must not come to rest anywhere."""
    world = World()
    response = await post(world, a_body(**field))
    assert response.status_code in {400, 422}
    assert A_CARD_NUMBER not in response.text
    assert not world.changes.asked


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 400), (b"{", 400), (b"[]", 422), (b"null", 422), (b'{"amount":1,"amount":2}', 400)]
)
async def test_what_is_no_object_is_refused(body: bytes, status: int) -> None:
    """As everywhere."""
    world = World()
    response = await post(world, body)
    assert response.status_code == status, response.text
    code_of(response)
    assert not world.changes.asked


async def test_another_media_type_is_refused() -> None:
    """Only JSON is read."""
    response = await post(World(), content_type="text/plain")
    assert response.status_code == 415


@pytest.mark.parametrize("scopes", [("payments:write", "refunds:read"), ("refunds:read",), ("payments:read",)])
async def test_giving_money_back_needs_its_own_scope(scopes: tuple[str, ...]) -> None:
    """Who may take money may not give it back."""
    world = World()
    response = await post(world, token=a_token(*scopes))
    assert response.status_code == 403
    assert not world.changes.asked
    assert (await post(world, token="")).status_code == 401


@pytest.mark.parametrize(
    ("why", "status", "code"),
    [
        (RefundTooLarge(500), 422, None),
        (PartialRefundUnsupported(), 422, "partial-refund-unsupported"),
        (Invalid(Fault("amount", "M-Pesa moves whole shillings")), 422, None),
        (NotFound(), 404, "not-found"),
        (NotRefundable("The payment is FAILED."), 409, None),
        (PaymentDisputed(), 409, "payment-disputed"),
        (ReceiptPending(), 409, "receipt-pending"),
        (KeyInUse(), 409, "idempotency-key-in-use"),
        (KeyReused(), 422, "idempotency-key-reused"),
        (KeyExpired(), 409, "idempotency-key-expired"),
        (GatewayUnavailable(), 503, None),
    ],
)
async def test_a_refusal_is_a_problem(why: PaymentError, status: int, code: str | None) -> None:
    """Each with the status and code of its kind; what may be tried again says when."""
    world = World()
    world.changes.fails = why
    response = await post(world)
    assert response.status_code == status
    assert code is None or code_of(response) == code
    code_of(response)
    if status == 503 or isinstance(why, KeyInUse | ReceiptPending):
        assert int(response.headers["retry-after"]) > 0


async def test_what_is_left_is_told_to_who_asks_for_too_much() -> None:
    """A number that a program can act on."""
    world = World()
    world.changes.fails = RefundTooLarge(500)
    assert (await post(world)).json()["refundable"] == 500


async def test_the_same_request_in_another_spelling_has_the_same_key() -> None:
    """Defaults filled in, keys in order: a retry by another client is a retry; another amount is not."""
    world = World()
    spellings = [
        a_body(amount=...),
        a_body(amount=None, metadata={}),
        f'{{"metadata": {{}}, "payment_id": "{PAYMENT.id}"}}'.encode(),
    ]
    for body in [*spellings, a_body()]:
        await post(world, body, idempotency_key="the-key")
    keys = [asked.key for asked in world.changes.asked]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert (keys[0].caller, keys[0].route, keys[0].key) == (str(SOMEONE), "POST /refunds", "the-key")


class TestFinding:
    async def test_a_refund_is_told_as_it_is(self) -> None:
        """To whom its payment belongs."""
        world = World()
        refund = a_refund(PAYMENT)
        world.changes.refunds[refund.id] = refund
        async with world.client(READS) as client:
            response = await client.get(f"/refunds/{refund.id}")
        assert response.status_code == 200
        assert response.json()["data"]["id"] == str(refund.id)
        assert "no-store" in response.headers["cache-control"] or "private" in response.headers["cache-control"]

    async def test_somebody_elses_is_not_there(self) -> None:
        """Nor one that never was."""
        world = World()
        theirs = a_refund(a_payment(user_id=SOMEONE_ELSE))
        world.changes.refunds[theirs.id] = theirs
        async with world.client(READS) as client:
            for identifier in (theirs.id, uuid7()):
                assert (await client.get(f"/refunds/{identifier}")).status_code == 404

    @pytest.mark.parametrize(
        ("identifier", "status"),
        [
            ("no-uuid", 400),
            ("550e8400-e29b-41d4-a716-446655440000", 404),
            ("01A20553-00DC-743C-881F-E105512882CA", 404),
        ],
    )
    async def test_an_id_has_one_spelling(self, identifier: str, status: int) -> None:
        """400 where it is none at all; 404 where it cannot be ours."""
        async with World().client(READS) as client:
            response = await client.get(f"/refunds/{identifier}")
        assert response.status_code == status
        code_of(response)

    async def test_looking_needs_its_own_scope(self) -> None:
        """403 without."""
        async with World().client(a_token("payments:read", "refunds:write")) as client:
            assert (await client.get(f"/refunds/{uuid7()}")).status_code == 403
