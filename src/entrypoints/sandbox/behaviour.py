"""
Misbehaviour on demand, shared by both stand-ins: what `POST /_behave` sets and a middleware that does it.

The counters (`drop_answer`, `drop_before`, `fail_next`, `fail_after`) concern the next n money-moving POSTs; with
`only_path` (a prefix) or `only_method` the next n such requests instead. `latency_ms` concerns every request unless
narrowed the same way.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Failure = Callable[[int], web.StreamResponse]

FAIL_AFTER: Final = web.RequestKey("fail_after", bool)
"""Set on a request to be done but answered with a 500. A stand-in that sees to it itself clears it."""


class Misunderstood(ValueError):
    """The body of `POST /_behave` names a field that is unknown or has a value it cannot have."""


@dataclass(kw_only=True)
class Rules:
    """What is in force now. The defaults are good behaviour. A stand-in adds mischief of its own in a subclass."""

    latency_ms: int = 0
    drop_answer: int = 0
    drop_before: int = 0
    fail_next: int = 0
    fail_status: int = 500
    fail_body: Any = None
    fail_after: int = 0
    hold_webhooks: bool = False
    deliver_twice: bool = False
    shuffle: bool = False
    seed: int | None = None
    only_path: str | None = None
    only_method: str | None = None


#: Where the default alone does not tell.
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "only_path": (str, type(None)),
    "only_method": (str, type(None)),
    "seed": (int, type(None)),
    "fail_body": (str, dict, list, type(None)),
}


@dataclass
class Behaviour:
    """
    How a stand-in behaves, and its outgoing webhooks while they are held.

    `money` are the paths whose POSTs move money.
    """

    money: tuple[str, ...]
    rules: Rules = field(default_factory=Rules)
    _held: list[Callable[[], None]] = field(default_factory=list)

    def change(self, wanted: Any) -> dict[str, Any]:
        """Apply the body of `POST /_behave`; returns what is in force now. All of it is applied, or nothing."""
        if not isinstance(wanted, dict):
            raise Misunderstood("The body must be a JSON object.")
        wanted = dict(wanted)
        kind = type(self.rules)
        rules = kind() if wanted.pop("reset", False) is True else kind(**asdict(self.rules))
        for name, value in wanted.items():
            _check(rules, name, value)
            setattr(rules, name, value)
        self.rules = rules
        if not rules.hold_webhooks:
            self._release()
        return asdict(rules)

    def deliver(self, send: Callable[[], None]) -> None:
        """Start a webhook's delivery now, twice if so ruled, or when webhooks are no longer held."""
        if self.rules.hold_webhooks:
            self._held.append(send)
            return
        send()
        if self.rules.deliver_twice:
            send()

    def take(self, counter: str, request: web.Request) -> bool:
        """Whether this request is one of the n that the counter is about; counts it."""
        left: int = getattr(self.rules, counter)
        if not left or request.method != (self.rules.only_method or "POST"):
            return False
        if not request.path.startswith(self.rules.only_path or self.money):
            return False
        setattr(self.rules, counter, left - 1)
        return True

    def latency(self, request: web.Request) -> float:
        """Seconds this request's answer has to wait."""
        rules = self.rules
        here = request.path.startswith(rules.only_path or "/") and rules.only_method in {None, request.method}
        return rules.latency_ms / 1000 if here else 0.0

    def _release(self) -> None:
        held, self._held = self._held, []
        if self.rules.shuffle:
            random.Random(self.rules.seed).shuffle(held)  # noqa: S311  # an order for tests, no secret
        for send in held:
            self.deliver(send)


def misbehaving(behaviour: Behaviour, failure: Failure) -> Any:
    """The outermost middleware: does what the rules say. `failure(status)` is the gateway's own error page."""

    @web.middleware
    async def misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_"):
            return await handler(request)
        if behaviour.take("drop_before", request):
            return _dropped(request)
        if behaviour.take("fail_next", request):
            return _failed(behaviour.rules, failure)
        drop = behaviour.take("drop_answer", request)
        if behaviour.take("fail_after", request):
            request[FAIL_AFTER] = True
        answer = await handler(request)
        if request.pop(FAIL_AFTER, False):
            answer = failure(500)
        return _dropped(request) if drop else answer

    return misbehave


async def waited(behaviour: Behaviour, request: web.Request) -> None:
    """The wait before answering. A stand-in awaits it where the request still counts as running."""
    if seconds := behaviour.latency(request):
        await asyncio.sleep(seconds)


def steering(behaviour: Behaviour) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of `POST /_behave`."""

    async def behave(request: web.Request) -> web.Response:
        try:
            return web.json_response(behaviour.change(json.loads(await request.read() or b"{}")))
        except ValueError as mistake:
            return web.json_response({"error": str(mistake)}, status=400)

    return behave


def _failed(rules: Rules, failure: Failure) -> web.StreamResponse:
    if rules.fail_body is None:
        return failure(rules.fail_status)
    if isinstance(rules.fail_body, str):
        return web.Response(text=rules.fail_body, status=rules.fail_status, content_type="text/html")
    return web.json_response(rules.fail_body, status=rules.fail_status)


def _dropped(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)  # never sent: the connection is gone


def _check(rules: Rules, name: str, value: Any) -> None:
    if name not in {known.name for known in fields(rules)}:
        raise Misunderstood(f"Unknown field: {name}")
    allowed = _TYPES.get(name, (type(getattr(rules, name)),))
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise Misunderstood(f"Not a value for this field: {name}")
    if isinstance(value, int) and value < 0:
        raise Misunderstood(f"Cannot be negative: {name}")
    if name == "fail_status" and value not in range(400, 600):
        raise Misunderstood(f"Not an error's status: {name}")
