"""POST /payments and GET /payments/{id}, on fakes."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.http.views import render
from application.answered import Answered
from domain.errors import (
    DuplicatePayment,
    Fault,
    GatewayUnavailable,
    IllegalTransition,
    Invalid,
    KeyExpired,
    KeyInUse,
    KeyReused,
    PhoneBusy,
    Unavailable,
)
from domain.evidence import Claim, Reason
from domain.payment import CaptureMethod, Payment, ReferenceKind, Report
from domain.payment_method import MethodType
from domain.status import Status
from tests.builders import SOMEONE, SOMEONE_ELSE, a_payment, an_mpesa_payment, evidence
from tests.fakes_http import DOCS, THE_BODY, World, a_body, a_settled_payment, a_token, code_of, post_payment

A_CARD_NUMBER = "4242424242424242"
THE_METHOD: dict[str, Any] = dict(THE_BODY["paymentMethod"])


async def test_a_payment_is_asked_for_as_the_body_says() -> None:
    """Every field reaches the use case, under the caller's request id."""
    world = World()
    body = a_body(capture_method="manual", description="A plan", return_url="https://shop.example/done?x=1")

    async with world.client() as client:
        response = await post_payment(client, body, x_request_id="the-request")

    (asked,) = world.start.asked
    assert response.status_code == 201
    assert asked.user_id == SOMEONE
    assert asked.order_id == "order_123"
    assert (asked.money.amount, asked.money.currency) == (2500, "USD")
    assert (asked.method.type, asked.method.token, asked.method.last4) == (MethodType.CARD, "tok_visa", "4242")
    assert asked.capture_method is CaptureMethod.MANUAL
    assert (asked.description, asked.return_url) == ("A plan", "https://shop.example/done?x=1")
    assert asked.metadata == THE_BODY["metadata"]
    assert asked.request_id == "the-request"
    assert asked.key is None
    assert not asked.allow_duplicate


async def test_a_phone_is_asked_in_its_one_spelling() -> None:
    """0712… and 254712… are one phone."""
    world = World()
    body = a_body(currency="KES", amount=1000, paymentMethod={"type": "MPESA", "phoneNumber": "0712345678"})

    async with world.client() as client:
        await post_payment(client, body)

    assert world.start.asked[0].method.phone == "254712345678"


async def test_a_saved_method_is_named_by_its_id() -> None:
    """In the place of `paymentMethod`; whose it is, the use case looks up."""
    world = World()

    async with world.client() as client:
        response = await post_payment(client, a_body(paymentMethod=..., paymentMethodId=str(SOMEONE_ELSE)))

    assert response.status_code == 201
    assert world.start.asked[0].method == SOMEONE_ELSE


async def test_the_answer_is_the_use_cases_byte_for_byte() -> None:
    """The bytes may be stored ones: nobody formats them again."""
    world = World()
    payment = a_settled_payment()
    world.start.will_tell(payment)

    async with world.client() as client:
        response = await post_payment(client, x_request_id="r-1")

    assert response.content == render(payment, "r-1", docs_url=DOCS).body
    assert response.headers["content-type"] == "application/json"
    assert response.headers["location"] == f"/payments/{payment.id}"
    assert "idempotent-replayed" not in response.headers


async def test_a_replay_says_so() -> None:
    """The header tells a second telling from the first; the body cannot."""
    world = World()
    world.start.will_tell(a_settled_payment(), replayed=True)

    async with world.client() as client:
        response = await post_payment(client, idempotency_key="k")

    assert response.headers["idempotent-replayed"] == "true"


async def test_an_unknown_outcome_is_202_with_a_hint_when_to_look() -> None:
    """The payment's id is told, so that it can be looked at."""
    world = World()
    payment = a_payment(status=Status.UNKNOWN)
    world.start.will_tell(payment)

    async with world.client() as client:
        response = await post_payment(client)

    assert response.status_code == 202
    assert int(response.headers["retry-after"]) > 0
    assert response.headers["location"] == f"/payments/{payment.id}"
    assert response.json()["data"]["id"] == str(payment.id)


