"""Every way in which a call to Stripe can fail, over real sockets: what it means for the customer's money."""

import asyncio
import contextlib
import json
import logging
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from adapters.stripe.gateway import StripeGateway
from application.ports.gateway import NothingSent, Operation
from domain.evidence import Claim, Reason, Source
from domain.payment import Payment, ReferenceKind, Report
from domain.status import Status
from tests.builders import a_payment
from tests.integration.scripted_stripe import (
    API_KEY,
    CLIENT_SECRET,
    REPLAYED,
    Script,
    a_gateway,
    an_error,
    an_intent,
    speaking,
    the,
)

INTENT = ReferenceKind.PAYMENT_INTENT
METHOD = {"id": "pm_1", "object": "payment_method", "card": {"brand": "visa", "last4": "4242"}}
_REQUEST = b"POST /v1/"

Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


DECLINED = an_error(
    "card_error",
    "card_declined",
    decline_code="insufficient_funds",
    payment_intent={"id": "pi_1", "object": "payment_intent", "status": "requires_payment_method"},
)
NOT_AN_ANSWER = "<html>502 Bad Gateway</html>"


@asynccontextmanager
async def listening(serve: Connection, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server of bare connections; yields its port."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def collected(gateway: StripeGateway, payment: Payment | None = None, token: str = "pm_1") -> Report:
    payment = payment or a_payment()
    return await gateway.collect(payment, Operation(started_at=payment.created_at, token=token))


@pytest.mark.parametrize(
    ("status", "body", "claim", "reason", "code"),
    [
        (402, DECLINED, Claim.FAILED, Reason.INSUFFICIENT_FUNDS, "insufficient_funds"),
        (
            400,
            an_error("invalid_request_error", "resource_missing", param="payment_method"),
            Claim.FAILED,
            Reason.INVALID_METHOD,
            "resource_missing",
        ),
        (
            400,
            an_error("invalid_request_error", "parameter_unknown", param="payment_method_types"),
            Claim.FAILED,
            Reason.CONFIGURATION,
            "parameter_unknown",
        ),
        (404, an_error("invalid_request_error"), Claim.FAILED, Reason.CONFIGURATION, "invalid_request_error"),
        (400, an_error("invalid_request_error", "token_already_used"), Claim.LOST, None, "token_already_used"),
        (400, an_error("idempotency_error"), Claim.LOST, None, "idempotency_error"),
        (
            409,
            an_error("invalid_request_error", "idempotency_key_in_use"),
            Claim.LOST,
            None,
            "idempotency_key_in_use",
        ),
        (500, an_error("api_error"), Claim.LOST, None, "api_error"),
        (503, NOT_AN_ANSWER, Claim.LOST, None, "http_503"),
        (200, NOT_AN_ANSWER, Claim.LOST, None, "http_200"),
        (200, [], Claim.LOST, None, "http_200"),
        (200, "null", Claim.LOST, None, "http_200"),
        (200, "", Claim.LOST, None, "http_200"),
        (200, {}, Claim.LOST, None, "unreadable"),
        (200, an_intent(amount_received="2500"), Claim.LOST, None, "unreadable"),
        (200, an_intent(currency="isk", amount_received=250), Claim.LOST, None, "unreadable"),
        (302, {}, Claim.LOST, None, "http_302"),
        (400, {"error": "a string"}, Claim.LOST, None, "http_400"),
        (402, {"error": {"payment_intent": 7}}, Claim.LOST, None, "http_402"),
        (429, NOT_AN_ANSWER, Claim.LOST, None, "http_429"),
    ],
)
async def test_every_answer_has_one_meaning(
    status: int, body: Any, claim: Claim, reason: Reason | None, code: str
) -> None:
    """
    A definite no is a failure; whatever leaves a doubt is lost, and looked up.
    """
    async with speaking(Script().says("POST payment_intents", status, body)) as gateway:
        piece = the(await collected(gateway))

    assert (piece.claim, piece.reason, piece.code) == (claim, reason, code)
    assert piece.source is (Source.ANSWER if claim is Claim.FAILED else Source.CLOCK)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, an_error("invalid_request_error")),
        (403, an_error("invalid_request_error", "account_invalid")),
        (429, an_error("invalid_request_error", "rate_limit")),
        (429, an_error("invalid_request_error", "lock_timeout")),
    ],
)
@pytest.mark.parametrize("token", ["pm_1", "tok_visa"])
async def test_who_is_turned_away_at_the_door_has_sent_nothing(status: int, error: Any, token: str) -> None:
    """
    Never a failure of the customer's; where the token was spent before, the caller is told.
    """
    script = Script().says("POST payment_methods", 200, METHOD).says("POST payment_intents", status, error)
    async with speaking(script) as gateway:
        with pytest.raises(NothingSent) as nothing:
            await collected(gateway, token=token)

    assert nothing.value.token_used is (token == "tok_visa")


