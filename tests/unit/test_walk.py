"""The walk's hands: what it writes down of an answer, whatever that is."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from entrypoints.walk.expectations import data, problem, status
from entrypoints.walk.rows import Outcome, Row
from entrypoints.walk.shop import unknown_id
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import Sent, get, post

ASKED = get("/payments/1")
FOUND = {"success": True, "data": {"status": "SUCCEEDED"}, "metadata": {"correlation_id": "r-1"}}
DECLINED = {
    "type": "https://docs.example/problems/payment-declined",
    "title": "The payment was declined",
    "status": 402,
    "detail": "The payment is FAILED.",
    "instance": "/payments",
    "code": "payment-declined",
    "correlation_id": "r-1",
    "success": False,
}


def saying(status_code: int, body: Any, media_type: str = "application/json", **headers: str) -> httpx.Response:
    told = {"content-type": media_type, "x-request-id": "r-1", **headers}
    return httpx.Response(status_code, content=json.dumps(body), headers=told)


def a_problem(status_code: int = 402, /, **changes: Any) -> httpx.Response:
    return saying(status_code, DECLINED | changes, "application/problem+json")


async def walked(answer: Callable[[httpx.Request], httpx.Response], sent: Sent, *wanted: Any) -> Row:
    """The row of one check."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://shop.example") as http:
        tour = Tour(http, "a.b.c", [].append)
        await tour.check("a rule", sent, *wanted)
    return tour.rows[0]


async def test_what_is_as_expected_is_ok() -> None:
    """
    The row says what was sent, expected and seen.
    """
    row = await walked(lambda _: saying(200, FOUND), ASKED, status(200), data(status="SUCCEEDED"))

    assert row.outcome is Outcome.OK
    assert (row.sent, row.expected, row.seen) == ("GET /payments/1", "200, status SUCCEEDED", "200, status SUCCEEDED")


async def test_what_is_not_says_whom_to_ask() -> None:
    """
    The request's id, and what the problem says of itself.
    """
    row = await walked(lambda _: a_problem(), ASKED, status(200), data(status="SUCCEEDED"))

    assert (row.outcome, row.seen, row.request_id) == (Outcome.FAILED, "402, status —", "r-1")
    assert row.trouble == "payment-declined: The payment is FAILED."


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (saying(200, FOUND | {"success": "yes"}), "success is not true"),
        (saying(200, {"success": True}), "no data"),
        (saying(200, FOUND, "text/plain"), "content-type text/plain"),
        (saying(200, FOUND, **{"x-request-id": "r-2"}), "metadata.correlation_id is not the X-Request-Id"),
        (a_problem(402, status=400), "status 400 in the body"),
        (a_problem(402, type="about:blank"), "type about:blank"),
        (saying(402, DECLINED), "content-type application/json"),
        (saying(500, {"error": "oops"}, "application/problem+json"), "no code"),
    ],
)
async def test_every_answer_must_have_the_contract_s_form(answer: httpx.Response, fault: str) -> None:
    """
    The right status in the wrong form is wrong.
    """
    row = await walked(lambda _: answer, ASKED, status(answer.status_code))

    assert row.outcome is Outcome.FAILED
    assert "not in the contract's form" in row.seen
    assert fault in row.seen


async def test_a_replayed_answer_is_the_first_one_s() -> None:
    """
    Its correlation id, too: it is not this request's.
    """
    replayed = {"x-request-id": "r-2", "idempotent-replayed": "true"}

    row = await walked(lambda _: saying(201, FOUND, **replayed), post("/payments", {}), status(201))

    assert row.outcome is Outcome.OK


async def test_one_is_not_true_and_no_number_in_quotes() -> None:
    """
    Python's equality is not JSON's.
    """
    row = await walked(lambda _: saying(200, FOUND | {"data": {"late": 1}}), ASKED, data(late=True))

    assert row.outcome is Outcome.FAILED


async def test_a_field_at_fault_is_named() -> None:
    """
    The right problem about another field is another problem.
    """
    errors = [{"field": "currency", "message": "must be three capital letters"}]

    row = await walked(lambda _: a_problem(errors=errors), ASKED, problem(402, "payment-declined", field="amount"))

    assert (row.outcome, row.seen) == (Outcome.FAILED, "402, code payment-declined, errors: currency")


async def test_no_answer_is_a_failure() -> None:
    """
    The row says what went wrong, and the walk goes on.
    """

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    row = await walked(refuse, ASKED, status(200))

    assert (row.outcome, row.seen) == (Outcome.FAILED, "no answer: ConnectError refused")


async def test_what_comes_late_is_waited_for_and_what_never_comes_is_not_for_ever() -> None:
    """
    The row says how often it was looked at.
    """
    answers = iter([202, 202, 200])
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: saying(next(answers, 202), FOUND)), base_url="http://shop.example"
    ) as http:
        tour = Tour(http, "a.b.c", [].append)
        await tour.until("it comes", ASKED, status(200))
        async with asyncio.timeout(30):
            await tour.until("it does not", ASKED, status(200), within=0.01)

    assert [row.outcome for row in tour.rows] == [Outcome.OK, Outcome.FAILED]
    assert tour.rows[0].sent == "GET /payments/1 (3 times)"


async def test_what_was_written_is_read_back() -> None:
    """
    The last X-Read-After is sent with what is read; the token only where it belongs.
    """
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return saying(201, FOUND, **{"x-read-after": "p1"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://shop.example") as http:
        tour = Tour(http, "a.b.c", [].append)
        for sent in (post("/payments", {}), ASKED, get("/").with_(token=False)):
            await tour.send(sent)

    assert [request.headers.get("x-read-after") for request in seen] == [None, "p1", None]
    assert [request.headers.get("authorization") for request in seen] == ["Bearer a.b.c", "Bearer a.b.c", None]


def test_ids_are_shown_short() -> None:
    """
    A row is for people; a callback's token is nobody's to read.
    """
    payment = unknown_id()

    assert str(get(f"/payments/{payment}", limit=1)) == f"GET /payments/{payment[:8]}…?limit=1"
    assert str(post(f"/webhooks/mm/{'ab' * 32}/result")) == "POST /webhooks/mm/abababab…/result"