async def test_a_declined_payment_is_a_problem_that_holds_it() -> None:
    """402 payment-declined, the payment under `data`."""
    world = World()
    failed = replace(a_payment(), status=Status.FAILED, reason=Reason.INSUFFICIENT_FUNDS)
    world.start.will_tell(failed)

    async with world.client() as client:
        response = await post_payment(client)

    assert response.status_code == 402
    assert code_of(response) == "payment-declined"
    assert response.json()["data"]["id"] == str(failed.id)
    assert response.json()["data"]["reason"] == "insufficient_funds"
    assert "location" not in response.headers


def told(claim: Claim) -> Payment:
    """A payment about which a gateway has said so."""
    return a_payment().learn(Report(evidence=(evidence(claim),)), a_payment().updated_at)


def heard_by_a_zombie() -> Payment:
    """What it was told is kept, and not weighed yet."""
    return a_payment().keep(Report(evidence=(evidence(Claim.FAILED),)), a_payment().updated_at)


@pytest.mark.parametrize(
    ("payment", "status"),
    [
        (a_settled_payment(), 201),
        (told(Claim.AUTHORIZED), 201),
        (told(Claim.REQUIRES_ACTION), 201),
        (told(Claim.PROCESSING), 201),
        (heard_by_a_zombie(), 202),
        (a_payment(status=Status.PROCESSING), 202),
        (a_payment(status=Status.UNKNOWN), 202),
        (a_payment(status=Status.REVIEW), 202),
        (a_payment(status=Status.FAILED), 402),
        (a_payment(status=Status.CANCELLED), 402),
        (a_payment(status=Status.EXPIRED), 402),
    ],
    ids=lambda value: getattr(value, "status", value),
)
def test_the_status_says_how_far_the_payment_got(payment: Payment, status: int) -> None:
    """201 it is on its way, 202 nobody knows yet, 402 it was declined."""
    assert render(payment, "r-1", docs_url=DOCS).status == status


def test_a_payment_is_spelled_as_its_request() -> None:
    """`paymentMethod.phoneNumber` in, `paymentMethod.phoneNumber` out; never a token; times to the millisecond."""
    asks = {"status": Status.REQUIRES_ACTION, "next_action": {"type": "confirm_on_phone"}}
    payment = an_mpesa_payment(references={ReferenceKind.RECEIPT: "QKX1"}, **asks)

    told = json.loads(render(payment, "r-1", docs_url=DOCS).body)

    assert told["success"] is True
    assert told["metadata"] == {"correlation_id": "r-1"}
    assert told["data"] == {
        "id": str(payment.id),
        "status": "REQUIRES_ACTION",
        "reason": None,
        "user_id": str(SOMEONE),
        "order_id": "order_1",
        "amount": 1000,
        "currency": "KES",
        "paymentMethod": {"type": "MPESA", "phoneNumber": "254712345678"},
        "gateway": "mpesa",
        "capture_method": "automatic",
        "description": None,
        "return_url": None,
        "metadata": {"order": {"items": ["Premium Plan"]}},
        "next_action": {"type": "confirm_on_phone"},
        "amount_captured": 0,
        "amount_refunded": 0,
        "amount_refundable": 0,
        "cancel_requested": False,
        "refund_status": "NONE",
        "disputed": False,
        "late": False,
        "order_overpaid": False,
        "capture_before": None,
        "receipt": "QKX1",
        "created_at": payment.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "updated_at": payment.updated_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "version": 1,
    }


def test_what_the_customer_must_do_is_told_only_while_it_is_to_be_done() -> None:
    """A client secret has no business in the answer about a payment that is closed."""
    payment = a_payment(status=Status.SUCCEEDED, next_action={"client_secret": "canary"})
    assert b"canary" not in render(payment, "r-1", docs_url=DOCS).body


