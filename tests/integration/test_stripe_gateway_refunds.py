"""Refunds through the Stripe adapter, against the stand-in: its ledger holds what really went back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.stripe.gateway import StripeGateway
from adapters.stripe.webhooks import StripeEvents
from application.ports.gateway import NothingSent
from application.ports.refund_gateway import RefundGateway
from application.ports.webhooks import About
from domain.evidence import Claim, Reason, Source
from domain.money import Money
from domain.payment import CaptureMethod, Payment, ReferenceKind
from domain.payment_method import MethodType, PaymentMethod
from domain.refund import RefundChannel, RefundStatus
from tests.builders import a_payment, now, usd
from tests.fakes import StandingClock
from tests.integration.sandbox_fixtures import KEY
from tests.integration.stripe_world import World, a_refund, a_refunding

INTENT = ReferenceKind.PAYMENT_INTENT
REFUND = ReferenceKind.REFUND


@pytest.fixture(scope="module")
async def running_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with World.running(tmp_path_factory.mktemp("stripe") / "ledger.jsonl") as world:
        yield world


@pytest.fixture
async def world(running_world: World) -> AsyncIterator[World]:
    running_world.clock.moment = now()
    yield running_world
    await running_world.behave(reset=True)


async def paid(world: World, token: str = "tok_visa", **facts: Any) -> Payment:
    payment, _ = await world.collect(a_payment(**facts), token)
    return payment


async def given_back(world: World, payment: Payment) -> list[tuple[int, str]]:
    return [(one["amount"], one["status"]) for one in await world.refunds(payment)]


async def test_it_is_a_refund_gateway(world: World) -> None:
    """
    All of the port's page; nothing need be prepared, and there is one way back.
    """
    gateway: RefundGateway = world.gateway
    payment = await paid(world)

    assert gateway.plan_refund(payment, usd(1)) is RefundChannel.STRIPE
    assert gateway.prepare_refund(a_refund(payment, 1)).references == {}


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (None, None),
        ("Requested by customer", "requested_by_customer"),
        ("requested_by_customer", "requested_by_customer"),
        ("DUPLICATE", "duplicate"),
        ("fraudulent", "fraudulent"),
        ("The shoes were too small", None),
    ],
)
async def test_a_refund_knows_whose_it_is(world: World, reason: str | None, told: str | None) -> None:
    """
    Our ids in its metadata; the shop's own words stay with us, unless they are Stripe's.
    """
    payment = await paid(world)

    refund, piece = await world.refund(payment, a_refund(payment, 1000, reason=reason))

    assert refund.status is RefundStatus.SUCCEEDED
    assert (piece.source, piece.amount) == (Source.ANSWER, usd(1000))
    [made] = await world.refunds(payment)
    assert (made["id"], made["amount"], made["reason"]) == (refund.references[REFUND], 1000, told)
    assert made["metadata"] == {"refund_id": str(refund.id), "payment_id": str(payment.id)}


@pytest.mark.parametrize(
    ("money", "part", "wire"),
    [
        (Money(500, "ISK"), 100, 10000),
        (Money(500, "UGX"), 100, 10000),
        (Money(500, "JPY"), 100, 100),
        (Money(5000, "MGA"), 100, 1),
        (Money(5010, "KWD"), 110, 110),
        (Money(2500, "KES"), 1, 1),
    ],
)
async def test_money_goes_back_with_the_decimals_stripe_wants(world: World, money: Money, part: int, wire: int) -> None:
    """
    And the success states our amount again.
    """
    payment = await paid(world, money=money)

    _, piece = await world.refund(payment, a_refund(payment, part))

    assert piece.amount == Money(part, money.currency)
    assert await given_back(world, payment) == [(wire, "succeeded")]


async def test_asking_again_gives_nothing_more_back(world: World) -> None:
    """
    However often and however many at once: a replay is a snapshot, the refund itself decides.
    """
    payment = await paid(world)
    refund = a_refund(payment, 1000)

    first, _ = await world.refund(payment, refund)
    again = await asyncio.gather(*(world.gateway.refund(payment, refund, a_refunding(refund)) for _ in range(20)))

    assert {report.evidence[0].source for report in again} == {Source.FETCHED}
    assert {report.references[REFUND] for report in again} == {first.references[REFUND]}
    assert await given_back(world, payment) == [(1000, "succeeded")]


async def test_twins_at_the_same_moment_give_back_once(world: World) -> None:
    """
    Whoever comes while the first still runs learns nothing yet.
    """
    payment = await paid(world)
    refund = a_refund(payment, 1000)
    await world.behave(latency_ms=200, only_path="/v1/refunds", only_method="POST")

    reports = await asyncio.gather(*(world.gateway.refund(payment, refund, a_refunding(refund)) for _ in range(5)))

    assert sorted(report.evidence[0].claim for report in reports) == [Claim.LOST] * 4 + [Claim.SUCCEEDED]
    assert await given_back(world, payment) == [(1000, "succeeded")]


@pytest.mark.parametrize("mischief", ["drop_answer", "fail_after"])
async def test_a_lost_answer_is_looked_for_and_found(world: World, mischief: str) -> None:
    """
    UNKNOWN, not FAILED; then found among the refunds of the intent by our id, and its name adopted.
    """
    payment = await paid(world)
    await world.refund(payment, a_refund(payment, 300))
    await world.behave(**{mischief: 1})
    unknown, lost = await world.refund(payment, a_refund(payment, 1000))
    assert (unknown.status, lost.claim) == (RefundStatus.UNKNOWN, Claim.LOST)

    refund, piece = await world.look_up_refund(payment, unknown)

    assert (refund.status, piece.source, piece.amount) == (RefundStatus.SUCCEEDED, Source.FETCHED, usd(1000))
    assert REFUND in refund.references


@pytest.mark.parametrize("mischief", ["drop_before", "drop_answer", "fail_next", "fail_after"])
async def test_after_a_lost_answer_the_same_call_may_be_made_again(world: World, mischief: str) -> None:
    """
    The same key: whether the first arrived or not, it goes back once. A saved 500 is looked up and not believed.
    """
    payment = await paid(world)
    await world.behave(**{mischief: 1})
    unknown, _ = await world.refund(payment, a_refund(payment, 1000))

    refund, _ = await world.refund(payment, unknown)

    assert (unknown.status, refund.status) == (RefundStatus.UNKNOWN, RefundStatus.SUCCEEDED)
    assert await given_back(world, payment) == [(1000, "succeeded")]


async def test_what_stripe_does_not_know_an_hour_later_was_never_sent(world: World) -> None:
    """
    Until then it may still be on its way: UNKNOWN, and its amount stays reserved.
    """
    payment = await paid(world)
    await world.behave(drop_before=1)
    unknown, _ = await world.refund(payment, a_refund(payment, 1000))

    world.clock.moment = unknown.requested_at + timedelta(minutes=59)
    unknown, waiting = await world.look_up_refund(payment, unknown)
    world.clock.moment = unknown.requested_at + timedelta(minutes=60)
    refund, piece = await world.look_up_refund(payment, unknown)

    assert (waiting.claim, unknown.status) == (Claim.LOST, RefundStatus.UNKNOWN)
    assert (refund.status, refund.failure, piece.rank) == (RefundStatus.FAILED, Reason.NEVER_SENT, 2)
    assert await given_back(world, payment) == []


async def test_among_many_ours_is_found_and_too_many_prove_nothing(world: World) -> None:
    """
    Page after page; where there are more than may be read, absence is not claimed.
    """
    payment = await paid(world)
    await world.behave(drop_answer=1)
    unknown, _ = await world.refund(payment, a_refund(payment, 1000))
    for _ in range(101):
        await world.caller.steer("refund", payment_intent=payment.references[INTENT], amount=1)
    hasty = StripeGateway(api_key=KEY, clock=world.clock, base_url=world.url, search_pages=1)

    found, _ = await world.look_up_refund(payment, unknown)
    report = await hasty.look_up_refund(payment, unknown, a_refunding(unknown))
    await hasty.close()

    assert found.status is RefundStatus.SUCCEEDED
    assert [(piece.claim, piece.code) for piece in report.evidence] == [(Claim.LOST, "too_many_to_list")]


@pytest.mark.parametrize(("outside", "code"), [(2500, "charge_already_refunded"), (2000, "invalid_request_error")])
async def test_what_was_given_back_outside_cannot_be_given_back_again(world: World, outside: int, code: str) -> None:
    """
    Stripe's no is definite, also when it is only repeated: FAILED, and the amount is free.
    """
    payment = await paid(world)
    await world.caller.steer("refund", payment_intent=payment.references[INTENT], amount=outside)

    first, piece = await world.refund(payment, a_refund(payment, 1000))
    again, _ = await world.refund(payment, first)

    assert (first.status, first.failure, piece.code) == (RefundStatus.FAILED, Reason.REFUND_REFUSED, code)
    assert again.status is RefundStatus.FAILED
    assert await given_back(world, payment) == [(outside, "succeeded")]


async def test_a_refund_may_take_its_time(world: World) -> None:
    """
    PROCESSING by Stripe's own word until it says more.
    """
    payment = await paid(world, "tok_pendingRefund")

    waiting, piece = await world.refund(payment, a_refund(payment, 1000))
    await world.caller.http.post(f"/_refund/{waiting.references[REFUND]}")  # unless it is done by itself already
    refund, _ = await world.look_up_refund(payment, waiting)

    assert (waiting.status, piece.claim) == (RefundStatus.PROCESSING, Claim.PROCESSING)
    assert refund.status is RefundStatus.SUCCEEDED


async def test_a_refund_may_fail_after_it_succeeded(world: World) -> None:
    """
    The bank sent the money back: FAILED with its reason, and asking for it again changes nothing.
    """
    payment = await paid(world)
    succeeded, _ = await world.refund(payment, a_refund(payment, 1000))
    await world.caller.steer(f"refund/{succeeded.references[REFUND]}", outcome="fail")

    failed, piece = await world.look_up_refund(payment, succeeded)
    again, _ = await world.refund(payment, failed)

    assert (piece.claim, piece.code) == (Claim.RETURNED, "expired_or_canceled_card")
    assert (failed.status, failed.failure) == (RefundStatus.FAILED, Reason.CARD_EXPIRED)
    assert again.status is RefundStatus.FAILED
    assert await given_back(world, payment) == [(1000, "failed")]


async def test_of_a_partial_capture_that_part_goes_back(world: World) -> None:
    """
    And of a bank transfer what came in.
    """
    held, _ = await world.collect(a_payment(capture_method=CaptureMethod.MANUAL))
    held, _ = await world.capture(held, 1000)
    transfer = PaymentMethod(type=MethodType.BANK_TRANSFER, country="DE")
    waiting, _ = await world.collect(a_payment(money=Money(5000, "EUR"), method=transfer))
    await world.caller.steer(f"fund/{waiting.references[INTENT]}")

    for payment, most in ((held, 1000), (waiting, 5000)):
        refused, _ = await world.refund(payment, a_refund(payment, most + 1))
        refund, _ = await world.refund(payment, a_refund(payment, most))
        assert (refused.status, refund.status) == (RefundStatus.FAILED, RefundStatus.SUCCEEDED)


@pytest.mark.parametrize(("outcome", "status"), [(None, RefundStatus.SUCCEEDED), ("fail", RefundStatus.FAILED)])
async def test_events_tell_what_the_lost_answer_would_have(
    world: World, outcome: str | None, status: RefundStatus
) -> None:
    """
    In any order and twice, they bring the refund's name and how it ended; `charge.refunded` adds nothing.
    """
    payment = await paid(world)
    await world.behave(drop_answer=1)
    refund, _ = await world.refund(payment, a_refund(payment, 1000))
    [made] = await world.refunds(payment)
    if outcome is not None:
        await world.caller.steer(f"refund/{made['id']}", outcome=outcome)

    events, about_refunds = StripeEvents(livemode=False), 0
    for message in await world.messages(payment.references[INTENT]) * 2:
        about = events.about_refund(message)
        if about is None:
            continue
        assert events.about(message) is None
        assert (about.refund_id, about.payment) == (refund.id, About(payment_id=payment.id))
        refund = refund.learn(events.translate_refund(message, refund), world.clock.now())
        about_refunds += 1

    assert (refund.status, refund.references[REFUND]) == (status, made["id"])
    assert about_refunds == (6 if outcome is None else 10)


async def test_a_refund_on_the_dashboard_says_of_which_payment_and_how_much(world: World) -> None:
    """
    It has none of our ids: only its name, its intent and its amount; by that name it can be looked up.
    """
    payment = await paid(world)
    made = await world.caller.steer("refund", payment_intent=payment.references[INTENT], amount=700)
    told = [StripeEvents(livemode=False).about_refund(one) for one in await world.messages(payment.references[INTENT])]
    [about] = {one for one in told if one is not None}

    adopted = a_refund(payment, 700, references={REFUND: made["id"]})
    refund, piece = await world.look_up_refund(payment, adopted)

    assert (about.refund_id, about.reference, about.money) == (None, made["id"], usd(700))
    assert about.payment == About(kind=INTENT, reference=payment.references[INTENT])
    assert (refund.status, piece.source) == (RefundStatus.SUCCEEDED, Source.FETCHED)


async def test_without_a_connection_nothing_was_sent() -> None:
    """
    The same refund may be asked for again.
    """
    gateway = StripeGateway(api_key=KEY, clock=StandingClock(), base_url="http://127.0.0.1:1")
    payment = replace(a_payment(), references={INTENT: "pi_1"})
    refund = a_refund(payment, 1000)

    with pytest.raises(NothingSent):
        await gateway.refund(payment, refund, a_refunding(refund))
    await gateway.close()