async def test_turned_away_before_the_token_was_spent_it_is_whole() -> None:
    """
    The first of the two calls was refused: the caller may come again with the same token.
    """
    async with speaking(Script().says("POST payment_methods", 429, an_error("api_error", "rate_limit"))) as gateway:
        with pytest.raises(NothingSent) as nothing:
            await collected(gateway, token="tok_visa")

    assert not nothing.value.token_used


async def test_a_wrong_key_wakes_the_operator() -> None:
    """
    401 and 403 are logged as errors, with the request's id and without the key.
    """
    with capture_logs() as logs:
        async with speaking(Script().says("POST payment_intents", 401, an_error("invalid_request_error"))) as gateway:
            with pytest.raises(NothingSent):
                await collected(gateway)

    assert [(one["event"], one["log_level"], one["request_id"]) for one in logs] == [
        ("stripe.misconfigured", "error", "req_1")
    ]


@pytest.mark.parametrize(
    ("status", "body", "now", "claim", "source"),
    [
        (200, an_intent("processing"), an_intent(), Claim.SUCCEEDED, Source.FETCHED),
        (402, DECLINED, an_intent("canceled", cancellation_reason="abandoned"), Claim.CANCELLED, Source.FETCHED),
        (500, an_error("api_error"), an_intent(), Claim.LOST, Source.CLOCK),
    ],
)
async def test_a_replay_is_a_snapshot(status: int, body: Any, now: Any, claim: Claim, source: Source) -> None:
    """
    What names the intent makes us fetch it; a saved 500 names nothing and is looked up.
    """
    script = Script().says("POST payment_intents", status, body, REPLAYED).says("GET payment_intents/pi_1", 200, now)
    async with speaking(script) as gateway:
        piece = the(await collected(gateway))

    assert (piece.claim, piece.source) == (claim, source)


@pytest.mark.parametrize("status", [500, 429, 404])
async def test_a_replay_whose_intent_is_not_reached_is_lost_but_not_its_name(status: int) -> None:
    """
    Stripe did act at some time: this is never "nothing was sent".
    """
    script = Script().says("POST payment_intents", 200, an_intent(), REPLAYED)
    script.says("GET payment_intents/pi_1", status, an_error("api_error"))
    async with speaking(script) as gateway:
        report = await collected(gateway)

    assert the(report).claim is Claim.LOST
    assert report.references == {INTENT: "pi_1"}


async def _silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _hangs_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(_REQUEST)


async def _resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(_REQUEST)
    writer.transport.abort()


async def _stops_in_the_middle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(_REQUEST)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    await writer.drain()


async def _hangs_in_the_middle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _stops_in_the_middle(reader, writer)
    await reader.read()