FAULTY: dict[str, tuple[dict[str, Any], str]] = {
    "no amount": ({"amount": ...}, "amount"),
    "amount zero": ({"amount": 0}, "amount"),
    "amount negative": ({"amount": -5}, "amount"),
    "amount true": ({"amount": True}, "amount"),
    "amount a string": ({"amount": "2500"}, "amount"),
    "amount a whole float": ({"amount": 2500.0}, "amount"),
    "amount a float": ({"amount": 25.5}, "amount"),
    "amount null": ({"amount": None}, "amount"),
    "amount beyond bigint": ({"amount": 2**63}, "amount"),
    "amount of 40 digits": ({"amount": 10**40}, "amount"),
    "no user": ({"user_id": ...}, "user_id"),
    "user no UUID": ({"user_id": "me"}, "user_id"),
    "user in capitals": ({"user_id": str(SOMEONE).upper()}, "user_id"),
    "user undashed": ({"user_id": SOMEONE.hex}, "user_id"),
    "user with a newline": ({"user_id": f"{SOMEONE}\n"}, "user_id"),
    "order empty": ({"order_id": ""}, "order_id"),
    "order too long": ({"order_id": "x" * 65}, "order_id"),
    "order with a control character": ({"order_id": "a\tb"}, "order_id"),
    "order a number": ({"order_id": 7}, "order_id"),
    "currency in small letters": ({"currency": "usd"}, "currency"),
    "currency unknown": ({"currency": "ABC"}, "currency"),
    "currency too long": ({"currency": "USDX"}, "currency"),
    "no method": ({"paymentMethod": ...}, "paymentMethod"),
    "method a string": ({"paymentMethod": "CARD"}, "paymentMethod"),
    "method without type": ({"paymentMethod": {"token": "tok_visa"}}, "paymentMethod.type"),
    "method unknown": ({"paymentMethod": {"type": "CASH"}}, "paymentMethod.type"),
    "method type a number": ({"paymentMethod": {"type": 1}}, "paymentMethod.type"),
    "card without token": ({"paymentMethod": {"type": "CARD"}}, "paymentMethod.token"),
    "card with a phone": ({"paymentMethod": {**THE_METHOD, "phoneNumber": "0712345678"}}, "paymentMethod.phoneNumber"),
    "last4 with five": ({"paymentMethod": {**THE_METHOD, "last4": "42424"}}, "paymentMethod.last4"),
    "last4 in other digits": ({"paymentMethod": {**THE_METHOD, "last4": "٤٢٤٢"}}, "paymentMethod.last4"),
    "method with more": ({"paymentMethod": {**THE_METHOD, "cvc": "123"}}, "paymentMethod.cvc"),
    "no phone of Kenya": (
        {"paymentMethod": {"type": "MPESA", "phoneNumber": "+4915112345678"}},
        "paymentMethod.phoneNumber",
    ),
    "a saved method beside another": ({"paymentMethodId": str(SOMEONE)}, "paymentMethodId"),
    "a saved method that is no UUID": ({"paymentMethod": ..., "paymentMethodId": "card"}, "paymentMethodId"),
    "a saved method in capitals": ({"paymentMethod": ..., "paymentMethodId": str(SOMEONE).upper()}, "paymentMethodId"),
    "neither method nor saved one": ({"paymentMethod": None, "paymentMethodId": None}, "paymentMethod"),
    "an unknown field": ({"amout": 1}, "amout"),
    "capture method unknown": ({"capture_method": "later"}, "capture_method"),
    "description too long": ({"description": "x" * 501}, "description"),
    "return over http": ({"return_url": "http://shop.example/"}, "return_url"),
    "return by script": ({"return_url": "javascript:alert(1)"}, "return_url"),
    "return with a password": ({"return_url": "https://me:you@shop.example/"}, "return_url"),
    "return with a newline": ({"return_url": "https://shop.example/\nx"}, "return_url"),
    "return to nowhere": ({"return_url": "https:///path"}, "return_url"),
    "return to no port": ({"return_url": "https://shop.example:99999/"}, "return_url"),
    "metadata a list": ({"metadata": []}, "metadata"),
    "an unknown field null": ({"nothing": None}, "nothing"),
    "metadata too large": ({"metadata": {"x": "y" * 16384}}, "metadata"),
    "metadata too deep": ({"metadata": {"x": [[[[[[[[1]]]]]]]]}}, "metadata"),
    "metadata with a huge integer": ({"metadata": {"x": [1, 2**64]}}, "metadata.x[1]"),
    "allow_duplicate a string": ({"allow_duplicate": "yes"}, "allow_duplicate"),
}


@pytest.mark.parametrize(("changes", "field"), FAULTY.values(), ids=FAULTY)
async def test_a_faulty_field_is_named_and_nothing_is_asked(changes: dict[str, Any], field: str) -> None:
    """422 with the field as the request spells it: nothing is coerced, nothing unknown is ignored."""
    world = World()

    async with world.client() as client:
        response = await post_payment(client, a_body(**changes))

    assert response.status_code == 422
    assert code_of(response) == "invalid-request"
    assert [found["field"] for found in response.json()["errors"]] == [field]
    assert not world.start.asked


