"""The Stripe stand-in against the fact sheet: events, signed and repeated until they are accepted."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stripe as sdk

from tests.integration.sandbox_fixtures import MODULE, SECRET, Caller, Endpoint, eventually
from tests.sandboxes import Sandbox, running


@pytest.fixture(scope="module")
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint.listening() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory, endpoint: Endpoint) -> AsyncIterator[Caller]:
    ledger = str(tmp_path_factory.mktemp("stripe") / "ledger.jsonl")
    with running(MODULE, "--ledger", ledger, "--webhook-url", endpoint.url, "--webhook-secret", SECRET) as url:
        async with Caller.to(url) as caller:
            yield caller


@pytest.fixture
async def stripe(process: Caller, endpoint: Endpoint) -> AsyncIterator[Caller]:
    endpoint.received.clear()
    yield process
    await process.steer("behave", reset=True)


def about(endpoint: Endpoint, intent: str) -> list[Any]:
    """The received events about this intent and its charges."""
    events = [json.loads(body) for _, body in endpoint.received]
    return [
        one for one in events if intent in {one["data"]["object"]["id"], one["data"]["object"].get("payment_intent")}
    ]


async def test_every_event_of_a_payment_arrives_signed(stripe: Caller, endpoint: Endpoint) -> None:
    """
    `t=…,v1=…` over `t.body` with the whole secret, of this moment; the body is the event as it is listed.
    """
    intent = (await stripe.pay(key="signed")).json()
    await eventually(lambda: len(about(endpoint, intent["id"])) == 3)

    for header, body in endpoint.received:
        moment, signature = [part.split("=", 1)[1] for part in header.split(",")]
        expected = hmac.new(SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        assert signature == expected
        assert abs(time.time() - int(moment)) < 60
        event = sdk.Webhook.construct_event(body, header, SECRET)
        assert event.request is not None
        assert event.request.idempotency_key == "signed"
        assert await stripe.get(f"events/{event.id}") == json.loads(body)


async def test_a_refused_webhook_is_sent_again_under_the_same_id(stripe: Caller, endpoint: Endpoint) -> None:
    """
    Any non-2xx is repeated, also a 400, with a signature of its own.
    """
    endpoint.statuses[:] = [500, 400, 302]

    intent = await stripe.paid()

    await eventually(lambda: len(about(endpoint, intent["id"])) == 6)
    assert len({event["id"] for event in about(endpoint, intent["id"])}) == 3


async def test_held_webhooks_wait_and_are_then_shuffled(stripe: Caller, endpoint: Endpoint) -> None:
    """
    None arrives while they are held; the API answers all the same, and the events are listed.
    """
    await stripe.steer("behave", hold_webhooks=True)
    intents = [(await stripe.paid())["id"] for _ in range(3)]
    listed = [event["id"] for event in (await stripe.get("events", limit=9))["data"]][::-1]
    assert endpoint.received == []

    await stripe.steer("behave", hold_webhooks=False, shuffle=True, seed=7)

    await eventually(lambda: sum(len(about(endpoint, intent)) for intent in intents) == 9)
    arrived = [json.loads(body)["id"] for _, body in endpoint.received]
    assert sorted(arrived) == sorted(listed)
    assert arrived != listed


async def test_webhooks_may_come_twice(stripe: Caller, endpoint: Endpoint) -> None:
    """
    The same event id, two deliveries.
    """
    await stripe.steer("behave", deliver_twice=True)

    intent = await stripe.paid()

    await eventually(lambda: len(about(endpoint, intent["id"])) == 6)
    assert len({event["id"] for event in about(endpoint, intent["id"])}) == 3


async def test_unsent_events_are_sent_after_a_crash(tmp_path: Path, endpoint: Endpoint) -> None:
    """
    Those that were not accepted before the kill, and no others.
    """
    given = ("--ledger", str(tmp_path / "ledger.jsonl"), "--webhook-url", endpoint.url)
    sandbox = Sandbox.start(MODULE, *given)
    async with Caller.to(sandbox.url) as stripe:
        done = (await stripe.paid())["id"]
        await eventually(lambda: len(about(endpoint, done)) == 3)
        await stripe.steer("behave", hold_webhooks=True)
        await eventually(lambda: (tmp_path / "ledger.jsonl").read_text().count('"kind":"delivery"') == 3)
        waiting = (await stripe.paid())["id"]
    sandbox.kill()
    endpoint.received.clear()

    with running(MODULE, *given):
        await eventually(lambda: len(about(endpoint, waiting)) == 3)

    assert about(endpoint, done) == []


async def test_an_endpoint_may_ask_for_some_types_only(tmp_path: Path, endpoint: Endpoint) -> None:
    """
    The others are listed and not sent.
    """
    wanted = ("--webhook-url", endpoint.url, "--webhook-events", "payment_intent.succeeded")
    with running(MODULE, "--ledger", str(tmp_path / "ledger.jsonl"), *wanted) as url:
        async with Caller.to(url) as stripe:
            intent = (await stripe.paid())["id"]
            await eventually(lambda: len(about(endpoint, intent)) == 1)

            assert [event["type"] for event in about(endpoint, intent)] == ["payment_intent.succeeded"]
            assert len(await stripe.events_of(intent)) == 3


async def test_a_dead_endpoint_does_not_slow_the_answers(tmp_path: Path) -> None:
    """
    Nobody listens there: payments are answered, and their events can be read.
    """
    given = ("--ledger", str(tmp_path / "ledger.jsonl"), "--webhook-url", "http://127.0.0.1:9/hook")
    with running(MODULE, *given) as url:
        async with Caller.to(url) as stripe:
            intents = [(await stripe.paid())["id"] for _ in range(20)]

            assert len(await stripe.events_of(intents[-1])) == 3
