"""Hand-written stand-ins for the use cases behind the HTTP face, and callers to send requests with."""

import base64
import hmac
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import httpx
import jwt
from litestar import Litestar
from uuid_utils.compat import uuid7

from adapters.http.app import make_app
from adapters.http.auth import Authenticator
from adapters.http.desk import UseCases
from adapters.http.health import Pulse
from adapters.http.keys import Keys, SecretKey
from adapters.http.method_views import render_saved
from adapters.http.views import render, render_note
from adapters.http.webhooks import Ears
from application.add_note import AddNote
from application.answer_once import OnceAnswered
from application.answered import Answered
from application.find_payments import Reader, Story
from application.list_payments import ListHistory, ListPayments
from application.list_refunds import ListRefunds
from application.own_writes import OwnWrites
from application.ports.payments import Answer, Purpose
from application.ports.webhooks import Forged
from application.refund_payment import RefundRequest
from application.save_payment_method import SaveRequest
from application.start_payment import PaymentRequest
from application.undertake import ChangeRequest
from domain.errors import MethodDeclined, NotFound
from domain.history import GENESIS, Cause, CauseKind, Entry, tell, verify
from domain.payment import Payment, Report
from domain.payment_method import GatewayName
from domain.payment_type import PaymentType
from domain.refund import Refund
from domain.saved_method import SavedMethod
from tests.builders import SOMEONE, a_payment, paid
from tests.fakes import InMemoryLists, InMemoryNotes, InMemoryPayments, PlainSealer, PositionsFake, StandingClock
from tests.fakes_refunds import InMemoryRefundLists, InMemoryRefunds

SECRET: Final = "a secret for development of 32 bytes or more"
DOCS: Final = "https://docs.example"
NOW: Final = 1_800_000_000
A_TOKEN: Final = "0123456789abcdef" * 4
SIGNED: Final = b"t=1,v1=proven"

THE_BODY: Final[Mapping[str, Any]] = {
    "user_id": str(SOMEONE),
    "order_id": "order_123",
    "amount": 2500,
    "currency": "USD",
    "paymentMethod": {"type": "CARD", "token": "tok_visa", "brand": "VISA", "last4": "4242"},
    "metadata": {"order": {"id": "order_123", "items": ["Premium Plan"]}, "user": {"email": "user@example.com"}},
}


@dataclass
class StartPaymentFake:
    """Answers with what it was told to, and remembers what it was asked. By default the payment succeeds."""

    asked: list[PaymentRequest] = field(default_factory=list)
    answers: Callable[[PaymentRequest], Answered] | None = None
    fails: Exception | None = None

    async def execute(self, request: PaymentRequest) -> Answered:
        self.asked.append(request)
        if self.fails is not None:
            raise self.fails
        if self.answers is not None:
            return self.answers(request)
        return Answered(Answer(201, b'{"success":true}'), uuid7())

    def will_tell(self, payment: Payment, *, replayed: bool = False) -> None:
        """Whatever is asked, the answer is about this payment."""
        self.answers = lambda request: Answered(
            render(payment, request.request_id, docs_url=DOCS), payment.id, replayed
        )


@dataclass
class ShelfFake:
    """Keeps payments with their stories, for the use cases that read."""

    payments: dict[UUID, Payment] = field(default_factory=dict)
    stories: dict[UUID, list[Entry]] = field(default_factory=dict)

    def put(self, payment: Payment) -> Payment:
        self.payments[payment.id] = payment
        self.stories[payment.id] = [tell(None, payment, Cause(CauseKind.REQUEST, "req-1"), GENESIS)]
        return payment

    def get(self, payment_id: UUID, reader: Reader) -> Payment:
        payment = self.payments.get(payment_id)
        if payment is None or not reader.may_see(payment):
            raise NotFound
        return payment


@dataclass
class FindPaymentFake:
    shelf: ShelfFake

    async def execute(self, payment_id: UUID, reader: Reader) -> Payment:
        return self.shelf.get(payment_id, reader)


@dataclass
class FindHistoryFake:
    shelf: ShelfFake
    asked: list[Reader] = field(default_factory=list)

    async def execute(self, payment_id: UUID, reader: Reader) -> Story:
        self.asked.append(reader)
        self.shelf.get(payment_id, reader)
        entries = self.shelf.stories[payment_id]
        return Story(entries, verify(entries, entries[-1].hash))