async def _drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _stops_in_the_middle(reader, writer)
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _speaks_another_language(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(_REQUEST)
    writer.write(b"220 mail.example ESMTP\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    "serve",
    [_silent, _hangs_up, _resets, _stops_in_the_middle, _hangs_in_the_middle, _drips, _speaks_another_language],
)
async def test_once_bytes_have_left_the_answer_is_lost_and_within_the_time(serve: Connection) -> None:
    """
    Whatever became of the connection: UNKNOWN, and the caller waits no longer than was promised.
    """
    async with listening(serve) as port:
        gateway = a_gateway(f"http://127.0.0.1:{port}")
        before = time.monotonic()
        payment = a_payment()
        report = await collected(gateway, payment)
        took = time.monotonic() - before
        await gateway.close()

    assert the(report).claim is Claim.LOST
    assert payment.learn(report, datetime.now(UTC)).status is Status.UNKNOWN
    assert took < 3


async def _nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Hangs up at once."""


async def _greets(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    await writer.drain()


@asynccontextmanager
async def closed_port() -> AsyncIterator[str]:
    with socket.socket() as once:
        once.bind(("127.0.0.1", 0))
        port = once.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def no_such_name() -> AsyncIterator[str]:
    yield "http://stripe.invalid"


@asynccontextmanager
async def no_such_port() -> AsyncIterator[str]:
    yield "http://127.0.0.1:99999"


@asynccontextmanager
async def black_hole() -> AsyncIterator[str]:
    """A port whose queue is full: nobody answers, not even with a refusal."""
    with contextlib.ExitStack() as sockets:
        server = sockets.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@asynccontextmanager
async def not_tls() -> AsyncIterator[str]:
    async with listening(_greets) as port:
        yield f"https://127.0.0.1:{port}"


@asynccontextmanager
async def tls_that_never_answers() -> AsyncIterator[str]:
    async with listening(_silent) as port:
        yield f"https://127.0.0.1:{port}"


@asynccontextmanager
async def tls_that_hangs_up() -> AsyncIterator[str]:
    async with listening(_nothing) as port:
        yield f"https://127.0.0.1:{port}"


@asynccontextmanager
async def tls_of_a_stranger() -> AsyncIterator[str]:
    async with listening(_silent, _self_signed()) as port:
        yield f"https://127.0.0.1:{port}"


@pytest.mark.parametrize(
    "nowhere",
    [
        closed_port,
        no_such_name,
        no_such_port,
        black_hole,
        not_tls,
        tls_that_never_answers,
        tls_that_hangs_up,
        tls_of_a_stranger,
    ],
)
async def test_without_a_connection_surely_nothing_was_sent(
    nowhere: Callable[[], AbstractAsyncContextManager[str]],
) -> None:
    """
    Refused, unresolvable, out of reach or not to be trusted: known within the time to connect, and beyond doubt.
    """
    async with nowhere() as url:
        gateway = a_gateway(url)
        before = time.monotonic()
        with pytest.raises(NothingSent) as nothing:
            await collected(gateway, token="tok_visa")
        took = time.monotonic() - before
        await gateway.close()

    assert not nothing.value.token_used
    assert took < 3


async def test_a_proxy_in_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Payments go where they are sent, and nowhere else.
    """
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with speaking(Script().says("POST payment_intents", 200, an_intent())) as gateway:
        assert the(await collected(gateway)).claim is Claim.SUCCEEDED


async def test_two_calls_share_one_time() -> None:
    """
    A slow token and a slow intent together take no longer than was promised for both.
    """

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = json.dumps(METHOD).encode()
        for _ in range(2):
            await reader.readuntil(_REQUEST)
            await asyncio.sleep(0.7)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()

    async with listening(slowly) as port:
        gateway = a_gateway(f"http://127.0.0.1:{port}")
        before = time.monotonic()
        piece = the(await collected(gateway, token="tok_visa"))
        took = time.monotonic() - before
        await gateway.close()

    assert (piece.claim, piece.code) == (Claim.LOST, "timeout")
    assert took < 1.3


async def test_who_is_cancelled_stops_at_once() -> None:
    """
    Cancellation is nobody's answer: it goes through, and the next call works.
    """
    script = Script().says("POST payment_intents", 200, an_intent())
    async with listening(_silent) as port, speaking(script) as healthy:
        gateway = a_gateway(f"http://127.0.0.1:{port}", total_timeout=timedelta(seconds=30))
        task = asyncio.create_task(collected(gateway))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await gateway.close()

        assert the(await collected(healthy)).claim is Claim.SUCCEEDED


async def test_a_key_is_stable_for_an_operation_and_no_other() -> None:
    """
    The token's, the intent's: the same at every repetition.
    """
    script = Script().says("POST payment_methods", 200, METHOD).says("POST payment_intents", 500, "")
    payment = a_payment()
    async with speaking(script) as gateway:
        for _ in range(2):
            await collected(gateway, payment, "tok_visa")

    assert script.keys == [f"{payment.id}:pm", str(payment.id)] * 2


def a_waiting_payment() -> Payment:
    return a_payment(status=Status.REQUIRES_ACTION, references={INTENT: "pi_1"}, next_action={"type": "three_d_secure"})


@pytest.mark.parametrize(
    ("status", "dead"),
    [
        (500, an_error("api_error")),
        (400, an_error("invalid_request_error", "payment_intent_unexpected_state")),
    ],
)
async def test_a_dead_attempt_to_cancel_is_left_behind(status: int, dead: Any) -> None:
    """
    Its saved failure would be replayed for a day: where the intent shows that nothing happened, the number rises.
    """
    payment = a_waiting_payment()
    script = Script().says("POST payment_intents/pi_1/cancel", status, dead, REPLAYED)
    script.says("POST payment_intents/pi_1/cancel", 200, an_intent("canceled"))
    script.says("GET payment_intents/pi_1", 200, an_intent("requires_action"))
    async with speaking(script) as gateway:
        piece = the(await gateway.cancel(payment))

    assert (piece.claim, piece.source) == (Claim.CANCELLED, Source.ANSWER)
    assert script.keys == [f"{payment.id}:cancel:1", f"{payment.id}:cancel:2"]


async def test_a_refused_cancel_tells_what_the_intent_is() -> None:
    """
    Not cancellable now: what it is now counts, and the number stays.
    """
    payment = a_waiting_payment()
    refused = an_error("invalid_request_error", "payment_intent_unexpected_state")
    script = Script().says("POST payment_intents/pi_1/cancel", 400, refused)
    script.says("GET payment_intents/pi_1", 200, an_intent("processing"))
    async with speaking(script) as gateway:
        piece = the(await gateway.cancel(payment))

    assert (piece.claim, piece.source) == (Claim.PROCESSING, Source.FETCHED)
    assert script.keys == [f"{payment.id}:cancel:1"]


async def test_attempts_to_cancel_are_bounded() -> None:
    """
    However many dead ones there are: the intent's own state is told, and the next look tries again.
    """
    script = Script().says("POST payment_intents/pi_1/cancel", 500, an_error("api_error"), REPLAYED)
    script.says("GET payment_intents/pi_1", 200, an_intent("requires_action"))
    async with speaking(script) as gateway:
        piece = the(await gateway.cancel(a_waiting_payment()))

    assert piece.claim is Claim.REQUIRES_ACTION
    assert len(script.keys) == 5


@pytest.mark.parametrize(("status", "body"), [(404, an_error("invalid_request_error")), (500, ""), (200, "")])
async def test_a_look_up_that_fails_says_nothing_new(status: int, body: Any) -> None:
    """
    Not having seen the intent proves nothing about it.
    """
    payment = a_waiting_payment()
    async with speaking(Script().says("GET payment_intents/pi_1", status, body)) as gateway:
        report = await gateway.look_up(payment, Operation(started_at=payment.created_at))

    assert report == Report()


async def test_a_notice_of_stripes_disturbs_nobody() -> None:
    """
    Where stripe-python makes a warning of it, a warning that is an error would come after the customer was charged.
    """
    script = Script().says("POST payment_intents", 200, an_intent(), {"Stripe-Notice": "Use something newer."})
    async with speaking(script) as gateway:
        assert the(await collected(gateway)).claim is Claim.SUCCEEDED


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, an_intent()), (402, DECLINED), (401, an_error("x")), (500, an_error("api_error")), (200, CLIENT_SECRET)],
)
async def test_no_log_ever_shows_a_secret(status: int, body: Any, caplog: pytest.LogCaptureFixture) -> None:
    """
    Neither ours nor stripe-python's: no key, no token, no client secret, no body.
    """
    with caplog.at_level(logging.DEBUG), capture_logs() as logs:
        async with speaking(Script().says("POST payment_intents", status, body)) as gateway:
            with contextlib.suppress(NothingSent):
                await collected(gateway, token="pm_of_the_customer")

    shown = caplog.text + repr(logs)
    assert not [secret for secret in (API_KEY, CLIENT_SECRET, "pm_of_the_customer") if secret in shown]


def _self_signed() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, form, plain))
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
        file.flush()
        context.load_cert_chain(file.name)
    return context
