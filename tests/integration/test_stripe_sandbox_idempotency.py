"""The Stripe stand-in against the fact sheet: one key, one result; whatever goes wrong, and after a crash."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.sandbox_fixtures import KEY, MODULE, Caller
from tests.sandboxes import Sandbox, running


@pytest.fixture(scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Caller]:
    with running(MODULE, "--ledger", str(tmp_path_factory.mktemp("stripe") / "ledger.jsonl")) as url:
        async with Caller.to(url) as caller:
            yield caller


@pytest.fixture
async def stripe(process: Caller) -> AsyncIterator[Caller]:
    yield process
    await process.steer("behave", reset=True)


async def taken(stripe: Caller, order: str) -> int:
    """How often money was taken for this order."""
    return sum(charge["metadata"].get("order") == order for charge in (await stripe.ledger())["charges"])


async def pay(stripe: Caller, order: str, **different: Any) -> httpx.Response:
    """One order, one key."""
    return await stripe.pay(key=order, **{"metadata[order]": order, **different})


async def test_the_same_key_gives_the_same_bytes_and_one_charge(stripe: Caller) -> None:
    """
    A replay says so in a header; the first answer does not.
    """
    first, again = await pay(stripe, "same"), await pay(stripe, "same")

    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert await taken(stripe, "same") == 1


async def test_without_a_key_every_post_is_a_new_payment(stripe: Caller) -> None:
    """
    Two posts, two charges: the key is what protects.
    """
    for _ in range(2):
        await stripe.paid(**{"metadata[order]": "keyless"})

    assert await taken(stripe, "keyless") == 2


async def test_the_same_key_with_other_parameters_is_an_idempotency_error(stripe: Caller) -> None:
    """
    400 of that type and nothing done; also at another endpoint.
    """
    await pay(stripe, "other")

    for answer in (await pay(stripe, "other", amount=2501), await stripe.post("customers", key="other")):
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")
    assert await taken(stripe, "other") == 1


async def test_keys_of_different_accounts_do_not_meet(stripe: Caller) -> None:
    """
    Another secret key, another customer of Stripe's.
    """
    await pay(stripe, "account")
    stripe.http.headers["Authorization"] = f"Bearer {KEY}other"
    try:
        answer = await pay(stripe, "account", amount=2501)
    finally:
        stripe.http.headers["Authorization"] = f"Bearer {KEY}"

    assert answer.status_code == 200


async def test_a_decline_is_stored(stripe: Caller) -> None:
    """
    The same key replays the 402; a new attempt needs a new key.
    """
    first = await pay(stripe, "decline", payment_method="pm_card_chargeDeclined")
    again = await pay(stripe, "decline", payment_method="pm_card_chargeDeclined")

    assert (again.status_code, again.content) == (402, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_a_refused_parameter_leaves_the_key_free(stripe: Caller) -> None:
    """
    Validation failures are not stored.
    """
    refused = await pay(stripe, "refused", amount=1)
    mended = await pay(stripe, "refused")

    assert (refused.status_code, mended.status_code) == (400, 200)
    assert "Idempotent-Replayed" not in mended.headers


async def test_a_wrong_state_is_stored(stripe: Caller) -> None:
    """
    The endpoint had begun executing, so the 400 is replayed.
    """
    path = f"payment_intents/{(await stripe.paid())['id']}/capture"

    first, again = [await stripe.post(path, key="state") for _ in range(2)]

    assert (again.status_code, again.content) == (400, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_a_key_longer_than_255_is_refused(stripe: Caller) -> None:
    """
    255 itself is allowed.
    """
    assert (await stripe.pay(key="k" * 256)).status_code == 400
    assert (await stripe.pay(key="k" * 255)).status_code == 200


async def test_a_key_in_use_is_409(stripe: Caller) -> None:
    """
    While the first runs; afterwards the same key replays it.
    """
    await stripe.steer("behave", latency_ms=300)

    answers = await asyncio.gather(pay(stripe, "busy"), pay(stripe, "busy"))
    await stripe.steer("behave", reset=True)
    later = await pay(stripe, "busy")

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (conflict,) = [answer for answer in answers if answer.status_code == 409]
    assert conflict.json()["error"]["code"] == "idempotency_key_in_use"
    assert later.headers["Idempotent-Replayed"] == "true"
    assert await taken(stripe, "busy") == 1


async def test_fifty_at_once_under_one_key_charge_once(stripe: Caller) -> None:
    """
    Every answer is the one result or says that it is being made.
    """
    answers = await asyncio.gather(*(pay(stripe, "crowd") for _ in range(50)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert await taken(stripe, "crowd") == 1


async def test_a_dropped_answer_was_done_all_the_same(stripe: Caller) -> None:
    """
    The connection closes without an answer, the money is taken, and the key gives the answer that was lost.
    """
    await stripe.steer("behave", drop_answer=1)

    with pytest.raises(httpx.TransportError):
        await pay(stripe, "dropped")

    assert await taken(stripe, "dropped") == 1
    assert (await pay(stripe, "dropped")).headers["Idempotent-Replayed"] == "true"
    assert await taken(stripe, "dropped") == 1


async def test_a_connection_dropped_before_did_nothing(stripe: Caller) -> None:
    """
    Looks the same from outside, and no money moved.
    """
    await stripe.steer("behave", drop_before=1)

    with pytest.raises(httpx.TransportError):
        await pay(stripe, "before")

    assert await taken(stripe, "before") == 0
    assert (await pay(stripe, "before")).status_code == 200


async def test_a_500_before_doing_anything_is_not_stored(stripe: Caller) -> None:
    """
    The endpoint never began: the same key may be sent again.
    """
    await stripe.steer("behave", fail_next=1, fail_status=503)

    assert (await pay(stripe, "next")).status_code == 503
    assert await taken(stripe, "next") == 0
    assert (await pay(stripe, "next")).status_code == 200


async def test_a_500_after_the_work_is_stored_and_replayed(stripe: Caller) -> None:
    """
    The trap of the fact sheet: the same key gives the same 500 for ever, and the money is taken.
    """
    await stripe.steer("behave", fail_after=1)

    answers = [await pay(stripe, "after") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [500, 500, 500]
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true", "true"]
    assert await taken(stripe, "after") == 1


async def test_a_429_is_stripes_and_not_stored(stripe: Caller) -> None:
    """
    Code rate_limit, the reason in a header, and the same key works afterwards.
    """
    await stripe.steer("behave", fail_next=1, fail_status=429)

    limited = await pay(stripe, "limited")

    assert (limited.status_code, limited.json()["error"]["code"]) == (429, "rate_limit")
    assert "Stripe-Rate-Limited-Reason" in limited.headers
    assert (await pay(stripe, "limited")).status_code == 200


async def test_a_failure_can_be_given_any_body_and_narrowed_to_reads(stripe: Caller) -> None:
    """
    only_path and only_method say which requests it is about.
    """
    intent = await stripe.paid()
    path = f"/v1/payment_intents/{intent['id']}"
    page = "<html>gateway</html>"
    await stripe.steer("behave", fail_next=1, fail_status=502, fail_body=page, only_path=path, only_method="GET")

    assert (await stripe.pay()).status_code == 200
    failed = await stripe.http.get(path)

    assert (failed.status_code, failed.text) == (502, page)
    assert (await stripe.http.get(path)).status_code == 200


@pytest.mark.parametrize("wrong", [{"colour": 1}, {"latency_ms": -1}, {"drop_answer": True}, {"fail_status": 200}])
async def test_unknown_behaviour_is_refused_by_name(stripe: Caller, wrong: dict[str, Any]) -> None:
    """
    400 naming the field, and nothing of the rest is applied.
    """
    answer = await stripe.http.post("/_behave", json={"fail_next": 3, **wrong})

    assert answer.status_code == 400
    assert next(iter(wrong)) in answer.json()["error"]
    assert (await stripe.steer("behave"))["fail_next"] == 0


async def test_a_killed_process_remembers_everything_it_answered(tmp_path: Path) -> None:
    """
    After kill -9: the same objects, the same bytes under the same keys, holds that can still be captured.
    """
    ledger = str(tmp_path / "ledger.jsonl")
    sandbox = Sandbox.start(MODULE, "--ledger", ledger)
    async with Caller.to(sandbox.url) as stripe:
        first = await pay(stripe, "kept")
        held = (await pay(stripe, "held", capture_method="manual")).json()
        token = (await stripe.post("tokens", {"card[brand]": "visa"})).json()["id"]
        await stripe.post("payment_methods", {"type": "card", "card[token]": token})
        before = await stripe.ledger()
        events = await stripe.get("events", limit=100)
    sandbox.kill()

    with running(MODULE, "--ledger", ledger) as url:
        async with Caller.to(url) as stripe:
            after = await stripe.ledger()
            assert {**after, "requests": 0} == {**before, "requests": 0}
            assert await stripe.get("events", limit=100) == events
            assert (await pay(stripe, "kept")).content == first.content
            assert await taken(stripe, "kept") == 1
            captured = await stripe.post(f"payment_intents/{held['id']}/capture")
            assert captured.json()["status"] == "succeeded"
            spent = await stripe.post("payment_methods", {"type": "card", "card[token]": token})
            assert spent.json()["error"]["code"] == "token_already_used"


async def test_killed_in_the_middle_of_a_load_no_key_charges_twice(tmp_path: Path) -> None:
    """
    What was answered is there; what was not is done or not done, and the same key settles it to one charge.
    """
    ledger = str(tmp_path / "ledger.jsonl")
    sandbox = Sandbox.start(MODULE, "--ledger", ledger)
    answered: dict[str, bytes] = {}

    async def pay_many(stripe: Caller, first: int) -> None:
        for number in range(first, 400, 8):
            answer = await pay(stripe, f"load-{number}")
            answered[f"load-{number}"] = answer.content
            if len(answered) == 60:
                sandbox.kill()

    async with Caller.to(sandbox.url) as stripe:
        await asyncio.gather(*(pay_many(stripe, first) for first in range(8)), return_exceptions=True)

    with running(MODULE, "--ledger", ledger) as url:
        async with Caller.to(url) as stripe:
            for number in range(100):
                answer = await pay(stripe, f"load-{number}")
                assert answered.get(f"load-{number}", answer.content) == answer.content
            charges = [charge["metadata"]["order"] for charge in (await stripe.ledger())["charges"]]
    assert 60 <= len(answered) < 400
    assert len(charges) == len(set(charges))
    assert set(answered) <= set(charges)


async def test_a_torn_last_request_is_forgotten_whole(tmp_path: Path) -> None:
    """
    A ledger cut anywhere inside a request's entries has nothing of that request: no charge without its key.
    """
    ledger = tmp_path / "ledger.jsonl"
    with running(MODULE, "--ledger", str(ledger)) as url:
        async with Caller.to(url) as stripe:
            await pay(stripe, "whole")
            whole = ledger.stat().st_size
            await pay(stripe, "torn")
    text = ledger.read_bytes()
    kinds = [json.loads(line)["kind"] for line in text.splitlines()]
    assert {"payment_method", "payment_intent", "charge", "idempotency", "event"} <= set(kinds)

    for cut in (whole + 1, (whole + len(text)) // 2, len(text) - 1):
        ledger.write_bytes(text[:cut])
        with running(MODULE, "--ledger", str(ledger)) as url:
            async with Caller.to(url) as stripe:
                assert (await taken(stripe, "whole"), await taken(stripe, "torn")) == (1, 0)
        assert ledger.stat().st_size == whole


async def test_a_key_is_forgotten_after_a_day(tmp_path: Path) -> None:
    """
    24 hours later the same key creates a new object: whoever resends so late charges twice.
    """
    ledger = tmp_path / "ledger.jsonl"
    with running(MODULE, "--ledger", str(ledger)) as url:
        async with Caller.to(url) as stripe:
            first = (await pay(stripe, "old")).json()
    lines = [json.loads(line) for line in ledger.read_bytes().splitlines()]
    for line in lines:
        if line["kind"] == "idempotency":
            line["created"] -= 24 * 3600
    ledger.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))

    with running(MODULE, "--ledger", str(ledger)) as url:
        async with Caller.to(url) as stripe:
            assert (await pay(stripe, "old")).json()["id"] != first["id"]
            assert await taken(stripe, "old") == 2


async def test_a_ledger_has_one_owner(tmp_path: Path) -> None:
    """
    A second process on the same file says so and exits.
    """
    ledger = str(tmp_path / "ledger.jsonl")
    with running(MODULE, "--ledger", ledger), pytest.raises(RuntimeError, match="in use"):
        Sandbox.start(MODULE, "--ledger", ledger)


async def test_a_polite_stop_is_clean(tmp_path: Path) -> None:
    """
    SIGTERM: exit code 0, and what was acknowledged is in the file.
    """
    sandbox = Sandbox.start(MODULE, "--ledger", str(tmp_path / "ledger.jsonl"))
    async with Caller.to(sandbox.url) as stripe:
        assert (await stripe.http.get("/_health")).status_code == 200
        await stripe.paid()

    assert sandbox.stop() == 0