@dataclass
class SaveMethodFake:
    """Answers with the method that was asked for, or with what it was told to; remembers what it was asked."""

    asked: list[SaveRequest] = field(default_factory=list)
    tells: SavedMethod | MethodDeclined | None = None
    replayed: bool = False
    fails: Exception | None = None

    async def execute(self, request: SaveRequest) -> OnceAnswered:
        self.asked.append(request)
        if self.fails is not None:
            raise self.fails
        saved = SavedMethod(id=uuid7(), user_id=request.user_id, method=request.method)
        return OnceAnswered(render_saved(self.tells or saved, request.request_id, docs_url=DOCS), self.replayed)


@dataclass
class MethodsFake:
    """What users have saved."""

    saved: list[SavedMethod] = field(default_factory=list)

    async def of_user(self, user_id: UUID) -> list[SavedMethod]:
        return [one for one in self.saved if one.user_id == user_id]

    async def remove(self, user_id: UUID, method_id: UUID) -> None:
        if not any((one.user_id, one.id) == (user_id, method_id) for one in self.saved):
            raise NotFound
        self.saved = [one for one in self.saved if one.id != method_id]


@dataclass
class ChangesFake:
    """Captures, cancels and refunds: answers with what it was told to, and remembers what it was asked."""

    asked: list[Any] = field(default_factory=list)
    answer: Answered = field(default_factory=lambda: Answered(Answer(200, b'{"success":true}'), uuid7()))
    refunds: dict[UUID, Refund] = field(default_factory=dict)
    fails: Exception | None = None

    async def capture(self, request: ChangeRequest, amount: int | None) -> Answered:
        return self._answer((request, amount))

    async def cancel(self, request: ChangeRequest) -> Answered:
        return self._answer(request)

    async def refund(self, request: RefundRequest) -> Answered:
        return self._answer(request)

    async def find_refund(self, refund_id: UUID, reader: Reader) -> Refund:
        refund = self.refunds.get(refund_id)
        if refund is None or reader.user_id != refund.user_id:
            raise NotFound
        return refund

    def _answer(self, asked: Any) -> Answered:
        self.asked.append(asked)
        if self.fails is not None:
            raise self.fails
        return self.answer


@dataclass
class EarsFake:
    """All three ways in for a gateway's words, and the inbox they end in."""

    kept: list[tuple[str, bytes]] = field(default_factory=list)
    hints: list[bytes] = field(default_factory=list)
    token: str = A_TOKEN
    fails: Exception | None = None

    async def webhook(self, gateway: GatewayName, event_id: str, body: bytes) -> bool:
        return self._keep(f"{gateway}:{event_id}", body)

    async def callback(self, token: str, body: bytes, purposes: Collection[Purpose]) -> bool:
        if token != self.token:
            raise NotFound
        return self._keep(token, body)

    async def hint(self, body: bytes) -> None:
        if self.fails is not None:
            raise self.fails
        self.hints.append(body)

    async def waiting(self) -> int:
        return len(self.kept)

    def _keep(self, name: str, body: bytes) -> bool:
        if self.fails is not None:
            raise self.fails
        fresh = (name, body) not in self.kept
        self.kept.append((name, body))
        return fresh


@dataclass
class UseCaseFake:
    """A use case whose `execute` is the given function."""

    execute: Callable[..., Any]


class VerifierFake:
    def verify(self, body: bytes, signature: bytes) -> str:
        if signature != SIGNED:
            raise Forged
        return f"evt_{sha256(body).hexdigest()[:8]}"


class BlinderFake:
    def blind(self, purpose: str, *parts: str) -> bytes:
        return sha256("\0".join((purpose, *parts)).encode()).digest()


@dataclass
class ReadinessFake:
    wrong: list[str] = field(default_factory=list)

    async def problems(self) -> list[str]:
        return self.wrong