ALLOWED: dict[str, dict[str, Any]] = {
    "the largest amount": {"amount": 2**63 - 1},
    "the smallest": {"amount": 1},
    "an order in any script": {"order_id": "Bestellung 7 · 注文"},
    "an order of 64": {"order_id": "x" * 64},
    "no metadata": {"metadata": ...},
    "metadata at its depth": {"metadata": {"x": [[[[[[1]]]]]]}},
    "nulls for what may be absent": {"description": None, "return_url": None},
    "back to this machine": {"return_url": "http://localhost:3000/done"},
    "a wanted twin": {"allow_duplicate": True},
}


@pytest.mark.parametrize("changes", ALLOWED.values(), ids=ALLOWED)
async def test_the_edges_of_what_is_allowed_are_allowed(changes: dict[str, Any]) -> None:
    """A limit is the last good value."""
    async with World().client() as client:
        assert (await post_payment(client, a_body(**changes))).status_code == 201


CARD_NUMBERS: dict[str, tuple[bytes, list[str]]] = {
    "order": (a_body(order_id=A_CARD_NUMBER), ["order_id"]),
    "grouped": (a_body(description="card 4242 4242 4242 4242, please"), ["description"]),
    "token": (a_body(paymentMethod={"type": "CARD", "token": A_CARD_NUMBER}), ["paymentMethod.token"]),
    "type": (a_body(paymentMethod={"type": A_CARD_NUMBER}), ["paymentMethod.type"]),
    "metadata": (a_body(metadata={"a": [{"b": f"x {A_CARD_NUMBER}"}]}), ["metadata.a[0].b"]),
    "a number in metadata": (a_body(metadata={"card": int(A_CARD_NUMBER)}), ["metadata.card"]),
    "a key of metadata": (a_body(metadata={A_CARD_NUMBER: 1}), ["metadata"]),
    "an unknown field": (a_body(**{A_CARD_NUMBER: 1}), [""]),
    "under a key that is one": (a_body(metadata={A_CARD_NUMBER: A_CARD_NUMBER}), ["metadata", ""]),
    "escaped": (
        a_body(order_id="<here>").replace(b"<here>", A_CARD_NUMBER.replace("2", "\\u0032").encode()),
        ["order_id"],
    ),
}


@pytest.mark.parametrize(("body", "fields"), CARD_NUMBERS.values(), ids=CARD_NUMBERS)
async def test_a_card_number_is_refused_wherever_it_stands_and_never_repeated(body: bytes, fields: list[str]) -> None:
    """Nor does it get as far as a use case."""
    world = World()

    async with world.client() as client:
        response = await post_payment(client, body)

    assert response.status_code == 422
    assert [found["field"] for found in response.json()["errors"]] == fields
    assert A_CARD_NUMBER not in response.text
    assert "4242" not in response.text
    assert not world.start.asked


@pytest.mark.parametrize(
    "metadata",
    [
        {"cvc": "123"},
        {"CVV2": 1234},
        {"card-cvn": " 123 "},
        {"security_code": "000"},
        {"card_number": "4242 4242 4242 4241"},
        {"CardNumber": 4242424242424241},
        {"pan": "5555-5555-5555-4445"},
        {"track2": ";4242424242424241=2912"},
        {"paid": 4242424242424242.0},
        {"paid": "4242\u00a04242\u00a04242\u00a04242"},
        {"\uff43\uff56\uff43": "123"},
    ],
)
@pytest.mark.parametrize("as_ascii", [True, False])
async def test_a_card_s_data_is_known_by_its_name_too(metadata: dict[str, Any], as_ascii: bool) -> None:
    """A code of three digits, or a number that was mistyped, is nobody's business either; escaped or not."""
    world = World()

    async with world.client() as client:
        body = json.dumps({**THE_BODY, "metadata": {"x": metadata}}, ensure_ascii=as_ascii).encode()
        response = await post_payment(client, body)

    assert response.status_code == 422
    assert [found["field"] for found in response.json()["errors"]] == [f"metadata.x.{name}" for name in metadata]
    assert not world.start.asked


