"""The M-Pesa gateway against the Daraja stand-in, whose ledger is the truth about prompts and money."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
import pytest
from aiohttp import web
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from adapters.daraja.gateway import DarajaGateway
from adapters.daraja.security_credential import security_credential
from adapters.daraja.transaction_status import Initiator
from adapters.daraja.translation import Confirm
from adapters.daraja.unshared_token import UnsharedToken
from adapters.daraja.webhooks import DarajaCallbacks
from application.ports.gateway import NothingSent, Operation
from application.ports.inbox import Message
from domain.evidence import Claim, Reason, Source
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import GatewayName
from domain.status import Status
from tests.builders import a_phone, an_mpesa_payment, kes, now
from tests.fakes import StandingClock
from tests.sandboxes import running

PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
Seen = TypeVar("Seen")


async def eventually(look: Callable[[], Awaitable[Seen]]) -> Seen:
    """What `look` sees as soon as it sees anything."""
    deadline = time.monotonic() + 5
    while not (seen := await look()):
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.01)
    return seen


@dataclass
class Daraja:
    """The running stand-in, and our end of its callbacks."""

    url: str
    http: httpx.AsyncClient
    callback_base: str
    posted: dict[str, bytes]
    certificate: bytes
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def gateway(self, **settings: Any) -> DarajaGateway:
        return DarajaGateway(
            **{
                "base_url": self.url,
                "consumer_key": "sandbox-consumer-key",
                "consumer_secret": "sandbox-consumer-secret",
                "passkey": PASSKEY,
                "shortcode": "174379",
                "callback_base": self.callback_base,
                "shared_token": UnsharedToken(),
                "clock": StandingClock(),
            }
            | settings
        )

    def payment(self, digits: str = "1234", **facts: Any) -> Payment:
        """A payment by somebody new whose number ends so."""
        return an_mpesa_payment(method=a_phone(f"2547{next(self.numbers):04d}{digits}"), **facts)

    async def behave(self, **rules: Any) -> None:
        (await self.http.post("/_behave", json=rules)).raise_for_status()

    async def ledger(self, kind: str, payment: Payment) -> list[dict[str, Any]]:
        """What happened on this payment's phone."""
        rows = (await self.http.get("/_ledger")).json()[kind]
        return [row for row in rows if row["phone"] == payment.method.phone]

    async def tokens(self) -> int:
        fetched: int = (await self.http.get("/_ledger")).json()["tokens"]
        return fetched

    async def posted_to(self, path: str) -> bytes:
        async def body() -> bytes:
            return self.posted.get(path, b"")

        return await eventually(body)


@pytest.fixture(scope="module")
async def daraja(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daraja]:
    async with a_daraja(tmp_path_factory.mktemp("daraja")) as daraja:
        yield daraja


@asynccontextmanager
async def a_daraja(folder: Path) -> AsyncIterator[Daraja]:
    certificate = folder / "certificate.pem"
    arguments = ("--ledger", str(folder / "ledger"), "--certificate-out", str(certificate), "--pay-after-ms", "100")
    async with _receiver() as (callback_base, posted):
        with running("entrypoints.sandbox.daraja", *arguments) as url:
            async with httpx.AsyncClient(base_url=url) as http:
                yield Daraja(url, http, callback_base, posted, certificate.read_bytes())


@pytest.fixture
async def gateway(daraja: Daraja) -> AsyncIterator[DarajaGateway]:
    gateway = daraja.gateway()
    yield gateway
    await gateway.close()


@asynccontextmanager
async def _receiver() -> AsyncIterator[tuple[str, dict[str, bytes]]]:
    posted: dict[str, bytes] = {}

    async def take(request: web.Request) -> web.Response:
        posted[request.path] = await request.read()
        return web.json_response({"ResultCode": 0, "ResultDesc": "Accepted"})

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", posted
    await runner.cleanup()


def prepared(gateway: DarajaGateway, payment: Payment) -> tuple[Payment, Operation]:
    """The payment under its own names, as the first durable step leaves it."""
    names = gateway.prepare()
    operation = Operation(started_at=now(), callback_token=names.callback_token)
    return replace(payment, references=names.references), operation