@dataclass
class World:
    """The application on fakes, and a client that calls it in-process."""

    start: StartPaymentFake = field(default_factory=StartPaymentFake)
    shelf: ShelfFake = field(default_factory=ShelfFake)
    store: InMemoryPayments = field(default_factory=InMemoryPayments)
    save: SaveMethodFake = field(default_factory=SaveMethodFake)
    methods: MethodsFake = field(default_factory=MethodsFake)
    types: list[PaymentType] = field(default_factory=list)
    store_of_refunds: InMemoryRefunds = field(init=False)
    changes: ChangesFake = field(default_factory=ChangesFake)
    readers: list[Reader] = field(default_factory=list)
    ears: EarsFake = field(default_factory=EarsFake)
    readiness: ReadinessFake = field(default_factory=ReadinessFake)
    positions: PositionsFake = field(default_factory=PositionsFake)
    keys: Keys = field(default_factory=lambda: SecretKey(SECRET))
    arrives_within: float = 15.0
    origins: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.store_of_refunds = InMemoryRefunds(self.store)

    def app(self) -> Litestar:
        app: Litestar = make_app(
            use_cases=_unchecked(UseCases)(
                start_payment=self.start,
                capture_payment=UseCaseFake(self.changes.capture),
                cancel_payment=UseCaseFake(self.changes.cancel),
                refund_payment=UseCaseFake(self.changes.refund),
                find_refund=UseCaseFake(self.changes.find_refund),
                find_payment=FindPaymentFake(self.shelf),
                save_method=self.save,
                find_methods=UseCaseFake(self.methods.of_user),
                remove_method=UseCaseFake(self.methods.remove),
                types=self.types,
                find_history=FindHistoryFake(self.shelf, self.readers),
                list_payments=ListPayments(lists=InMemoryLists(self.store)),
                list_refunds=ListRefunds(lists=InMemoryRefundLists(self.store_of_refunds)),
                list_history=ListHistory(lists=InMemoryLists(self.store), sealer=PlainSealer()),
                add_note=AddNote(
                    payments=self.store,
                    notes=InMemoryNotes(self.store),
                    sealer=PlainSealer(),
                    render=render_note,
                    clock=StandingClock(),
                ),
                own_writes=OwnWrites(self.positions),
                blinder=BlinderFake(),
            ),
            ears=_unchecked(Ears)(
                stripe_verifier=VerifierFake(),
                receive_webhook=UseCaseFake(self.ears.webhook),
                receive_callback=UseCaseFake(self.ears.callback),
                receive_hint=UseCaseFake(self.ears.hint),
            ),
            pulse=_unchecked(Pulse)(
                service="payment-service", version="0.1.0", mode="test", readiness=self.readiness, inbox=self.ears
            ),
            authenticator=Authenticator(keys=self.keys, max_age=3600, now=lambda: float(NOW)),
            docs_url=DOCS,
            origins=self.origins,
            new_request_id=lambda: str(uuid7()),
            arrives_within=self.arrives_within,
        )
        return app

    def client(self, token: str | None = None, *, app: Litestar | None = None, **headers: str) -> httpx.AsyncClient:
        """A client that shows a token of SOMEONE's with every scope but admin, unless given another ("" for none)."""
        shown = a_token() if token is None else token
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        bearer = {"authorization": f"Bearer {shown}"} if shown else {}
        transport = httpx.ASGITransport(app=app or self.app())
        return httpx.AsyncClient(transport=transport, base_url="http://api", headers={**bearer, **sent})


def _unchecked(kind: Any) -> Any:
    """Fakes are no subclasses of what they stand for."""
    return kind


def claims(**changes: Any) -> dict[str, Any]:
    """What a valid token says; a change to `...` leaves the claim out."""
    said = {
        "iss": "auth-service",
        "aud": "payment-service",
        "sub": str(SOMEONE),
        "iat": NOW - 10,
        "exp": NOW + 600,
        "scopes": ["payments:read", "payments:write"],
    } | changes
    return {name: value for name, value in said.items() if value is not ...}


def a_token(*scopes: str, headers: Mapping[str, Any] | None = None, secret: str = SECRET, **changes: Any) -> str:
    said = claims(**({"scopes": list(scopes)} if scopes else {}), **changes)
    return jwt.encode(said, secret, algorithm="HS256", headers=dict(headers or {}))


def a_body(**changes: Any) -> bytes:
    """THE_BODY with changes; a change to `...` leaves the field out."""
    sent = {**THE_BODY, **changes}
    return json.dumps({name: value for name, value in sent.items() if value is not ...}).encode()


async def post_payment(client: httpx.AsyncClient, body: bytes | None = None, **headers: str) -> httpx.Response:
    sent = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/payments", content=a_body() if body is None else body, headers=sent)


def code_of(response: httpx.Response) -> str:
    """The problem's code, once it is made sure that it is one as it should be."""
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["type"] == f"{DOCS}/problems/{problem['code']}"
    assert problem["success"] is False
    assert problem["correlation_id"] == response.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"]
    return str(problem["code"])


def a_settled_payment(**facts: Any) -> Payment:
    """A payment that has just succeeded."""
    payment = a_payment(**facts)
    return payment.learn(Report(evidence=(paid(payment.money),)), payment.updated_at)


def scope_of(token: str) -> Any:
    """As much of a request as authentication looks at."""
    return {"headers": [(b"authorization", f"Bearer {token}".encode())]}


def part(value: Any) -> str:
    """A segment of a token: JSON, or bytes as they are."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def mac(text: str, secret: bytes) -> str:
    """The last segment of a token under HS256."""
    return part(hmac.digest(secret, text.encode(), "sha256"))
