"""The Daraja stand-in, told to misbehave."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.integration.test_daraja_sandbox import PUSH, QUERY, Shop, a_shop, complaint, eventually


@pytest.fixture(scope="module")
async def the_shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with a_shop(tmp_path_factory.mktemp("daraja"), "--pay-after-ms", "20") as shop:
        yield shop


@pytest.fixture
async def shop(the_shop: Shop) -> AsyncIterator[Shop]:
    """Its sandbox behaves well again after each test."""
    yield the_shop
    await the_shop.behave(reset=True)


async def paid(shop: Shop, phone: str) -> str:
    """One payment by this phone, done; the id it goes by."""
    checkout_request_id: str = (await shop.push(phone)).json()["CheckoutRequestID"]
    await shop.row("prompts", checkout_request_id=checkout_request_id, result_code="0")
    return checkout_request_id


async def result(shop: Shop, checkout_request_id: str) -> str:
    """The `ResultCode` that a query tells at last."""

    async def look() -> str:
        code: str = (await shop.query(checkout_request_id)).json().get("ResultCode", "")
        return code

    return await eventually(look)


async def test_an_unknown_order_is_refused_as_a_whole(shop: Shop) -> None:
    """
    A misspelt field must not leave a test believing in mischief that never comes.
    """
    assert (await shop.behave(query_lies=True, query_lie=True)).status_code == 400
    assert (await shop.behave(query_lies=1)).status_code == 400
    assert (await shop.behave(spike_arrest=True)).status_code == 400

    assert await result(shop, await paid(shop, shop.phone())) == "0"


async def test_an_answer_can_be_dropped_after_the_work_was_done(shop: Shop) -> None:
    """
    The connection breaks; the customer pays all the same.
    """
    phone = shop.phone()
    await shop.behave(drop_answer=1)

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await shop.push(phone)

    assert await shop.row("payments", phone=phone)


async def test_a_request_can_be_dropped_before_any_work(shop: Shop) -> None:
    """
    The same broken connection, and nothing happened; the next one is served.
    """
    phone = shop.phone()
    await shop.behave(drop_before=1)

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await shop.push(phone)

    assert not await shop.ledger("prompts", phone=phone)
    await paid(shop, phone)


async def test_a_500_can_come_before_or_after_the_work(shop: Shop) -> None:
    """
    From outside the two cannot be told apart.
    """
    before, after = shop.phone(), shop.phone()

    await shop.behave(fail_next=1)
    undone = await shop.push(before)
    await shop.behave(fail_after=1)
    done = await shop.push(after)

    assert complaint(undone) == complaint(done) == (500, "500.003.1001", "Internal Server Error")
    assert await shop.row("payments", phone=after)
    assert not await shop.ledger("prompts", phone=before)


async def test_a_spike_is_arrested_and_the_firewall_answers_in_html(shop: Shop) -> None:
    """
    The next n pushes are not even looked at; queries are spared unless named.
    """
    known = await paid(shop, shop.phone())
    phone = shop.phone()
    await shop.behave(spike_arrest=2, html_errors=1)

    assert (await shop.query(known)).status_code == 200
    for _ in range(2):
        assert complaint(await shop.push(phone)) == (500, "500.003.02", "Error Occurred: Spike Arrest Violation")
    page = await shop.push(phone)
    assert (page.status_code, page.headers["Content-Type"].split(";")[0]) == (503, "text/html")
    assert not await shop.ledger("prompts", phone=phone)

    await shop.behave(spike_arrest=1, only_path=QUERY)
    assert (await shop.query(known)).status_code == 500
    await paid(shop, phone)


async def test_a_query_can_deny_what_was_paid(shop: Shop) -> None:
    """
    A defect of Safaricom's own sandbox: the callback said 0, the query says it failed.
    """
    known = await paid(shop, shop.phone())

    await shop.behave(query_lies=True)
    denied = await result(shop, known)
    await shop.behave(query_lies=False)

    assert (denied, await result(shop, known)) == ("1032", "0")


async def test_the_token_can_die_before_its_time(shop: Shop) -> None:
    """
    Once: the next token lives.
    """
    await paid(shop, shop.phone())
    await shop.behave(invalidate_token=True)

    assert complaint(await shop.push(shop.phone())) == (404, "404.001.03", "Invalid Access Token")

    shop.token = ""
    await paid(shop, shop.phone())


async def test_the_same_amount_within_two_minutes_is_taken_for_a_mistake(shop: Shop) -> None:
    """
    Result 17 for the same phone and amount; another amount or another phone pays.
    """
    phone = shop.phone()
    await paid(shop, phone)
    await shop.behave(result_17=True)

    again = (await shop.push(phone)).json()["CheckoutRequestID"]
    assert await result(shop, again) == "17"
    more = (await shop.push(phone, Amount=151)).json()["CheckoutRequestID"]
    assert await result(shop, more) == "0"
    assert await result(shop, await paid(shop, shop.phone())) == "0"
    assert [row["amount"] for row in await shop.ledger("payments", phone=phone)] == [150, 151]


async def test_callbacks_can_be_held_while_money_moves_on(shop: Shop) -> None:
    """
    Held ones are delivered when the hold ends.
    """
    phone, path = shop.phone("0999"), shop.path()
    await shop.behave(hold_webhooks=True)
    await shop.push(phone, path)
    await shop.row("prompts", phone=phone, result_code="0")

    assert not shop.receiver.bodies[path]
    await shop.behave(hold_webhooks=False)
    await shop.receiver.wait_for(path, 3)


async def test_every_callback_can_come_twice(shop: Shop) -> None:
    """
    Equal to the byte, for one payment.
    """
    path = shop.path()
    await shop.behave(deliver_twice=True)
    await shop.push(shop.phone(), path)

    first, second = await shop.receiver.wait_for(path, 2)

    assert first == second


async def test_an_answer_can_be_slow(shop: Shop) -> None:
    """
    The work is done at once, the answer waits.
    """
    phone = shop.phone()
    await shop.behave(latency_ms=60_000, only_path=PUSH)
    waiting = asyncio.create_task(shop.push(phone))

    assert await shop.row("payments", phone=phone)

    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
