"""Capturing through the Stripe adapter, against the stand-in; and what is learned of a card afterwards."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.stripe.webhooks import StripeEvents
from application.ports.gateway import Operation, OperationKind
from domain.evidence import Claim, Source
from domain.money import Money
from domain.payment import CaptureMethod, Payment, ReferenceKind, Report
from domain.payment_method import MethodType, PaymentMethod
from domain.status import Status
from tests.builders import a_payment, now, usd
from tests.integration.stripe_world import World

INTENT = ReferenceKind.PAYMENT_INTENT


@pytest.fixture(scope="module")
async def running_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with World.running(tmp_path_factory.mktemp("stripe") / "ledger.jsonl") as world:
        yield world


@pytest.fixture
async def world(running_world: World) -> AsyncIterator[World]:
    running_world.clock.moment = now()
    yield running_world
    await running_world.behave(reset=True)


async def held(world: World, money: Money | None = None) -> Payment:
    payment, _ = await world.collect(a_payment(money=money or usd(2500), capture_method=CaptureMethod.MANUAL))
    assert payment.status is Status.AUTHORIZED
    return payment


@pytest.mark.parametrize(("amount", "taken"), [(None, 2500), (2500, 2500), (1000, 1000), (1, 1)])
async def test_what_is_asked_for_is_taken_and_the_rest_released(world: World, amount: int | None, taken: int) -> None:
    """
    SUCCEEDED by the answer to our call; there is no refund of what was never taken.
    """
    payment = await held(world)
    if amount is not None:
        payment = payment.asked_to_capture(amount, world.clock.now())

    payment, piece = await world.capture(payment, amount)

    assert (payment.status, payment.amount_captured) == (Status.SUCCEEDED, taken)
    assert (piece.source, piece.amount) == (Source.ANSWER, usd(taken))
    assert await world.taken(payment) == [(taken, "usd")]
    assert await world.refunds(payment) == []


@pytest.mark.parametrize(("money", "part", "wire"), [(Money(500, "UGX"), 100, 10000), (Money(5000, "MGA"), 1000, 10)])
async def test_a_part_has_the_decimals_stripe_wants(world: World, money: Money, part: int, wire: int) -> None:
    """
    As the whole has.
    """
    payment = (await held(world, money)).asked_to_capture(part, world.clock.now())

    payment, _ = await world.capture(payment, part)

    assert (payment.status, payment.amount_captured) == (Status.SUCCEEDED, part)
    assert await world.taken(payment) == [(wire, money.currency.lower())]


async def test_capturing_again_takes_nothing_more(world: World) -> None:
    """
    However often and however many at once, also with another amount: what was taken first is told.
    """
    payment = (await held(world)).asked_to_capture(1000, world.clock.now())
    operation = Operation(started_at=now(), kind=OperationKind.CAPTURE, amount=1000)

    await world.gateway.capture(payment, operation)
    again = await asyncio.gather(*(world.gateway.capture(payment, operation) for _ in range(10)))
    _, other = await world.capture(payment, 2500)

    assert {report.evidence[0].source for report in again} == {Source.FETCHED}
    assert (other.claim, other.source, other.amount) == (Claim.SUCCEEDED, Source.FETCHED, usd(1000))
    assert await world.taken(payment) == [(1000, "usd")]


@pytest.mark.parametrize("mischief", ["drop_answer", "drop_before", "fail_next", "fail_after"])
async def test_a_lost_capture_is_unknown_until_somebody_looks(world: World, mischief: str) -> None:
    """
    The next attempt finds out, whatever came of the first; nothing is taken twice.
    """
    payment = (await held(world)).asked_to_capture(1000, world.clock.now())
    await world.behave(**{mischief: 1})

    unknown, lost = await world.capture(payment, 1000)
    payment, _ = await world.capture(unknown, 1000)

    assert (unknown.status, lost.claim) == (Status.UNKNOWN, Claim.OPERATION_LOST)
    assert payment.status is Status.SUCCEEDED
    assert await world.taken(payment) == [(1000, "usd")]


@pytest.mark.parametrize(
    ("mischief", "status"), [("drop_answer", Status.SUCCEEDED), ("drop_before", Status.AUTHORIZED)]
)
async def test_a_look_tells_what_became_of_a_lost_capture(world: World, mischief: str, status: Status) -> None:
    """
    Done, or undone and held as before.
    """
    payment = await held(world)
    await world.behave(**{mischief: 1})
    unknown, _ = await world.capture(payment)

    payment, _ = await world.look_up(unknown)

    assert payment.status is status


async def test_a_refused_amount_leaves_the_money_held(world: World) -> None:
    """
    What the intent is then counts: it can still be captured.
    """
    payment = await held(world)
    refused, piece = await world.capture(payment, 2501)
    captured, _ = await world.capture(refused, 2500)

    assert (refused.status, piece.claim, piece.source) == (Status.AUTHORIZED, Claim.AUTHORIZED, Source.FETCHED)
    assert captured.status is Status.SUCCEEDED


async def test_capturing_what_is_gone_tells_that_it_is_gone(world: World) -> None:
    """
    The truth decides, not our wish: cancelled by somebody, or lapsed.
    """
    cancelled, lapsed = await held(world), await held(world)
    await world.cancel(cancelled)
    await world.caller.steer(f"expire/{lapsed.references[INTENT]}")

    first, piece = await world.capture(cancelled)
    second, _ = await world.capture(lapsed)

    assert piece.source is Source.FETCHED
    assert (first.status, second.status) == (Status.CANCELLED, Status.EXPIRED)
    assert await world.taken(cancelled) + await world.taken(lapsed) == []


async def test_capturing_and_cancelling_at_once_ends_one_way(world: World) -> None:
    """
    Whoever came second learns what the first made of it.
    """
    for _ in range(5):
        payment = await held(world)
        operation = Operation(started_at=now(), kind=OperationKind.CAPTURE)

        captured, cancelled = await asyncio.gather(
            world.gateway.capture(payment, operation), world.gateway.cancel(payment)
        )

        claims = {captured.evidence[0].claim, cancelled.evidence[0].claim}
        assert claims in ({Claim.SUCCEEDED}, {Claim.CANCELLED})
        assert len(await world.taken(payment)) == (1 if claims == {Claim.SUCCEEDED} else 0)


async def test_what_has_no_name_at_stripe_cannot_be_captured(world: World) -> None:
    """
    It must be found first: nothing is claimed.
    """
    operation = Operation(started_at=now(), kind=OperationKind.CAPTURE)

    assert await world.gateway.capture(a_payment(), operation) == Report()


async def test_after_3d_secure_the_events_describe_the_card(world: World) -> None:
    """
    The intent's own events name its charge only; the charge's event shows brand and last four.
    """
    asked = a_payment(method=PaymentMethod(type=MethodType.CARD))
    payment, _ = await world.collect(asked, "pm_card_threeDSecure2Required")
    await world.caller.steer(f"authenticate/{payment.references[INTENT]}", outcome="succeed")

    events = StripeEvents(livemode=False)
    for message in await world.messages(payment.references[INTENT]):
        if (about := events.about(message)) is not None:
            assert about.payment_id == payment.id
            payment = payment.learn(events.translate(message, payment), world.clock.now())

    assert payment.status is Status.SUCCEEDED
    assert (payment.method.brand, payment.method.last4) == ("VISA", "3220")
