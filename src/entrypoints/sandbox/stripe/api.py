"""The way in: who calls, the form, the idempotency key; then the endpoint, and one durable step before the answer."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from aiohttp import web

from entrypoints.sandbox.behaviour import FAIL_AFTER, Behaviour, waited
from entrypoints.sandbox.stripe import forms
from entrypoints.sandbox.stripe.errors import Json, StripeError, encode, invalid, of_status, unauthorized
from entrypoints.sandbox.stripe.ids import new_id
from entrypoints.sandbox.stripe.store import API_VERSION, KEY_LIFETIME, Store, Work
from entrypoints.sandbox.stripe.webhooks import Courier

FORM: Final = "application/x-www-form-urlencoded"
_LONGEST_KEY: Final = 255
_NO_KEY: Final = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth "
    "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details."
)


class Answer(NamedTuple):
    """A status and the JSON that goes with it."""

    status: int
    body: bytes


@dataclass(slots=True)
class Call:
    """One request as an endpoint sees it."""

    work: Work
    params: Json
    ids: dict[str, str]
    base: str

    @property
    def store(self) -> Store:
        return self.work.store


Endpoint = Callable[[Call], Answer]


@dataclass
class Api:
    """
    Turns endpoints into aiohttp handlers.

    An endpoint is a plain function: nothing else runs while it does, so it sees one state of the world. What it raises
    has changed nothing.
    """

    store: Store
    behaviour: Behaviour
    courier: Courier
    api_key: str | None = None
    requests: int = 0
    running: set[tuple[str, str]] = field(default_factory=set)

    def reads(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A GET."""

        async def handle(request: web.Request) -> web.Response:
            request_id = self._request_id()
            try:
                self._account(request)
                call = self._call(request, request_id, request.rel_url.raw_query_string)
                answer = endpoint(call)
            except StripeError as error:
                return respond(error.status, error.body, request_id, error.headers)
            if call.work.objects:  # pm_card_visa is made by looking at it
                self.store.commit(call.work, None)
            await self.store.ledger.durable()  # never tell what a crash could still undo
            await waited(self.behaviour, request)
            return respond(*answer, request_id)

        return handle

    def writes(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A POST, or a DELETE."""

        async def handle(request: web.Request) -> web.Response:
            request_id = self._request_id()
            try:
                account = self._account(request)
                body = await _form(request)
                key = _key(request)
                if key is None:
                    answer = await self._execute(endpoint, request, self._call(request, request_id, body), None)
                    return respond(*answer, request_id)
                return await self._once(endpoint, request, request_id, body, (account, key))
            except StripeError as error:
                return respond(error.status, error.body, request_id, error.headers)

        return handle

    async def steer(self, endpoint: Endpoint, call: Call) -> Answer:
        """What somebody outside does (the customer, the bank): the same durable step, without a key."""
        answer = endpoint(call)
        await self._settle(call.work, None)
        return answer

    async def _once(
        self, endpoint: Endpoint, request: web.Request, request_id: str, body: str, owner: tuple[str, str]
    ) -> web.Response:
        """The idempotency rule: the first answer under a key is the only one."""
        key = owner[1]
        if owner in self.running:
            raise _in_use(key)
        call = self._call(request, request_id, body)
        call.work.key = key
        fingerprint = _fingerprint(request, body)
        saved = self.store.keys.get(owner)
        if saved is not None and call.work.now - saved.at < KEY_LIFETIME:
            if saved.fingerprint != fingerprint:
                raise _other_parameters(key)
            await self.store.ledger.durable()
            await waited(self.behaviour, request)
            request.pop(FAIL_AFTER, None)  # a replay does no work: there is nothing after which to fail
            replayed = {"Idempotent-Replayed": "true", "Idempotency-Key": key}
            return respond(saved.status, self.store.ledger.read(saved.place), request_id, replayed)
        self.running.add(owner)
        try:
            facts = {"account": owner[0], "key": key, "fingerprint": fingerprint, "path": request.path}
            answer = await self._execute(endpoint, request, call, facts)
        finally:
            self.running.discard(owner)
        return respond(*answer, request_id, {"Idempotency-Key": key})

    async def _execute(self, endpoint: Endpoint, request: web.Request, call: Call, key: Json | None) -> Answer:
        try:
            answer = endpoint(call)
        except StripeError as error:
            if not error.stored:
                raise
            answer = Answer(error.status, error.body)
        if request.pop(FAIL_AFTER, False):
            answer = Answer(500, of_status(500).body)
        facts = None if key is None else ({**key, "status": answer.status, "created": call.work.now}, answer.body)
        await self._settle(call.work, facts)
        await waited(self.behaviour, request)
        return answer

    async def _settle(self, work: Work, answer: tuple[Json, bytes] | None) -> None:
        due = self.store.commit(work, answer)
        await self.store.ledger.durable()
        for event_id, place in due:
            self.courier.send(event_id, place)

    def _call(self, request: web.Request, request_id: str, form: str) -> Call:
        work = Work(self.store, request_id)
        return Call(work, forms.parse(form) if form else {}, dict(request.match_info), f"http://{request.host}")

    def _request_id(self) -> str:
        self.requests += 1
        return new_id("req")

    def _account(self, request: web.Request) -> str:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise unauthorized(_NO_KEY)
        if key.startswith("pk_"):
            raise unauthorized("This API call cannot be made with a publishable API key. Please use a secret API key.")
        if not key.startswith("sk_test_") or (self.api_key is not None and key != self.api_key):
            raise unauthorized(f"Invalid API Key provided: {key[:8]}{'*' * 12}{key[-4:] if len(key) > 16 else ''}")  # noqa: PLR2004
        version = request.headers.get("Stripe-Version", API_VERSION)
        if version != API_VERSION:
            raise invalid(f"Invalid Stripe API version: {version}. This stand-in speaks {API_VERSION} only.")
        return _account_of(key)


def respond(status: int, body: bytes, request_id: str, headers: dict[str, str] | None = None) -> web.Response:
    """An answer with the headers Stripe always sends."""
    always = {"Content-Type": "application/json", "Request-Id": request_id, "Stripe-Version": API_VERSION}
    return web.Response(status=status, body=body, headers={**always, **headers} if headers else always)


def failure(status: int) -> web.Response:
    """Stripe's own error of that status."""
    error = of_status(status)
    return respond(status, error.body, new_id("req"), error.headers)


async def unknown_route(request: web.Request) -> web.Response:
    message = f"Unrecognized request URL ({request.method}: {request.path}). Please see https://stripe.com/docs"
    error = encode({"error": {"message": message, "type": "invalid_request_error"}})
    return respond(404, error, new_id("req"))


@lru_cache(maxsize=64)
def _account_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


async def _form(request: web.Request) -> str:
    body = await request.read()
    if body and request.content_type != FORM:
        raise invalid(f"Invalid request (check that your POST content type is {FORM}).")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise invalid("Invalid request: the form is not UTF-8.") from error


def _key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and len(key) > _LONGEST_KEY:
        raise invalid(f"Idempotency keys can be at most {_LONGEST_KEY} characters long.")
    return key or None


def _fingerprint(request: web.Request, body: str) -> str:
    parts = "&".join(sorted(body.split("&")))
    return hashlib.sha256(f"{request.method} {request.path}?{parts}".encode()).hexdigest()[:32]


def _in_use(key: str) -> StripeError:
    message = (
        f"There is currently another in-progress request using this Idempotent Key: {key}. Please try again later."
    )
    return StripeError(409, "idempotency_error", message, code="idempotency_key_in_use")


def _other_parameters(key: str) -> StripeError:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request."
    )
    return StripeError(400, "idempotency_error", message)
