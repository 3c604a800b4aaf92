"""Where the gateways speak, and the health of it all; on fakes."""

import pytest

from domain.errors import Unavailable
from tests.fakes_http import A_TOKEN, SIGNED, World, code_of

AN_EVENT = b'{"id": "evt_1", "type": "payment_intent.succeeded"}'
STRIPE = {"stripe-signature": SIGNED.decode(), "content-type": "application/json; charset=utf-8"}
THANKS = {"ResultCode": 0, "ResultDesc": "Accepted"}
QUARTER_MEGABYTE = 256 * 1024


async def test_a_signed_event_is_kept_as_its_exact_bytes() -> None:
    """Then acknowledged, without an envelope; once more for a second delivery."""
    world = World()

    async with world.client("") as client:
        first = await client.post("/webhooks/stripe", content=AN_EVENT, headers=STRIPE)
        again = await client.post("/webhooks/stripe", content=AN_EVENT, headers=STRIPE)

    assert [first.status_code, again.status_code] == [200, 200]
    assert first.json() == again.json() == {"received": True}
    assert world.ears.kept[0] == world.ears.kept[1]
    assert world.ears.kept[0][1] == AN_EVENT


@pytest.mark.parametrize(
    "signatures",
    [[], [b"t=1,v1=forged"], [SIGNED, SIGNED], [b"caf\xe9"], [b""]],
    ids=["none", "forged", "two", "é", "empty"],
)
async def test_an_event_whose_sender_is_not_proven_is_not_kept(signatures: list[bytes]) -> None:
    """The header once, and right."""
    world = World()
    headers = [(b"content-type", b"application/json"), *((b"stripe-signature", value) for value in signatures)]

    async with world.client("") as client:
        response = await client.post("/webhooks/stripe", content=AN_EVENT, headers=headers)

    assert response.status_code == 400
    assert code_of(response) == "invalid-signature"
    assert not world.ears.kept


async def test_an_event_may_have_256_kib() -> None:
    """And not a byte more."""
    world = World()

    async with world.client("") as client:
        fits = await client.post("/webhooks/stripe", content=b"x" * QUARTER_MEGABYTE, headers=STRIPE)
        bursts = await client.post("/webhooks/stripe", content=b"x" * (QUARTER_MEGABYTE + 1), headers=STRIPE)

    assert fits.status_code == 200
    assert bursts.status_code == 413
    assert code_of(bursts) == "payload-too-large"


async def test_what_cannot_be_kept_is_not_acknowledged() -> None:
    """503 makes the gateway send it again."""
    world = World()
    world.ears.fails = Unavailable()

    async with world.client("") as client:
        event = await client.post("/webhooks/stripe", content=AN_EVENT, headers=STRIPE)
        callback = await client.post(f"/webhooks/mm/{A_TOKEN}", content=b"{}")

    for response in (event, callback):
        assert response.status_code == 503
        assert code_of(response) == "unavailable"
        assert response.headers["retry-after"] == "1"


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_callback_is_kept_whatever_it_calls_its_media_type(media_type: str) -> None:
    """The path proves more than a header; a key that stands twice is the translator's business."""
    world = World()
    body = b'{"Body": {"a": 1, "a": 2}}'

    async with world.client("") as client:
        response = await client.post(
            f"/webhooks/mm/{A_TOKEN}?x=1", content=body, headers={"content-type": media_type, "accept": "text/xml"}
        )

    assert (response.status_code, response.json()) == (200, THANKS)
    assert world.ears.kept == [(A_TOKEN, body)]


@pytest.mark.parametrize(
    "token",
    [A_TOKEN[:-1], A_TOKEN + "0", A_TOKEN.upper(), "f" * 64, "x", A_TOKEN[:-1] + "g", A_TOKEN + "%0a"],
    ids=["short", "long", "capitals", "nobody's", "x", "not hex", "newline"],
)
async def test_a_callback_on_a_path_that_is_not_ours_is_nothing(token: str) -> None:
    """404, and the answer does not repeat what may have been nearly a secret."""
    world = World()

    async with world.client("") as client:
        response = await client.post(f"/webhooks/mm/{token}", content=b"{}")

    assert response.status_code == 404
    assert code_of(response) == "not-found"
    assert response.json()["instance"] == "/webhooks/mm/{token}"
    assert not world.ears.kept


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"<html>", 400, "malformed-json"),
        (b"", 400, "malformed-json"),
        (b'{"a": "\xff"}', 400, "invalid-encoding"),
        (b"[" * 100_000, 400, "json-too-deep"),
        (b'"' + b"x" * QUARTER_MEGABYTE + b'"', 413, "payload-too-large"),
    ],
    ids=["html", "nothing", "not UTF-8", "deep", "large"],
)
async def test_a_callback_must_be_json(body: bytes, status: int, code: str) -> None:
    """What nobody could ever apply is not kept."""
    world = World()

    async with world.client("") as client:
        response = await client.post(f"/webhooks/mm/{A_TOKEN}", content=body)

    assert response.status_code == status
    assert code_of(response) == code
    assert not world.ears.kept


@pytest.mark.parametrize("body", [b"{}", b"", b"<html>", b"\xff", b"[" * 100_000])
async def test_a_hint_gets_the_same_answer_whatever_it_says(body: bytes) -> None:
    """Anyone can send one: nothing is learned from asking."""
    world = World()

    async with world.client("") as client:
        response = await client.post("/webhooks/mpesa", content=body)

    assert (response.status_code, response.json()) == (200, THANKS)
    assert world.ears.hints == ([body] if body == b"{}" else [])


async def test_a_hint_too_large_to_read_is_refused() -> None:
    """The only thing a hint can do wrong."""
    async with World().client("") as client:
        response = await client.post("/webhooks/mpesa", content=b"x" * (QUARTER_MEGABYTE + 1))

    assert response.status_code == 413


async def test_health_is_bare_and_needs_no_token() -> None:
    """For load balancers and people alike."""
    world = World()
    world.ears.kept.append(("evt", b""))

    async with world.client("") as client:
        told = {
            path: (await client.get(path)).json() for path in ("/", "/health/live", "/health/ready", "/webhooks/health")
        }

    assert told == {
        "/": {"status": "ok", "service": "payment-service", "version": "0.1.0", "mode": "test"},
        "/health/live": {"status": "ok"},
        "/health/ready": {"status": "ready"},
        "/webhooks/health": {"status": "ok", "waiting": 1},
    }


async def test_who_cannot_serve_says_what_is_wrong() -> None:
    """503 with all of it, so that nobody has to guess; alive all the same."""
    world = World()
    world.readiness.wrong = ["the database does not answer", "there is no partition for next month"]

    async with world.client("") as client:
        ready, live = await client.get("/health/ready"), await client.get("/health/live")

    assert live.status_code == 200
    assert ready.status_code == 503
    assert code_of(ready) == "not-ready"
    assert ready.json()["detail"] == "the database does not answer; there is no partition for next month"
    assert "retry-after" in ready.headers
