"""What every request must be, whatever it is about; on fakes."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.builders import SOMEONE, a_payment
from tests.fakes_http import A_TOKEN, THE_BODY, World, a_body, a_token, code_of, post_payment

UUID_SHAPE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def in_chunks(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/nothing", "/nothing"),
        ("/payments/a/b", "/payments/a/b"),
        ("/payments/", "/payments/"),
        ("//payments", "//payments"),
        ("/payments//x", "/payments//x"),
        ("/%70ayments", "/payments"),
        ("/payments%2Fx", "/payments/x"),
        ("/health/live/", "/health/live/"),
        ("/Payments", "/Payments"),
        ("/webhooks/mm", "/webhooks/mm"),
        (f"/webhooks/mm/{A_TOKEN}/", "/webhooks/mm/{token}/"),
        (f"//webhooks//mm/{A_TOKEN}", "//webhooks//mm/{token}"),
        (f"/webhooks/mm/{A_TOKEN}x", "/webhooks/mm/{token}"),
    ],
)
async def test_an_address_has_one_spelling(path: str, shown: str) -> None:
    """Anything else is 404, with the path but never with a callback's token."""
    async with World().client() as client:
        url = f"http://api{path}?secret=1"
        response = await (client.post(url, content=b"{}") if "mm" in path else client.get(url))

    assert response.status_code == 404
    assert code_of(response) == "not-found"
    assert response.json()["instance"] == shown


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/payments", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/webhooks/stripe", "OPTIONS, POST"),
        ("HEAD", "/webhooks/stripe", "OPTIONS, POST"),
        ("PUT", f"/payments/{SOMEONE}", "GET, HEAD, OPTIONS"),
        ("POST", "/health/live", "GET, HEAD, OPTIONS"),
        ("GET", f"/webhooks/mm/{A_TOKEN}", "OPTIONS, POST"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(method: str, path: str, allowed: str) -> None:
    """405 with Allow; where GET is, HEAD is."""
    async with World().client() as client:
        response = await client.request(method, path)

    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    if method != "HEAD":
        assert code_of(response) == "method-not-allowed"
    assert A_TOKEN not in response.text


@pytest.mark.parametrize("path", ["/", "/health/live", "/payments/{id}", "/nothing"])
async def test_head_is_get_without_the_body(path: str) -> None:
    """The same status and headers (RFC 9110 9.3.2); only the time it took is its own."""
    world = World()
    path = path.format(id=world.shelf.put(a_payment()).id)

    async with world.client(x_request_id="same") as client:
        head, got = await client.head(path), await client.get(path)

    assert head.content == b""
    for answer in (head, got):
        assert answer.headers.pop("server-timing")
    assert (head.status_code, head.headers) == (got.status_code, got.headers)
    assert int(head.headers["content-length"]) == len(got.content)


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ('Application/JSON;charset="UTF-8"', 201),
        ("application/json; charset=latin1", 415),
        ("application/json; charset=utf-8; x=1", 415),
        ("application/problem+json", 415),
        ("text/json", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/json, text/plain", 415),
        ("", 415),
    ],
)
async def test_a_body_must_say_that_it_is_json(media_type: str, status: int) -> None:
    """In UTF-8 and nothing else: 415."""
    async with World().client() as client:
        response = await client.post("/payments", content=a_body(), headers={"content-type": media_type})

    assert response.status_code == status
    if status == 415:
        assert code_of(response) == "unsupported-media-type"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("content-type", "application/json"), ("content-type", "application/json")],
        [("content-type", "application/json"), ("content-encoding", "gzip")],
        [("content-type", "application/json"), ("content-encoding", "identity, br")],
    ],
    ids=["no type", "two types", "gzip", "two encodings"],
)
async def test_a_body_comes_as_it_is(headers: list[tuple[str, str]]) -> None:
    """No content encoding is undone here, and a media type is named once."""
    async with World().client() as client:
        response = await client.post("/payments", content=a_body(), headers=headers)

    assert response.status_code == 415


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 201),
        ("application/*", 201),
        ("application/json", 201),
        ("application/problem+json", 201),
        ("text/html, application/xhtml+xml, */*;q=0.8", 201),
        ("APPLICATION/JSON;q=0.1", 201),
        ("application/xml", 406),
        ("text/*", 406),
        ("application/json;q=0", 406),
        ("*/*, application/json;q=0", 406),
        ("application/json;q=much", 406),
        ("", 406),
    ],
)
async def test_who_takes_no_json_gets_none(accept: str, status: int) -> None:
    """406, told in the only language spoken here; the most specific range decides."""
    async with World().client(accept=accept) as client:
        response = await post_payment(client)

    assert response.status_code == status
    if status == 406:
        assert code_of(response) == "not-acceptable"