async def collected(gateway: DarajaGateway, payment: Payment) -> tuple[Payment, Operation, Report]:
    payment, operation = prepared(gateway, payment)
    report = await gateway.collect(payment, operation)
    return payment.learn(report, now()), operation, report


async def answered(daraja: Daraja, payment: Payment) -> None:
    """Returns when the prompt has its result."""

    async def ended() -> bool:
        return any(row["result_code"] for row in await daraja.ledger("prompts", payment))

    await eventually(ended)


async def test_one_prompt_goes_out_with_everything_that_names_the_payment(
    daraja: Daraja, gateway: DarajaGateway
) -> None:
    """
    The customer sees whole shillings and our reference; the callback comes by the secret path.
    """
    payment, operation, report = await collected(gateway, daraja.payment(money=kes(150)))

    (prompt,) = await daraja.ledger("prompts", payment)
    assert prompt["amount"] == 150
    assert prompt["account_reference"] == payment.references[ReferenceKind.ACCOUNT_REFERENCE]
    assert prompt["callback_url"] == f"{daraja.callback_base}/webhooks/mm/{operation.callback_token}"
    assert report.references == {ReferenceKind.CHECKOUT_REQUEST: prompt["checkout_request_id"]}
    assert [(each.claim, each.source) for each in report.evidence] == [(Claim.REQUIRES_ACTION, Source.ANSWER)]
    assert report.next_action is not None
    assert report.next_action["type"] == "confirm_on_phone"
    assert payment.status is Status.REQUIRES_ACTION


async def test_a_callback_claims_and_a_query_confirms(daraja: Daraja, gateway: DarajaGateway) -> None:
    """
    By default a paid callback alone is PROCESSING; the query that agrees makes it a success.
    """
    payment, operation, _ = await collected(gateway, daraja.payment(money=kes(150)))
    body = await daraja.posted_to(f"/webhooks/mm/{operation.callback_token}")
    message = Message(uuid7(), GatewayName.MPESA, "event", body, payment.id)

    payment = payment.learn(DarajaCallbacks().translate(message, payment), now())
    assert payment.status is Status.PROCESSING
    (paid,) = await daraja.ledger("payments", payment)
    assert payment.references[ReferenceKind.RECEIPT] == paid["receipt"]

    payment = payment.learn(await gateway.look_up(payment, operation), now())
    assert (payment.status, payment.amount_captured) == (Status.SUCCEEDED, 15_000)


async def test_a_query_suffices_without_a_callback(daraja: Daraja, gateway: DarajaGateway) -> None:
    """
    The callback never comes (0404): the query's yes is a success by itself.
    """
    payment, operation, _ = await collected(gateway, daraja.payment("0404"))
    await answered(daraja, payment)

    payment = payment.learn(await gateway.look_up(payment, operation), now())

    assert payment.status is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("digits", "claim", "reason"),
    [
        ("0001", Claim.FAILED, Reason.INSUFFICIENT_FUNDS),
        ("1032", Claim.CANCELLED, Reason.CANCELLED_BY_PAYER),
        ("1037", Claim.EXPIRED, Reason.UNREACHABLE),
        ("2001", Claim.FAILED, Reason.WRONG_PIN),
    ],
)
async def test_a_query_that_says_no_is_weak_evidence(
    daraja: Daraja, gateway: DarajaGateway, digits: str, claim: Claim, reason: Reason
) -> None:
    """
    Rank 1: it closes nothing by itself. Its time is when we asked.
    """
    payment, operation, _ = await collected(gateway, daraja.payment(digits))
    await answered(daraja, payment)

    (denial,) = (await gateway.look_up(payment, operation)).evidence

    assert (denial.code, denial.claim, denial.reason, denial.rank) == (str(int(digits)), claim, reason, 1)


@pytest.mark.parametrize("digits", ["4999", "1019"])
async def test_a_prompt_that_waits_is_still_waiting(daraja: Daraja, gateway: DarajaGateway, digits: str) -> None:
    """
    Told as an error or as 4999: the customer still has it.
    """
    payment, operation, _ = await collected(gateway, daraja.payment(digits))

    (waits,) = (await gateway.look_up(payment, operation)).evidence

    assert (waits.claim, waits.source) == (Claim.REQUIRES_ACTION, Source.QUERY)


