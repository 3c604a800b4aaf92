"""What a browser asks of us before and after it calls for a page; on fakes."""

import httpx
import pytest

from tests.builders import SOMEONE, a_payment
from tests.fakes_http import A_TOKEN, World, code_of, post_payment

SHOP = "https://shop.example"
ASKED = {"origin": SHOP, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}


def cors_of(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", "GET, HEAD, OPTIONS"),
        ("/payments", "GET, HEAD, OPTIONS, POST"),
        (f"/payments/{SOMEONE}", "GET, HEAD, OPTIONS"),
        (f"/payments/{SOMEONE}?limit=50", "GET, HEAD, OPTIONS"),
        (f"/payment-history/{SOMEONE}", "GET, HEAD, OPTIONS"),
        (f"/webhooks/mm/{A_TOKEN}", "OPTIONS, POST"),
    ],
)
async def test_options_tells_the_methods_of_a_path_to_anyone(path: str, allowed: str) -> None:
    """204 with Allow: no token is asked for, and nothing is looked up."""
    async with World().client("", accept="text/html") as client:
        answer = await client.options(path)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == allowed
    assert not cors_of(answer)


@pytest.mark.parametrize("path", ["/nothing", "/payments/", f"/payments/{SOMEONE}/nothing"])
async def test_what_is_not_there_has_no_options(path: str) -> None:
    """404, as for any method."""
    async with World().client("") as client:
        answer = await client.options(path)

    assert answer.status_code == 404
    assert code_of(answer) == "not-found"


async def test_no_other_page_reads_our_answers_unless_configured() -> None:
    """Without origins there is no word of CORS, whoever asks."""
    async with World().client(origin=SHOP) as client:
        answers = [await client.get("/"), await client.options("/payments", headers=ASKED), await post_payment(client)]

    assert [cors_of(answer) for answer in answers] == [{}, {}, {}]
    assert all("vary" not in answer.headers for answer in answers)


async def test_a_page_of_a_configured_origin_may_ask_and_read() -> None:
    """The preflight tells methods and headers; every answer, problems too, lets the page read ours."""
    world = World(origins=("https://other.example", SHOP))
    payment = world.shelf.put(a_payment())

    async with world.client(origin=SHOP) as client:
        preflight = await client.options("/payments", headers=ASKED)
        read = [await client.get(f"/payments/{payment.id}"), await post_payment(client), await client.get("/nothing")]

    assert preflight.status_code == 204
    assert cors_of(preflight) == {
        "access-control-allow-origin": SHOP,
        "access-control-allow-methods": "GET, HEAD, OPTIONS, POST",
        "access-control-allow-headers": (
            "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Read-After, X-Request-Id"
        ),
        "access-control-max-age": "600",
    }
    assert [answer.status_code for answer in read] == [200, 201, 404]
    for answer in read:
        assert cors_of(answer) == {
            "access-control-allow-origin": SHOP,
            "access-control-expose-headers": (
                "ETag, Idempotent-Replayed, Location, Retry-After, Server-Timing, X-Read-After, X-Request-Id"
            ),
        }
    assert {answer.headers["vary"] for answer in (preflight, *read)} == {"Origin"}


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example.evil",
        "http://shop.example",
        "https://shop.example:444",
        "null",
        "https://SHOP.example",
        "",
    ],
)
async def test_another_origin_is_told_nothing(origin: str) -> None:
    """Origins are equal or they are not; caches are told that it depends on who asks."""
    async with World(origins=(SHOP,)).client(origin=origin) as client:
        answers = [await client.options("/payments", headers={**ASKED, "origin": origin}), await client.get("/")]

    assert [cors_of(answer) for answer in answers] == [{}, {}]
    assert {answer.headers["vary"] for answer in answers} == {"Origin"}