@pytest.mark.parametrize("query", ["a=1", "a", "a=1&a=2", "=", "&", "%00=1", "&".join(f"a{n}=1" for n in range(60))])
async def test_a_query_says_nothing_unknown(query: str) -> None:
    """A misspelled filter must not look like one that found everything."""
    world = World()
    payment = world.shelf.put(a_payment())

    async with world.client() as client:
        responses = [await client.get(f"/payments/{payment.id}?{query}"), await client.get(f"/health/live?{query}")]

    assert [response.status_code for response in responses] == [400, 400]
    assert {code_of(response) for response in responses} == {"unknown-parameter"}


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        (b"abc", "abc"),
        (b'"abc"', "abc"),
        (b"  abc ", "abc"),
        (b'"a\\"b\\\\c"', 'a"b\\c'),
        (b"8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"),
        (b"x" * 255, "x" * 255),
        (b'"' + b"x" * 255 + b'"', "x" * 255),
    ],
)
async def test_a_key_is_the_same_quoted_or_bare(sent: bytes, key: str) -> None:
    """It belongs to this caller and this route."""
    world = World()

    async with world.client() as client:
        response = await client.post(
            "/payments", content=a_body(), headers=[(b"content-type", b"application/json"), (b"idempotency-key", sent)]
        )

    assert response.status_code == 201
    claimed = world.start.asked[0].key
    assert claimed is not None
    assert (claimed.caller, claimed.route, claimed.key) == (str(SOMEONE), "POST /payments", key)


@pytest.mark.parametrize(
    "keys",
    [
        [b""],
        [b'""'],
        [b"x" * 256],
        [b'"' + b"x" * 256 + b'"'],
        [b"a b"],
        [b'"a b"'],
        [b'"a'],
        [b'a"b" c'],
        [b'"a"b"'],
        [b'"a";p=1'],
        [b'"a\\b"'],
        [b"caf\xe9"],
        [b"a\tb"],
        [b"a", b"a"],
        [b"a", b"b"],
    ],
)
async def test_a_key_that_cannot_be_one_is_refused(keys: list[bytes]) -> None:
    """1 to 255 visible ASCII characters, once: a key that was cut or merged on its way protects nobody."""
    world = World()
    headers = [(b"content-type", b"application/json"), *((b"idempotency-key", key) for key in keys)]

    async with world.client() as client:
        response = await client.post("/payments", content=a_body(), headers=headers)

    assert response.status_code == 400
    assert code_of(response) == "invalid-idempotency-key"
    assert not world.start.asked


async def fingerprint_of(body: bytes) -> bytes:
    world = World()
    async with world.client() as client:
        response = await post_payment(client, body, idempotency_key="k")
    assert response.status_code == 201
    key = world.start.asked[0].key
    assert key is not None
    return key.fingerprint


async def test_a_fingerprint_is_of_what_is_asked_and_not_of_how_it_is_written() -> None:
    """Order, spacing, escapes and defaults leave no trace; every other difference does."""
    backwards = json.dumps(dict(reversed(THE_BODY.items())), indent=2).encode()
    same = [backwards, a_body(capture_method="automatic", description=None), a_body(order_id="order_123")]
    other = [a_body(amount=2501), a_body(metadata={}), a_body(allow_duplicate=True), a_body(description="x")]

    first = await fingerprint_of(a_body())

    assert {await fingerprint_of(body) for body in same} == {first}
    assert len({first, *[await fingerprint_of(body) for body in other]}) == len(other) + 1


async def test_a_body_over_64_kib_is_refused_however_it_comes() -> None:
    """Declared, in chunks without a length, or longer than declared."""
    large = a_body(metadata={"x": "y" * 65536})
    world = World()

    async with world.client() as client:
        declared = await post_payment(client, large)
        chunked = await client.post(
            "/payments",
            content=in_chunks([large[:1000], large[1000:]]),
            headers={"content-type": "application/json"},
        )
        lying = await client.post(
            "/payments",
            content=in_chunks([large]),
            headers={"content-type": "application/json", "content-length": "10"},
        )
        absurd = await client.post(
            "/payments",
            content=in_chunks([b"{}"]),
            headers={"content-type": "application/json", "content-length": "9" * 5000},
        )

    for response in (declared, chunked, lying, absurd):
        assert response.status_code == 413
        assert code_of(response) == "payload-too-large"
    assert not world.start.asked