@pytest.mark.parametrize(
    "metadata",
    [
        {"pan": "non-stick, 28 cm"},
        {"pan": "ABCDE1234F"},
        {"cvc": "creative video club"},
        {"cvc": None},
        {"card_number": "**** **** **** 4242"},
        {"track": "Blue Train"},
        {"latitude": 36.82194620000001, "longitude": -1.2921},
        {"prices": "2500.00 3000.00 4500.00"},
        {"total": 1700000000000.0, "huge": 1e300},
        {"name": "Größe 12345"},
        {"security_code_sent": "123"},
    ],
)
async def test_what_is_only_named_like_a_card_s_data_is_taken(metadata: dict[str, Any]) -> None:
    """Shops sell pans."""
    async with World().client() as client:
        assert (await post_payment(client, a_body(metadata=metadata))).status_code == 201


async def test_null_is_as_good_as_absent() -> None:
    """Whatever may be left out may be null, and it is the same request: a repeat of one is a repeat of the other."""
    world = World()
    optional = ("metadata", "capture_method", "allow_duplicate", "description", "return_url")

    async with world.client() as client:
        for value in (..., None):
            body = a_body(**dict.fromkeys(optional, value))
            assert (await post_payment(client, body, idempotency_key="k")).status_code == 201

    one, other = world.start.asked
    assert (one.metadata, one.capture_method, one.allow_duplicate) == ({}, "automatic", False)
    assert one.key == other.key


async def test_a_uuid_is_no_card_number() -> None:
    """Some have a run of digits that passes the check of card numbers; shops name their orders so."""
    unlucky = "42424242-4242-4242-8000-00000000abcd"

    async with World().client() as client:
        assert (await post_payment(client, a_body(order_id=f"order-{unlucky}"))).status_code == 201


async def test_a_card_number_beside_a_uuid_is_still_one() -> None:
    """Only the UUID itself is passed over."""
    unlucky = "0190a5d0-0000-7000-8000-000000000345"

    async with World().client() as client:
        assert (await post_payment(client, a_body(order_id=f"{unlucky} {A_CARD_NUMBER}"))).status_code == 422