async def test_cancelling_only_looks(daraja: Daraja, gateway: DarajaGateway) -> None:
    """
    A prompt cannot be taken back.
    """
    payment, _, _ = await collected(gateway, daraja.payment("1032"))
    await answered(daraja, payment)

    report = await gateway.cancel(payment)

    assert [each.claim for each in report.evidence] == [Claim.CANCELLED]
    assert len(await daraja.ledger("prompts", payment)) == 1


@pytest.mark.parametrize(("digits", "prompts"), [("0500", 1), ("0408", 1), ("0002", 0), ("0200", 0), ("0503", 0)])
async def test_an_answer_that_proves_nothing_leaves_it_unknown(daraja: Daraja, digits: str, prompts: int) -> None:
    """
    The customer may have a prompt or not: it is not sent again, and looking without a name sends nothing either.
    """
    gateway = daraja.gateway(total_timeout=timedelta(seconds=1))
    payment, operation, report = await collected(gateway, daraja.payment(digits))
    again = await gateway.look_up(payment, operation)
    await gateway.close()

    assert payment.status is Status.UNKNOWN
    for each in (report, again):
        assert [(piece.claim, piece.source) for piece in each.evidence] == [(Claim.LOST, Source.CLOCK)]
    assert len(await daraja.ledger("prompts", payment)) == prompts


async def test_a_spike_arrest_sends_nothing(daraja: Daraja, gateway: DarajaGateway) -> None:
    """
    Throttled before M-Pesa: the caller may come again.
    """
    payment = daraja.payment("0003")
    with pytest.raises(NothingSent):
        await collected(gateway, payment)

    assert await daraja.ledger("prompts", payment) == []


async def test_a_phone_that_is_busy_gets_no_second_prompt(daraja: Daraja, gateway: DarajaGateway) -> None:
    """
    "Unable to lock subscriber": surely not executed.
    """
    payment, _, _ = await collected(gateway, daraja.payment("1019"))
    with pytest.raises(NothingSent):
        await collected(gateway, an_mpesa_payment(method=payment.method))

    assert len(await daraja.ledger("prompts", payment)) == 1


async def test_a_token_that_died_early_is_renewed_and_the_push_sent_once(
    daraja: Daraja, gateway: DarajaGateway
) -> None:
    """
    A refused token means that nothing was done: this alone may be sent a second time.
    """
    await collected(gateway, daraja.payment())
    fetched = await daraja.tokens()
    await daraja.behave(invalidate_token=True)

    payment, _, _ = await collected(gateway, daraja.payment())

    assert payment.status is Status.REQUIRES_ACTION
    assert len(await daraja.ledger("prompts", payment)) == 1
    assert await daraja.tokens() == fetched + 1


async def test_fifty_payments_in_two_processes_need_one_token(daraja: Daraja) -> None:
    """
    Each fetch kills the token before: with more than one, somebody's push would be refused.
    """
    shared = UnsharedToken()
    one, other = daraja.gateway(shared_token=shared), daraja.gateway(shared_token=shared)
    fetched = await daraja.tokens()

    results = await asyncio.gather(
        *(collected(gateway, daraja.payment("1037")) for gateway in (one, other) for _ in range(25))
    )
    await asyncio.gather(one.close(), other.close())

    assert {payment.status for payment, _, _ in results} == {Status.REQUIRES_ACTION}
    assert await daraja.tokens() == fetched + 1


async def test_wrong_keys_are_our_mistake_and_send_nothing(daraja: Daraja) -> None:
    """
    No token, so no request: the operator is told which settings to look at.
    """
    gateway = daraja.gateway(consumer_secret="wrong")
    payment = daraja.payment()
    with capture_logs() as log, pytest.raises(NothingSent):
        await collected(gateway, payment)
    await gateway.close()

    assert "daraja.misconfigured" in {entry["event"] for entry in log if entry["log_level"] == "error"}
    assert await daraja.ledger("prompts", payment) == []