async def test_a_refusal_says_what_was_wanted() -> None:
    """The limit in bytes, the spelling of ids, and that an empty body is empty."""
    world = World()
    payment = world.shelf.put(a_payment())

    async with world.client() as client:
        large = await post_payment(client, a_body(metadata={"x": "y" * 65536}))
        loud = await client.get(f"/payments/{str(payment.id).upper()}")
        empty = await post_payment(client, b"")

    assert (large.status_code, loud.status_code, empty.status_code) == (413, 404, 400)
    assert "65536 bytes" in large.json()["detail"]
    assert "lower case, with dashes" in loud.json()["detail"]
    assert "empty" in empty.json()["detail"]


async def test_a_body_in_pieces_is_one_body() -> None:
    """Chunks mean nothing."""
    async with World().client() as client:
        response = await client.post(
            "/payments",
            content=in_chunks([bytes([byte]) for byte in a_body()]),
            headers={"content-type": "application/json"},
        )

    assert response.status_code == 201


async def test_a_body_that_does_not_arrive_in_time_is_given_up() -> None:
    """408, and the connection is of no more use."""

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    async with World(arrives_within=0.05).client() as client:
        response = await client.post("/payments", content=slowly(), headers={"content-type": "application/json"})

    assert response.status_code == 408
    assert code_of(response) == "request-timeout"
    assert response.headers["connection"] == "close"


async def test_a_client_that_goes_away_is_no_bug() -> None:
    """Its request is refused; nothing is asked of anyone."""
    world = World()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/payments",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {a_token()}".encode()), (b"content-type", b"application/json")],
    }
    told: list[Any] = []

    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def hear(message: Any) -> None:
        told.append(message)

    app: Any = world.app()
    await app(scope, gone, hear)

    assert told[0]["status"] == 400
    assert not world.start.asked


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/payments/" + "x" * 8192, {}, 414, "url-too-long"),
        ("/health/live?" + "x" * 8192, {}, 414, "url-too-long"),
        ("/health/live", {"x-large": "y" * 16384}, 431, "headers-too-large"),
        ("/health/live", {f"x-{number}": "y" for number in range(4000)}, 431, "headers-too-large"),
    ],
    ids=["path", "query", "one header", "many headers"],
)
async def test_what_is_too_large_before_the_body_is_refused_at_the_door(
    path: str, headers: dict[str, str], status: int, code: str
) -> None:
    """URL 8 KiB, headers 16 KiB."""
    async with World().client() as client:
        response = await client.get(path, headers=headers)

    assert response.status_code == status
    assert code_of(response) == code


async def test_a_host_that_is_none_is_refused() -> None:
    """What the framework refuses comes out as a problem, too."""
    async with World().client() as client:
        response = await client.get("/health/live", headers={"host": 'x" <script>'})

    assert response.status_code == 400
    assert code_of(response) == "bad-request"


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [("1.1", 1, 200), ("1.1", 0, 400), ("1.1", 2, 400), ("1.0", 0, 200), ("1.0", 2, 400)],
)
async def test_a_request_is_for_one_host(version: str, hosts: int, status: int) -> None:
    """Two hosts are two readings of one request (RFC 9112 3.2)."""
    told: list[Any] = []
    scope = {
        "type": "http",
        "http_version": version,
        "method": "GET",
        "path": "/health/live",
        "query_string": b"",
        "headers": [(b"host", b"api")] * hosts,
    }

    async def nothing() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def hear(message: Any) -> None:
        told.append(message)

    app: Any = World().app()
    await app(scope, nothing, hear)

    assert told[0]["status"] == status


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("abc-DEF_1.2", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("a b", False),
        ("<script>", False),
        ("a\tb", False),
        ("254712345678", False),
        ("order-0712345678", False),
        ("1795401386", True),
    ],
)
async def test_a_sane_request_id_is_kept_and_another_replaced(sent: str, kept: bool) -> None:
    """It is echoed on every answer, errors too, so that both sides can look in their logs."""
    async with World().client() as client:
        good = await client.get("/health/live", headers={"x-request-id": sent})
        bad = await client.get("/nothing", headers={"x-request-id": sent})

    for response in (good, bad):
        told = response.headers["x-request-id"]
        assert told == sent if kept else UUID_SHAPE.fullmatch(told)