async def test_nobody_pays_for_somebody_else() -> None:
    """A user_id that is not the caller's is 403, unless the caller is an admin."""
    world = World()

    async with world.client() as client:
        response = await post_payment(client, a_body(user_id=str(SOMEONE_ELSE)))
    async with world.client(a_token("payments:write", "admin")) as client:
        allowed = await post_payment(client, a_body(user_id=str(SOMEONE_ELSE)))

    assert response.status_code == 403
    assert code_of(response) == "forbidden"
    assert allowed.status_code == 201
    assert [asked.user_id for asked in world.start.asked] == [SOMEONE_ELSE]


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (KeyInUse(), 409, "idempotency-key-in-use", "5"),
        (KeyReused(), 422, "idempotency-key-reused", None),
        (KeyExpired(), 409, "idempotency-key-expired", None),
        (PhoneBusy(), 409, "phone-busy", "30"),
        (Unavailable(), 503, "unavailable", "1"),
        (GatewayUnavailable(), 503, "gateway-unavailable", "5"),
        (Invalid(Fault("amount", "must be whole shillings")), 422, "invalid-request", None),
        (IllegalTransition(was="A", asked="B"), 500, "internal-error", None),
        (RuntimeError("the password is hunter2"), 500, "internal-error", None),
        (RecursionError(), 500, "internal-error", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_every_error_is_a_problem_of_its_kind(
    error: Exception, status: int, code: str, retry_after: str | None
) -> None:
    """One table says which; what is not in it is a bug, told without any of it."""
    world = World()
    world.start.fails = error

    async with world.client() as client:
        response = await post_payment(client)

    assert response.status_code == status
    assert code_of(response) == code
    assert response.headers.get("retry-after") == retry_after
    assert response.json()["instance"] == "/payments"
    assert "hunter2" not in response.text


async def test_a_duplicate_names_the_payment_it_is_like() -> None:
    """So that the caller can look at it."""
    world = World()
    world.start.fails = DuplicatePayment(SOMEONE)

    async with world.client() as client:
        response = await post_payment(client)

    assert code_of(response) == "duplicate-payment"
    assert response.json()["payment_id"] == str(SOMEONE)


async def test_one_sees_ones_own_payment_only() -> None:
    """Somebody else's looks as if there were none; an admin sees all."""
    world = World()
    mine, others = world.shelf.put(a_payment()), world.shelf.put(a_payment(user_id=SOMEONE_ELSE))

    async with world.client() as client:
        seen = await client.get(f"/payments/{mine.id}")
        unseen = await client.get(f"/payments/{others.id}")
    async with world.client(a_token("payments:read", "admin")) as client:
        by_admin = await client.get(f"/payments/{others.id}")

    assert seen.status_code == 200
    assert seen.json()["data"]["id"] == str(mine.id)
    assert seen.headers["cache-control"] == "private, no-cache"
    assert unseen.status_code == 404
    assert code_of(unseen) == "not-found"
    assert by_admin.json()["data"]["user_id"] == str(SOMEONE_ELSE)


KNOWN = a_payment()
WRONG_IDS: dict[str, tuple[str, int, str]] = {
    "a word": ("seven", 400, "malformed-id"),
    "a number": ("17", 400, "malformed-id"),
    "too short": (str(KNOWN.id)[:-1], 400, "malformed-id"),
    "not hex": (str(KNOWN.id)[:-1] + "g", 400, "malformed-id"),
    "a space in it": ("seven%20eight", 400, "malformed-id"),
    "bytes that are no text": ("%ff%fe", 400, "malformed-id"),
    "a NUL": ("%00", 400, "malformed-id"),
    "capitals": (str(KNOWN.id).upper(), 404, "not-found"),
    "braces": (f"{{{KNOWN.id}}}", 404, "not-found"),
    "a URN": (f"urn:uuid:{KNOWN.id}", 404, "not-found"),
    "undashed": (KNOWN.id.hex, 404, "not-found"),
    "needlessly encoded": (str(KNOWN.id).replace("-", "%2D"), 404, "not-found"),
    "version 4": (str(uuid4()), 404, "not-found"),
    "of the year 1970": ("00000000-0000-7000-8000-000000000000", 404, "not-found"),
    "of the year 9999": ("ffffffff-ffff-7fff-8fff-ffffffffffff", 404, "not-found"),
    "nobody's": ("0190a5d0-0000-7000-8000-000000000000", 404, "not-found"),
}


@pytest.mark.parametrize("route", ["/payments", "/payment-history"])
@pytest.mark.parametrize(("wrong", "status", "code"), WRONG_IDS.values(), ids=WRONG_IDS)
async def test_an_id_has_one_spelling(route: str, wrong: str, status: int, code: str) -> None:
    """No UUID at all: 400. A UUID in another form, or one that cannot be ours: 404."""
    world = World()
    world.shelf.put(KNOWN)

    async with world.client() as client:
        response = await client.get(f"{route}/{wrong}")

    assert response.status_code == status
    assert code_of(response) == code


async def test_the_history_is_told_as_it_is_stored_with_its_hashes() -> None:
    """Oldest first, each with the hash before it, so that anyone can follow the chain."""
    world = World()
    payment = world.shelf.put(a_payment())

    async with world.client() as client:
        response = await client.get(f"/payment-history/{payment.id}")

    (entry,) = response.json()["data"]
    stored = world.shelf.stories[payment.id][0]
    assert entry == {**json.loads(stored.body), "previous_hash": "00" * 32, "hash": stored.hash.hex()}
    assert response.json()["metadata"]["verified"] is True


async def test_an_altered_history_says_so() -> None:
    """A story that does not verify is told, and told to be broken."""
    world = World()
    payment = world.shelf.put(a_payment())
    (entry,) = world.shelf.stories[payment.id]
    world.shelf.stories[payment.id] = [replace(entry, body=entry.body.replace(b"2500", b"9999"))]

    async with world.client() as client:
        response = await client.get(f"/payment-history/{payment.id}")

    assert response.status_code == 200
    assert response.json()["metadata"]["verified"] is False


async def test_a_payment_that_was_answered_is_named_by_its_id() -> None:
    """Location leads to it."""
    world = World()
    payment = world.shelf.put(a_settled_payment())
    world.start.answers = lambda request: Answered(render(payment, request.request_id, docs_url=DOCS), payment.id)

    async with world.client() as client:
        posted = await post_payment(client)
        found = await client.get(posted.headers["location"])

    assert UUID(found.json()["data"]["id"]) == payment.id
    assert found.json()["data"] == posted.json()["data"]