async def test_a_wrong_passkey_fails_the_payment_and_alarms_once(daraja: Daraja) -> None:
    """
    Repeating cannot help; the shop learns that it is our configuration.
    """
    gateway = daraja.gateway(passkey="wrong")
    with capture_logs() as log:
        payments = [(await collected(gateway, daraja.payment()))[0] for _ in range(3)]
    await gateway.close()

    assert {(payment.status, payment.reason) for payment in payments} == {(Status.FAILED, Reason.CONFIGURATION)}
    assert [entry["event"] for entry in log if entry["log_level"] == "error"] == ["daraja.misconfigured"]


async def test_nothing_personal_or_secret_is_logged(daraja: Daraja) -> None:
    """
    Neither phones nor tokens nor passwords, whatever goes wrong.
    """
    gateway = daraja.gateway(total_timeout=timedelta(seconds=1))
    payments = [daraja.payment(digits) for digits in ("1234", "0408", "0500", "0503")]
    with capture_logs() as log:
        told = [await collected(gateway, payment) for payment in payments]
        for payment, operation, _ in told:
            await gateway.look_up(payment, operation)
    await gateway.close()

    written = repr(log)
    secrets = [str(payment.method.phone) for payment in payments] + [str(each.callback_token) for _, each, _ in told]
    assert log
    assert not [secret for secret in [*secrets, PASSKEY, "sandbox-consumer-secret", "Bearer"] if secret in written]


@dataclass
class Tokens:
    """Fresh callback tokens, and which conversation each is for."""

    issued: list[UUID] = field(default_factory=list)
    bound: dict[str, UUID] = field(default_factory=dict)

    async def issue(self, payment_id: UUID) -> str:
        self.issued.append(payment_id)
        return f"{len(self.issued):064x}"

    async def bind(self, payment_id: UUID, conversation_id: str) -> None:
        self.bound[conversation_id] = payment_id


async def test_transaction_status_confirms_by_receipt(daraja: Daraja) -> None:
    """
    Asked on a path of its own; the record that comes back there is the strongest evidence there is.
    """
    tokens = Tokens()
    initiator = Initiator("testapiuser", security_credential("sandbox-initiator-password", daraja.certificate))
    gateway = daraja.gateway(confirm=Confirm.STATUS, initiator=initiator, fresh_tokens=tokens)
    payment, operation, _ = await collected(gateway, daraja.payment(money=kes(150)))
    body = await daraja.posted_to(f"/webhooks/mm/{operation.callback_token}")
    message = Message(uuid7(), GatewayName.MPESA, "event", body, payment.id)
    payment = payment.learn(DarajaCallbacks(Confirm.STATUS).translate(message, payment), now())

    assert await gateway.look_up(payment, operation) == Report()
    result = await daraja.posted_to(f"/webhooks/mm/{1:064x}/result")
    await gateway.close()

    answer = Message(uuid7(), GatewayName.MPESA, "event", result, payment.id)
    about = DarajaCallbacks(Confirm.STATUS).about(answer)
    report = DarajaCallbacks(Confirm.STATUS).translate(answer, payment)
    assert tokens.issued == [payment.id]
    assert about is not None
    assert tokens.bound == {about.reference: payment.id}
    assert [(each.claim, each.rank, each.amount) for each in report.evidence] == [(Claim.SUCCEEDED, 4, kes(150))]
    assert payment.learn(report, now()).status is Status.SUCCEEDED


async def test_without_an_initiator_a_query_confirms(daraja: Daraja) -> None:
    """
    A success by query is one whatever was to confirm it.
    """
    gateway = daraja.gateway(confirm=Confirm.STATUS)
    payment, operation, _ = await collected(gateway, daraja.payment())
    body = await daraja.posted_to(f"/webhooks/mm/{operation.callback_token}")
    message = Message(uuid7(), GatewayName.MPESA, "event", body, payment.id)
    payment = payment.learn(DarajaCallbacks(Confirm.STATUS).translate(message, payment), now())

    report = await gateway.look_up(payment, operation)
    await gateway.close()

    assert [(each.claim, each.source) for each in report.evidence] == [(Claim.SUCCEEDED, Source.QUERY)]
