"""The Daraja stand-in, killed and started again: the ledger is all there is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.processes import free_port
from tests.integration.test_daraja_sandbox import MODULE, STATUS, Receiver, Shop, shop_at
from tests.integration.test_daraja_sandbox_status import question
from tests.sandboxes import Sandbox

SLOW = ("--pay-after-ms", "600000", "--prompt-life-ms", "600000")
FAST = ("--pay-after-ms", "10")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver.listening() as receiver:
        yield receiver


@contextlib.asynccontextmanager
async def a_killed_sandbox(ledger: Path, *arguments: str) -> AsyncIterator[Shop]:
    """Works inside the block; what comes after it finds the process dead, as if by a crash."""
    sandbox = Sandbox.start(MODULE, "--ledger", str(ledger), *arguments)
    try:
        async with shop_at(sandbox.url) as shop:
            yield shop
    finally:
        sandbox.kill()


async def test_a_prompt_in_flight_is_paid_and_told_after_a_kill(tmp_path: Path, receiver: Receiver) -> None:
    """
    The customer holds the phone, not the process: once, and only once.
    """
    ledger = tmp_path / "daraja.jsonl"
    async with a_killed_sandbox(ledger, *SLOW) as shop:
        shop.receiver = receiver
        accepted = (await shop.push(shop.phone(), "/paid")).json()
        token = shop.token

    async with a_killed_sandbox(ledger, *FAST) as shop:
        shop.token = token
        (raw,) = await receiver.wait_for("/paid")
        payment = await shop.row("payments", checkout_request_id=accepted["CheckoutRequestID"])
        assert accepted["CheckoutRequestID"].encode() in raw
        await shop.row("callbacks", checkout_request_id=accepted["CheckoutRequestID"])

    async with a_killed_sandbox(ledger, *FAST) as shop:
        shop.token = token
        assert (await shop.query(accepted["CheckoutRequestID"])).json()["ResultCode"] == "0"
        assert await shop.ledger("payments") == [payment]
        shop.receiver = receiver
        await shop.push(shop.phone(), "/next")
        await receiver.wait_for("/next")
        assert len(receiver.bodies["/paid"]) == 1


async def test_a_shop_does_not_notice_a_kill(tmp_path: Path) -> None:
    """
    Its token lives on, its prompt is still on the phone, and the counts go on.
    """
    ledger = tmp_path / "daraja.jsonl"
    async with a_killed_sandbox(ledger, *SLOW) as shop:
        phone = shop.phone()
        accepted = (await shop.push(phone)).json()
        await shop.query(accepted["CheckoutRequestID"])
        token = shop.token

    async with a_killed_sandbox(ledger, *SLOW) as shop:
        shop.token = token
        refused = await shop.push(phone)
        await shop.query(accepted["CheckoutRequestID"])
        told = (await shop.http.get("/_ledger")).json()

    assert refused.json()["errorMessage"].startswith("Unable to lock subscriber")
    assert (told["tokens"], told["queries"], len(told["prompts"])) == (1, 2, 1)


async def test_whatever_was_accepted_before_a_kill_is_in_the_ledger_after_it(tmp_path: Path) -> None:
    """
    A burst of pushes cut off in the middle: every answered one is known, and gets paid.
    """
    ledger = tmp_path / "daraja.jsonl"
    accepted: set[str] = set()
    sandbox = Sandbox.start(MODULE, "--ledger", str(ledger), *SLOW)
    async with shop_at(sandbox.url) as shop:
        await shop.authorize()

        async def push() -> None:
            with contextlib.suppress(httpx.HTTPError):
                accepted.add((await shop.push(shop.phone())).json()["CheckoutRequestID"])
            if len(accepted) == 20:
                sandbox.process.kill()

        await asyncio.gather(*(push() for _ in range(60)))
        sandbox.kill()

    async with a_killed_sandbox(ledger, *FAST) as shop:
        for checkout_request_id in accepted:
            await shop.row("payments", checkout_request_id=checkout_request_id)
        paid = await shop.ledger("payments")
        assert len({row["checkout_request_id"] for row in paid}) == len(paid)
        assert len({row["receipt"] for row in paid}) == len(paid)


async def test_a_status_question_acknowledged_before_a_kill_is_answered_after_it(
    tmp_path: Path, receiver: Receiver
) -> None:
    """
    An acknowledgement is a promise.
    """
    ledger = tmp_path / "daraja.jsonl"
    async with a_killed_sandbox(ledger, *SLOW) as shop:
        shop.receiver = receiver
        acknowledged = (await shop.post(STATUS, question(shop, "/asked", TransactionID="NEF61H8J60"))).json()

    async with a_killed_sandbox(ledger, *FAST):
        (raw,) = await receiver.wait_for("/asked/result")

    assert acknowledged["ConversationID"].encode() in raw


async def test_what_is_overdue_after_a_kill_waits_for_a_shop_that_starts_later(tmp_path: Path) -> None:
    """
    A demo is started as a whole, and its sandbox listens first: a callback must not be lost to that.
    """
    ledger, port = tmp_path / "daraja.jsonl", free_port()
    async with a_killed_sandbox(ledger, *SLOW) as shop:
        shop.receiver.url = f"http://127.0.0.1:{port}"
        await shop.push(shop.phone(), "/overdue")
        await shop.post(STATUS, question(shop, "/asked", TransactionID="NEF61H8J60"))

    async with a_killed_sandbox(ledger, *FAST) as shop:
        (paid,) = [await shop.row("payments")]
        await asyncio.sleep(0.5)  # long enough for an attempt that nobody takes
        assert not await shop.ledger("callbacks")
        async with Receiver.listening(port) as receiver:
            (raw,) = await receiver.wait_for("/overdue")
            await receiver.wait_for("/asked/result")
            assert paid["checkout_request_id"].encode() in raw
            await shop.row("callbacks", checkout_request_id=paid["checkout_request_id"], status=200)
            assert len(receiver.bodies["/overdue"]) == 1


async def test_a_polite_stop_is_a_clean_one(tmp_path: Path) -> None:
    """
    Exit code 0, also with prompts in flight and a shop that waits for an answer it will never get.
    """
    sandbox = Sandbox.start(MODULE, "--ledger", str(tmp_path / "daraja.jsonl"), *SLOW)
    async with shop_at(sandbox.url) as shop:
        waiting = asyncio.create_task(shop.push(shop.phone("0408")))
        await shop.row("prompts")

        code = await asyncio.to_thread(sandbox.stop)

        await asyncio.gather(waiting, return_exceptions=True)
    assert code == 0