async def test_two_request_ids_are_none() -> None:
    """Which of them would be meant?"""
    async with World().client() as client:
        response = await client.get("/health/live", headers=[("x-request-id", "a"), ("x-request-id", "b")])

    assert UUID_SHAPE.fullmatch(response.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/", "/nothing", "/webhooks/stripe", "/payments/x", "//"])
async def test_every_answer_carries_the_headers_of_a_careful_server(path: str) -> None:
    """Nothing is sniffed, referred or kept; no banner says what we run."""
    async with World().client() as client:
        response = await client.get(path)

    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == "no-store"
    assert "server" not in response.headers


async def test_a_request_is_one_line_in_the_log() -> None:
    """Its route, never its path; no body, no header, nothing personal."""
    world = World()
    payment = world.shelf.put(a_payment())

    with capture_logs() as lines:
        async with world.client() as client:
            await client.get(f"/payments/{payment.id}")
            await client.post(f"/webhooks/mm/{A_TOKEN}", content=b'{"phone": "254712345678"}')
            await client.get(f"/webhooks/mm/{A_TOKEN}")
            await post_payment(client, a_body(amount=0))

    handled = [line for line in lines if line["event"] == "request.handled"]
    assert [(line["route"], line["status"]) for line in handled] == [
        ("/payments/{payment_id}", 200),
        ("/webhooks/mm/{token}", 200),
        ("unmatched", 405),
        ("/payments", 422),
    ]
    assert [line.get("payment_id") for line in handled] == [str(payment.id), None, None, None]
    assert all(line["duration_ms"] >= 0 for line in handled)
    for secret in (A_TOKEN, "254712345678", "user@example.com", "tok_visa", "Bearer"):
        assert secret not in str(lines)


async def test_a_bug_is_logged_with_its_traceback_and_told_without() -> None:
    """The correlation id leads from one to the other."""
    world = World()
    world.start.fails = RuntimeError("the password is hunter2")

    with capture_logs() as lines:
        async with world.client() as client:
            response = await post_payment(client)

    (broke,) = [line for line in lines if line["event"] == "request.broke"]
    assert broke["exc_info"] is world.start.fails
    assert response.status_code == 500
    assert code_of(response) == "internal-error"
    assert "hunter2" not in response.text


BROKEN: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "malformed-json"),
    "no object": (b"[1]", 422, "invalid-request"),
    "a string": (b'"x"', 422, "invalid-request"),
    "null": (b"null", 422, "invalid-request"),
    "cut short": (a_body()[:-1], 400, "malformed-json"),
    "trailing": (a_body() + b"x", 400, "malformed-json"),
    "NaN": (a_body(metadata={"x": float("nan")}), 400, "malformed-json"),
    "Infinity as amount": (a_body(amount=float("inf")), 400, "malformed-json"),
    "an amount of 1e400": (a_body().replace(b"2500", b"1e400"), 400, "malformed-json"),
    "an amount of 5,000 digits": (a_body().replace(b"2500", b"9" * 5000), 400, "malformed-json"),
    "invalid UTF-8": (a_body().replace(b"order_123", b"\xff"), 400, "invalid-encoding"),
    "a byte order mark": (b"\xef\xbb\xbf" + a_body(), 400, "invalid-encoding"),
    "two amounts": (a_body().replace(b'"amount"', b'"amount": 1, "amount"'), 400, "duplicate-json-key"),
    "deep": (a_body().replace(b"2500", b"[" * 30000 + b"]" * 30000), 400, "json-too-deep"),
    "many keys": (a_body(metadata={str(number): 1 for number in range(1001)}), 400, "too-many-keys"),
    "NUL": (a_body(description="a\0b"), 422, "invalid-request"),
    "a lone surrogate": (a_body(description="\ud800"), 422, "invalid-request"),
    "a surrogate in metadata": (a_body(metadata={"\udfff": "x"}), 422, "invalid-request"),
}


@pytest.mark.parametrize(("body", "status", "code"), BROKEN.values(), ids=BROKEN)
async def test_a_broken_body_is_told_what_is_wrong_with_it(body: bytes, status: int, code: str) -> None:
    """400 where it cannot be read, 422 where it can but must not be."""
    world = World()

    async with world.client() as client:
        response = await post_payment(client, body)

    assert response.status_code == status
    assert code_of(response) == code
    assert not world.start.asked


A_WORLD = World()
AN_APP = A_WORLD.app()


def post_once(body: bytes) -> httpx.Response:
    """One request in an event loop of its own: hypothesis calls from none."""

    async def post() -> httpx.Response:
        async with A_WORLD.client(app=AN_APP) as client:
            return await post_payment(client, body)

    return asyncio.run(post())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: json.dumps({text: text}).encode()))
def test_no_body_breaks_the_service(body: bytes) -> None:
    """Whatever bytes come: never a 500, always a problem."""
    response = post_once(body)

    assert 400 <= response.status_code < 500
    code_of(response)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([*THE_BODY, "return_url", "description", "capture_method", "allow_duplicate", "x"]), _VALUES)
def test_no_field_breaks_the_service(field: str, value: Any) -> None:
    """Any JSON in any field: asked for, or refused as what it is."""
    assert post_once(a_body(**{field: value})).status_code in {201, 400, 403, 422}
