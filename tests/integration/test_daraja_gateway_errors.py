"""Every row of what Daraja may answer to a push or a query, from a server that says exactly that."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from adapters.daraja.gateway import DarajaGateway
from adapters.daraja.unshared_token import UnsharedToken
from application.ports.gateway import NothingSent, Operation
from domain.evidence import Claim, Reason, Source
from domain.payment import Payment, ReferenceKind, Report
from tests.builders import an_mpesa_payment, now
from tests.fakes import StandingClock

PUSH = "/mpesa/stkpush/v1/processrequest"
QUERY = "/mpesa/stkpushquery/v1/query"
PROMPT = "ws_CO_1"
DROP = -1
HANG = -2
HTML = "<html><title>Request unsuccessful</title></html>"


@dataclass
class Server:
    """Gives tokens, and to everything else one answer (as many as there are, the last for ever)."""

    answers: list[tuple[int, str]] = field(default_factory=list)
    token_answer: tuple[int, str] = (200, '{"access_token":"token","expires_in":"3599"}')
    bodies: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    tokens: int = 0
    url: str = ""

    def says(self, *answers: tuple[int, str]) -> None:
        self.answers, self.bodies, self.tokens = list(answers), [], 0

    async def token(self, _: web.Request) -> web.StreamResponse:
        self.tokens += 1
        status, text = self.token_answer
        return web.Response(status=status, text=text.replace('token",', f'token-{self.tokens}",'))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append((request.path, json.loads(await request.read())))
        status, text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if status == DROP and request.transport is not None:
            request.transport.close()
        if status == HANG:
            await asyncio.sleep(3)
        return web.Response(status=max(status, 200), text=text)


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Server]:
    app = web.Application()
    app.router.add_get("/oauth/v1/generate", server.token)
    app.router.add_post("/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    async with serving(Server()) as server:
        yield server


def gateway_to(url: str, shared: UnsharedToken | None = None, patience: float = 10) -> DarajaGateway:
    return DarajaGateway(
        base_url=url,
        consumer_key="key",
        consumer_secret="secret",
        passkey="passkey",
        shortcode="174379",
        callback_base="https://pay.example.org",
        shared_token=shared or UnsharedToken(),
        clock=StandingClock(),
        total_timeout=timedelta(seconds=patience),
    )


async def pushed(url: str, shared: UnsharedToken | None = None, patience: float = 10) -> Report:
    gateway = gateway_to(url, shared, patience)
    try:
        return await gateway.collect(an_mpesa_payment(), Operation(started_at=now(), callback_token="ab" * 32))
    finally:
        await gateway.close()


def _patience(status: int) -> float:
    return 1 if status == HANG else 10


def envelope(code: str, message: str) -> str:
    return json.dumps({"requestId": "1c5b-4ba8", "errorCode": code, "errorMessage": message})


def accepted(**changes: Any) -> str:
    return json.dumps({"MerchantRequestID": "1", "CheckoutRequestID": PROMPT, "ResponseCode": "0"} | changes)


def result(code: Any, **changes: Any) -> str:
    return json.dumps({"ResponseCode": "0", "CheckoutRequestID": PROMPT, "ResultCode": code} | changes)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (500, envelope("500.003.02", "System is busy. Please try again in few minutes.")),
        (500, envelope("500.003.1001", "Internal Server Error")),
        (500, envelope("500.001.1001", "something new")),
        (500, envelope("500.002.1001", "service temporarily unavailable")),
        (500, envelope("500.001.1001", "The transaction is being processed")),
        (503, envelope("503.001.01", "Service Unavailable")),
        (200, envelope("500.003.1001", "Internal Server Error")),
        (200, envelope("404.001.03", "Invalid Access Token")),
        (200, HTML),
        (200, ""),
        (200, "[]"),
        (200, accepted(CheckoutRequestID=None)),
        (200, accepted(CheckoutRequestID="")),
        (200, accepted()[:-1]),
        (201, accepted()),
        (301, ""),
        (403, HTML),
        (404, HTML),
        (404, envelope("404.009.99", "something new")),
        (418, envelope("418.001", "something new")),
        (500, ""),
        (502, HTML),
        (503, HTML),
        (504, HTML),
        (DROP, ""),
        (HANG, ""),
    ],
)
async def test_what_may_have_been_executed_is_lost_and_sent_once(server: Server, status: int, text: str) -> None:
    """
    No row knows it: there may be a prompt on the phone.
    """
    server.says((status, text))

    report = await pushed(server.url, patience=_patience(status))

    assert [(each.claim, each.source) for each in report.evidence] == [(Claim.LOST, Source.CLOCK)]
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (500, envelope("500.001.1001", "Unable to lock subscriber, a transaction is already in process for…")),
        (500, envelope("500.003.02", "Error Occurred: Spike Arrest Violation")),
        (429, envelope("500.003.02", "Error Occurred: Spike Arrest Violation")),
        (500, envelope("500.003.03", "Error Occurred: Quota Violation")),
    ],
)
async def test_what_surely_was_not_executed_may_come_again(server: Server, status: int, text: str) -> None:
    """
    Refused in front of M-Pesa, or because the phone is busy.
    """
    server.says((status, text))

    with pytest.raises(NothingSent):
        await pushed(server.url)

    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "400.002.02", "Bad Request - Invalid BusinessShortCode"),
        (400, "400.002.05", "Invalid Request Payload"),
        (400, "400.003.02", "Bad Request"),
        (404, "404.001.01", "Resource not found"),
        (404, "404.003.01", "Resource not found"),
        (404, "404.001.04", "Invalid Authentication Header"),
        (405, "405.001", "Method Not Allowed"),
        (500, "500.001.1001", "Merchant does not exist"),
        (500, "500.001.1001", "[MerchantValidate] - Wrong credentials"),
        (401, "keymanagement.service", "Invalid API call as no apiproduct match found"),
    ],
)
async def test_what_repeating_cannot_mend_is_our_configuration(
    server: Server, status: int, code: str, message: str
) -> None:
    """
    The payment fails at once and the operator is told.
    """
    server.says((status, envelope(code, message)))

    with capture_logs() as log:
        report = await pushed(server.url)

    assert [(each.claim, each.source, each.reason, each.code) for each in report.evidence] == [
        (Claim.FAILED, Source.ANSWER, Reason.CONFIGURATION, code)
    ]
    assert len(server.bodies) == 1
    assert [entry["event"] for entry in log if entry["log_level"] == "error"] == ["daraja.misconfigured"]


async def test_another_response_code_is_a_refusal(server: Server) -> None:
    """
    Understood and not accepted; should a prompt come of it all the same, its name is known.
    """
    server.says((200, accepted(ResponseCode="1")))

    report = await pushed(server.url)

    assert [(each.claim, each.source, each.code) for each in report.evidence] == [(Claim.FAILED, Source.ANSWER, "1")]
    assert report.references == {ReferenceKind.CHECKOUT_REQUEST: PROMPT}


REFUSED_TOKENS = [
    (404, envelope("404.001.03", "Invalid Access Token")),
    (400, envelope("400.003.01", "Invalid Access Token")),
    (401, envelope("401.002.01", "Unauthorized")),
    (401, envelope("401.003.01", "Unauthorized")),
    (401, envelope("401.000.00", "Expired token")),
]


@pytest.mark.parametrize("refused", REFUSED_TOKENS)
async def test_a_refused_token_is_renewed_once_and_the_push_sent_again(
    server: Server, refused: tuple[int, str]
) -> None:
    """
    The only case of a second request, and it is the same to the letter.
    """
    server.says(refused, (200, accepted()))

    report = await pushed(server.url)

    assert report.references == {ReferenceKind.CHECKOUT_REQUEST: PROMPT}
    assert [path for path, _ in server.bodies] == [PUSH, PUSH]
    assert server.bodies[0] == server.bodies[1]
    assert server.tokens == 2


@pytest.mark.parametrize("refused", REFUSED_TOKENS)
async def test_two_refused_tokens_send_nothing(server: Server, refused: tuple[int, str]) -> None:
    """
    A third request would be no wiser: wrong environment, or the product is not enabled.
    """
    server.says(refused)

    with capture_logs() as log, pytest.raises(NothingSent):
        await pushed(server.url)

    assert len(server.bodies) == 2
    assert "daraja.misconfigured" in {entry["event"] for entry in log}


async def test_an_answer_lost_after_a_renewal_is_lost(server: Server) -> None:
    """
    The second request may have arrived.
    """
    server.says(REFUSED_TOKENS[0], (DROP, ""))

    assert [each.claim for each in (await pushed(server.url)).evidence] == [Claim.LOST]
    assert len(server.bodies) == 2


@pytest.mark.parametrize(
    "answer",
    [
        (400, ""),
        (401, ""),
        (400, envelope("400.008.01", "Invalid Authentication Type")),
        (500, HTML),
        (200, HTML),
        (200, "{}"),
        (200, '{"access_token":"a b","expires_in":3599}'),
        (200, '{"access_token":"token","expires_in":0}'),
        (200, '{"access_token":"token","expires_in":"soon"}'),
        (302, ""),
    ],
)
async def test_without_a_token_nothing_is_sent(answer: tuple[int, str]) -> None:
    """
    However the first step fails: M-Pesa was not reached.
    """
    async with serving(Server(token_answer=answer)) as server:
        with capture_logs() as log, pytest.raises(NothingSent):
            await pushed(server.url)

        assert server.bodies == []
        alarms = [entry["event"] for entry in log if entry["log_level"] == "error"]
        assert alarms == (["daraja.misconfigured"] if answer[0] in {400, 401} else [])


@pytest.mark.parametrize("expires_in", ["3599", '"3599"'])
async def test_a_tokens_life_is_a_number_or_text(expires_in: str) -> None:
    """
    The portal prints a number, the field sees text.
    """
    token = f'{{"access_token":"token","expires_in":{expires_in}}}'
    async with serving(Server(answers=[(200, accepted())], token_answer=(200, token))) as server:
        assert (await pushed(server.url)).references


async def _with_a_token() -> UnsharedToken:
    shared = UnsharedToken()
    await shared.store("token", now() + timedelta(hours=1), 1)
    return shared


@pytest.mark.parametrize(
    "url_of",
    [
        lambda _: "http://127.0.0.1:1",
        lambda _: "http://no-such-host.invalid",
        lambda server: server.url.replace("http", "https"),
    ],
    ids=["connection refused", "no such host", "no TLS"],
)
async def test_without_a_connection_nothing_is_sent(server: Server, url_of: Callable[[Server], str]) -> None:
    """
    The token is there, the connection is not: not a byte of the push has left us.
    """
    server.says((200, accepted()))
    with pytest.raises(NothingSent):
        await pushed(url_of(server), await _with_a_token())

    assert server.bodies == []


async def test_whatever_breaks_before_the_push_sends_nothing(server: Server) -> None:
    """
    Even a mistake of our own in keeping the token.
    """

    class Broken(UnsharedToken):
        async def claim(self, generation: int, hold_for: timedelta) -> bool:
            raise LookupError

    server.says((200, accepted()))
    with capture_logs(), pytest.raises(NothingSent):
        await pushed(server.url, Broken())

    assert server.bodies == []


async def test_a_push_is_written_as_the_portal_says(server: Server) -> None:
    """
    Its own spelling, whole shillings as a number, Nairobi's time, 13 plain characters.
    """
    server.says((200, accepted()))
    gateway = gateway_to(server.url)
    payment = an_mpesa_payment(description="Café: 2 Premium Plans")
    await gateway.collect(payment, Operation(started_at=now(), callback_token="ab" * 32))
    await gateway.close()

    ((path, body),) = server.bodies
    assert path == PUSH
    assert datetime.strptime(body.pop("Timestamp"), "%Y%m%d%H%M%S").astimezone()
    assert body.pop("Password")
    assert body == {
        "BusinessShortCode": "174379",
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 10,
        "PartyA": "254712345678",
        "PartyB": "174379",
        "PhoneNumber": "254712345678",
        "CallBackURL": f"https://pay.example.org/webhooks/mm/{'ab' * 32}",
        "AccountReference": payment.references[ReferenceKind.ACCOUNT_REFERENCE],
        "TransactionDesc": "Caf 2 Premium",
    }


def a_prompted_payment() -> Payment:
    return an_mpesa_payment(references={ReferenceKind.CHECKOUT_REQUEST: PROMPT})


async def looked_up(server: Server, patience: float = 10) -> Report:
    gateway = gateway_to(server.url, patience=patience)
    try:
        return await gateway.look_up(a_prompted_payment(), Operation(started_at=now()))
    finally:
        await gateway.close()


@pytest.mark.parametrize(
    ("status", "text", "claim"),
    [
        (200, result("0"), Claim.SUCCEEDED),
        (200, result(0), Claim.SUCCEEDED),
        (200, result("1032"), Claim.CANCELLED),
        (200, result("4999"), Claim.REQUIRES_ACTION),
        (500, envelope("500.001.1001", "The transaction is being processed"), Claim.REQUIRES_ACTION),
        (200, envelope("500.001.1001", "The transaction is being processed"), Claim.REQUIRES_ACTION),
    ],
)
async def test_a_query_that_answers(server: Server, status: int, text: str, claim: Claim) -> None:
    """
    The result code counts; that the query itself was accepted says nothing.
    """
    server.says((status, text))

    report = await looked_up(server)

    assert [(each.claim, each.source, each.amount) for each in report.evidence] == [(claim, Source.QUERY, None)]
    assert [path for path, _ in server.bodies] == [QUERY]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, result("7777")),
        (200, result("0", ResponseCode="1")),
        (200, result("0", CheckoutRequestID="ws_CO_2")),
        (200, result("0")[:-1]),
        (200, accepted()),
        (200, HTML),
        (500, envelope("500.001.1001", "The transaction does not exist")),
        (500, envelope("500.001.1001", "[MerchantValidate] - Wrong credentials")),
        (500, envelope("500.003.02", "Error Occurred: Spike Arrest Violation")),
        (500, envelope("500.003.1001", "Internal Server Error")),
        (404, envelope("404.001.03", "Invalid Access Token")),
        (503, HTML),
        (DROP, ""),
        (HANG, ""),
    ],
)
async def test_a_query_that_fails_proves_nothing(server: Server, status: int, text: str) -> None:
    """
    Neither yes nor no nor lost: nothing new is known. But it is logged.
    """
    server.says((status, text))

    with capture_logs() as log:
        assert await looked_up(server, _patience(status)) == Report()

    assert log
