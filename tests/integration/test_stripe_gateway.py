"""The Stripe adapter against the stand-in: its ledger holds what happened, the report what we know of it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.stripe.gateway import StripeGateway
from adapters.stripe.webhooks import StripeEvents
from application.ports.gateway import NothingSent, PaymentGateway
from domain.evidence import Claim, Reason, Source
from domain.money import Money
from domain.payment import CaptureMethod, Payment, ReferenceKind, Report
from domain.payment_method import MethodType, PaymentMethod
from domain.status import Status
from tests.builders import a_card, a_payment, now, usd
from tests.fakes import StandingClock
from tests.integration.sandbox_fixtures import KEY
from tests.integration.stripe_world import World, an_operation

INTENT = ReferenceKind.PAYMENT_INTENT
INTENTS = "/v1/payment_intents"


def a_transfer(**facts: Any) -> Payment:
    method = PaymentMethod(type=MethodType.BANK_TRANSFER, country="DE")
    return a_payment(**({"money": Money(5000, "EUR"), "method": method} | facts))


@pytest.fixture(scope="module")
async def running_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with World.running(tmp_path_factory.mktemp("stripe") / "ledger.jsonl") as world:
        yield world


@pytest.fixture
async def world(running_world: World) -> AsyncIterator[World]:
    running_world.clock.moment = now()
    yield running_world
    await running_world.behave(reset=True)


def test_it_is_a_payment_gateway(world: World) -> None:
    """
    All of the port's page, and the one thing Stripe can do that M-Pesa cannot: be asked again.
    """
    gateway: PaymentGateway = world.gateway

    assert gateway.may_repeat
    assert gateway.total_timeout == timedelta(seconds=10)


@pytest.mark.parametrize(
    ("token", "brand", "last4"),
    [("tok_visa", "VISA", "4242"), ("tok_mastercard", "MASTERCARD", "4444"), ("pm_card_amex", "AMEX", "0005")],
)
async def test_a_card_is_charged_once_and_described_by_stripe(world: World, token: str, brand: str, last4: str) -> None:
    """
    A token is spent first, a PaymentMethod taken as it is; neither is kept.
    """
    payment, piece = await world.collect(a_payment(), token)

    assert payment.status is Status.SUCCEEDED
    assert (piece.source, piece.amount) == (Source.ANSWER, payment.money)
    assert payment.method == replace(a_card(token=None), brand=brand, last4=last4)
    assert await world.taken(payment) == [(2500, "usd")]


async def test_the_intent_knows_whose_it_is(world: World) -> None:
    """
    Our ids in its metadata, and nothing else about the customer.
    """
    payment, _ = await world.collect(a_payment(description="One plan", metadata={"user": {"email": "a@b.example"}}))

    [intent] = await world.intents(payment)
    assert intent["id"] == payment.references[INTENT]
    assert intent["description"] == "One plan"
    assert intent["metadata"] == {
        "payment_id": str(payment.id),
        "order_id": payment.order_id,
        "user_id": str(payment.user_id),
    }


@pytest.mark.parametrize(
    ("money", "wire"),
    [
        (Money(500, "ISK"), (50000, "isk")),
        (Money(500, "UGX"), (50000, "ugx")),
        (Money(500, "JPY"), (500, "jpy")),
        (Money(5000, "MGA"), (50, "mga")),
        (Money(5010, "KWD"), (5010, "kwd")),
        (Money(2500, "KES"), (2500, "kes")),
    ],
)
async def test_money_has_the_decimals_stripe_wants(world: World, money: Money, wire: tuple[int, str]) -> None:
    """
    The customer pays what was owed, and the success states our amount.
    """
    payment, piece = await world.collect(a_payment(money=money))

    assert payment.status is Status.SUCCEEDED
    assert piece.amount == money
    assert await world.taken(payment) == [wire]


async def test_asking_again_charges_nobody_and_tells_what_is(world: World) -> None:
    """
    However often and however many at once: a replay is a snapshot, the intent itself decides.
    """
    payment = a_payment()
    operation = an_operation(payment)

    first = await world.gateway.collect(payment, operation)
    again = await asyncio.gather(*(world.gateway.collect(payment, operation) for _ in range(20)))

    assert {report.evidence[0].source for report in again} == {Source.FETCHED}
    assert {report.references[INTENT] for report in again} == {first.references[INTENT]}
    assert len(await world.taken(payment)) == 1


async def test_twins_at_the_same_moment_charge_once(world: World) -> None:
    """
    Whoever comes while the first still runs learns nothing yet: its answer is lost, not refused.
    """
    payment = a_payment()
    await world.behave(latency_ms=200, only_path=INTENTS, only_method="POST")

    reports = await asyncio.gather(
        *(world.gateway.collect(payment, an_operation(payment, "pm_card_visa")) for _ in range(5))
    )

    claims = sorted(report.evidence[0].claim for report in reports)
    assert claims == [Claim.LOST] * 4 + [Claim.SUCCEEDED]
    assert len(await world.taken(payment)) == 1


async def test_a_hundred_customers_pay_at_once(world: World) -> None:
    """
    Each is charged once, and nobody waits for a free connection until it times out.
    """
    payments = [a_payment() for _ in range(100)]

    results = await asyncio.gather(*(world.collect(payment) for payment in payments))

    assert {payment.status for payment, _ in results} == {Status.SUCCEEDED}
    ids = {intent["metadata"]["payment_id"] for intent in (await world.caller.ledger())["payment_intents"]}
    assert {str(payment.id) for payment in payments} <= ids


async def test_a_lost_answer_is_looked_for_and_found(world: World) -> None:
    """
    UNKNOWN, not FAILED; then found among all intents by our id, and its name adopted.
    """
    await world.behave(drop_answer=1)
    unknown, lost = await world.collect(a_payment())
    assert (unknown.status, lost.claim) == (Status.UNKNOWN, Claim.LOST)

    payment, piece = await world.look_up(unknown)

    assert (payment.status, piece.source) == (Status.SUCCEEDED, Source.FETCHED)
    assert INTENT in payment.references
    assert await world.taken(payment) == [(2500, "usd")]


@pytest.mark.parametrize("mischief", ["drop_before", "drop_answer", "fail_next"])
async def test_after_a_lost_answer_the_same_call_may_be_made_again(world: World, mischief: str) -> None:
    """
    The same keys: whether the first arrived or not, there is one charge.
    """
    await world.behave(**{mischief: 1})
    unknown, _ = await world.collect(a_payment())

    payment, _ = await world.collect(unknown)

    assert payment.status is Status.SUCCEEDED
    assert await world.taken(payment) == [(2500, "usd")]


async def test_a_saved_500_is_looked_up_and_not_believed(world: World) -> None:
    """
    Stripe replays it for ever although the charge was made: only the intent tells.
    """
    await world.behave(fail_after=1)
    unknown, lost = await world.collect(a_payment())
    assert (unknown.status, lost.claim) == (Status.UNKNOWN, Claim.LOST)

    payment, _ = await world.collect(unknown)

    assert payment.status is Status.SUCCEEDED
    assert await world.taken(payment) == [(2500, "usd")]


async def test_what_stripe_does_not_know_an_hour_later_was_never_sent(world: World) -> None:
    """
    Until then it may still be on its way: UNKNOWN.
    """
    await world.behave(drop_before=1)
    unknown, _ = await world.collect(a_payment())

    world.clock.moment = unknown.created_at + timedelta(minutes=59)
    unknown, waiting = await world.look_up(unknown)
    world.clock.moment = unknown.created_at + timedelta(minutes=60)
    payment, piece = await world.look_up(unknown)

    assert (waiting.claim, unknown.status) == (Claim.LOST, Status.UNKNOWN)
    assert (payment.status, payment.reason, piece.rank) == (Status.FAILED, Reason.NEVER_SENT, 2)
    assert await world.taken(payment) == []


async def test_a_crash_before_sending_is_unknown_until_then(world: World) -> None:
    """
    A payment we promised and of which Stripe knows nothing is not left as if it were being worked on.
    """
    payment, _ = await world.look_up(a_payment())

    assert payment.status is Status.UNKNOWN


async def test_among_many_ours_is_found_and_too_many_prove_nothing(world: World) -> None:
    """
    Page after page; where there are more than may be read, absence is not claimed.
    """
    asked = a_payment()
    await world.behave(drop_answer=1)
    await world.collect(asked)
    await asyncio.gather(*(world.collect(a_payment()) for _ in range(120)))
    hasty = StripeGateway(api_key=KEY, clock=world.clock, base_url=world.url, search_pages=1)

    found, _ = await world.look_up(asked)
    report = await hasty.look_up(asked, an_operation(asked))
    await hasty.close()

    assert found.status is Status.SUCCEEDED
    assert [(piece.claim, piece.code) for piece in report.evidence] == [(Claim.LOST, "too_many_to_list")]


@pytest.mark.parametrize(
    ("token", "reason", "code"),
    [
        ("tok_chargeDeclined", Reason.DECLINED, "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", Reason.INSUFFICIENT_FUNDS, "insufficient_funds"),
        ("tok_chargeDeclinedExpiredCard", Reason.CARD_EXPIRED, "expired_card"),
        ("tok_chargeDeclinedIncorrectCvc", Reason.INCORRECT_CVC, "incorrect_cvc"),
        ("pm_card_visa_chargeDeclinedLostCard", Reason.LOST_OR_STOLEN, "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", Reason.LOST_OR_STOLEN, "stolen_card"),
        ("tok_chargeDeclinedProcessingError", Reason.GATEWAY_ERROR, "processing_error"),
        ("tok_radarBlock", Reason.DECLINED, "fraudulent"),
    ],
)
async def test_a_declined_card_fails_at_once_and_its_intent_is_cancelled(
    world: World, token: str, reason: Reason, code: str
) -> None:
    """
    The intent could still be paid by whoever had its secret: it is a loose end until Stripe says it is cancelled.
    """
    declined, piece = await world.collect(a_payment(), token)
    assert (declined.status, declined.reason, piece.code) == (Status.FAILED, reason, code)
    assert (piece.source, declined.next_action) == (Source.ANSWER, None)
    assert world.gateway.has_loose_end(declined)

    tidied, piece = await world.cancel(declined)

    assert (tidied.status, tidied.reason, piece.code) == (Status.FAILED, reason, "canceled")
    assert not world.gateway.has_loose_end(tidied)
    assert [intent["status"] for intent in await world.intents(tidied)] == ["canceled"]


async def test_a_decline_looked_up_or_asked_again_is_the_same_decline(world: World) -> None:
    """
    A crash between the decline and our commit changes nothing.
    """
    payment = a_payment()
    await world.collect(payment, "tok_chargeDeclinedLostCard")

    again, piece = await world.collect(payment, "tok_chargeDeclinedLostCard")
    looked, _ = await world.look_up(again)

    assert (again.status, piece.source) == (Status.FAILED, Source.FETCHED)
    assert (looked.status, looked.reason) == (Status.FAILED, Reason.LOST_OR_STOLEN)


async def test_a_method_that_is_none_is_the_callers_mistake(world: World) -> None:
    """
    Nothing was made at Stripe, so nothing is left to cancel.
    """
    for token in ("tok_nonsense", "pm_nonsense"):
        payment, piece = await world.collect(a_payment(), token)

        assert (payment.status, payment.reason) == (Status.FAILED, Reason.INVALID_METHOD)
        assert piece.code == "resource_missing"
        assert not world.gateway.has_loose_end(payment)


async def test_a_token_spent_elsewhere_is_never_a_failure(world: World) -> None:
    """
    It may be the echo of our own call, which must be looked for.
    """
    token = (await world.caller.post("tokens", {"card[brand]": "visa"})).json()["id"]
    await world.collect(a_payment(), token)

    payment, piece = await world.collect(a_payment(), token)

    assert (payment.status, piece.code) == (Status.UNKNOWN, "token_already_used")


async def test_the_same_key_with_other_parameters_is_never_a_failure(world: World) -> None:
    """
    A bug of ours, but the first call has charged: it is found, and its other amount is for a person to look at.
    """
    payment, _ = await world.collect(a_payment())

    other, piece = await world.collect(replace(a_payment(money=usd(9900)), id=payment.id))

    assert (other.status, piece.amount) == (Status.REVIEW, usd(2500))
    assert await world.taken(payment) == [(2500, "usd")]


async def test_3d_secure_gives_the_customer_what_it_takes(world: World) -> None:
    """
    The client secret once, and the result when Stripe has it.
    """
    waiting, piece = await world.collect(a_payment(), "tok_threeDSecure2Required")
    assert (waiting.status, piece.claim) == (Status.REQUIRES_ACTION, Claim.REQUIRES_ACTION)
    assert waiting.next_action is not None
    assert waiting.next_action["type"] == "three_d_secure"
    assert waiting.next_action["client_secret"].startswith(waiting.references[INTENT])

    await world.caller.steer(f"authenticate/{waiting.references[INTENT]}", outcome="succeed")
    payment, piece = await world.look_up(waiting)

    assert (payment.status, piece.source) == (Status.SUCCEEDED, Source.FETCHED)


async def test_with_a_return_url_the_customer_is_sent_to_the_bank(world: World) -> None:
    """
    The redirect URL is the bank's page.
    """
    payment, _ = await world.collect(a_payment(return_url="https://shop.example/back"), "tok_threeDSecure2Required")

    assert payment.next_action is not None
    assert payment.next_action["redirect_url"].startswith("http")


async def test_failed_3d_secure_is_not_the_end_until_it_is_given_up(world: World) -> None:
    """
    The customer may try another card for an hour; then we cancel, and it failed.
    """
    waiting, _ = await world.collect(a_payment(), "tok_threeDSecure2Required")
    await world.caller.steer(f"authenticate/{waiting.references[INTENT]}", outcome="fail")

    waiting, _ = await world.look_up(waiting)
    assert waiting.status is Status.REQUIRES_ACTION
    world.clock.moment = waiting.created_at + timedelta(hours=1)
    payment, piece = await world.cancel(waiting)

    assert (payment.status, payment.reason) == (Status.FAILED, Reason.AUTHENTICATION_FAILED)
    assert piece.code == "canceled"


async def test_an_abandoned_payment_is_cancelled_once_however_often_we_ask(world: World) -> None:
    """
    Only Stripe's word closes it.
    """
    waiting, _ = await world.collect(a_payment(), "tok_threeDSecure2Required")
    world.clock.moment = waiting.created_at + timedelta(hours=1)
    assert world.gateway.expires_at(waiting) == world.clock.now()

    cancelled, first = await world.cancel(waiting)
    _, again = await world.cancel(waiting)

    assert (cancelled.status, cancelled.reason) == (Status.CANCELLED, Reason.ABANDONED)
    assert (first.source, again.source) == (Source.ANSWER, Source.FETCHED)
    assert [intent["cancellation_reason"] for intent in await world.intents(waiting)] == ["abandoned"]


async def test_cancelling_what_was_paid_meanwhile_tells_that_it_was_paid(world: World) -> None:
    """
    The truth decides, not our wish.
    """
    waiting, _ = await world.collect(a_payment(), "tok_threeDSecure2Required")
    await world.caller.steer(f"authenticate/{waiting.references[INTENT]}", outcome="succeed")

    payment, piece = await world.cancel(waiting)

    assert (payment.status, piece.source) == (Status.SUCCEEDED, Source.FETCHED)


@pytest.mark.parametrize("mischief", ["drop_answer", "drop_before", "fail_after"])
async def test_a_lost_cancel_is_unknown_until_somebody_looks(world: World, mischief: str) -> None:
    """
    The next attempt finds out, whatever came of the first.
    """
    waiting, _ = await world.collect(a_payment(), "tok_threeDSecure2Required")
    await world.behave(**{mischief: 1})

    unknown, lost = await world.cancel(waiting)
    payment, _ = await world.cancel(unknown)

    assert (unknown.status, lost.claim) == (Status.UNKNOWN, Claim.OPERATION_LOST)
    assert payment.status is Status.CANCELLED


async def test_what_has_no_name_at_stripe_cannot_be_cancelled(world: World) -> None:
    """
    It must be found first: nothing is claimed.
    """
    assert await world.gateway.cancel(a_payment()) == Report()


async def test_held_money_is_kept_until_stripe_lets_it_go(world: World) -> None:
    """
    AUTHORIZED with its last day; then EXPIRED by Stripe's own word.
    """
    held, piece = await world.collect(a_payment(capture_method=CaptureMethod.MANUAL))
    assert (held.status, piece.amount) == (Status.AUTHORIZED, held.money)
    assert held.capture_before is not None
    assert timedelta(days=6) < held.capture_before - now() <= timedelta(days=7)
    assert world.gateway.expires_at(held) is None

    await world.caller.steer(f"expire/{held.references[INTENT]}")
    payment, _ = await world.look_up(held)

    assert (payment.status, payment.reason) == (Status.EXPIRED, Reason.EXPIRED)
    assert await world.taken(payment) == []


async def test_a_bank_transfer_comes_in_parts(world: World) -> None:
    """
    The customer gets the account's details at once; the payment succeeds when all has come.
    """
    asked = a_transfer()
    world.gateway.check(asked)

    waiting, _ = await world.collect(asked)
    assert waiting.status is Status.REQUIRES_ACTION
    assert waiting.next_action is not None
    assert waiting.next_action["instructions"]["amount_remaining"] == 5000
    assert world.gateway.expires_at(waiting) == waiting.created_at + timedelta(days=14)

    await world.caller.steer(f"fund/{waiting.references[INTENT]}", amount=2000)
    partly, _ = await world.look_up(waiting)
    assert partly.next_action is not None
    assert partly.next_action["instructions"]["amount_remaining"] == 3000

    await world.caller.steer(f"fund/{waiting.references[INTENT]}")
    payment, piece = await world.look_up(partly)

    assert (payment.status, piece.amount) == (Status.SUCCEEDED, payment.money)


async def test_a_charge_may_take_its_time(world: World) -> None:
    """
    PROCESSING by the gateway's own word.
    """
    waiting, piece = await world.collect(a_payment(), "tok_processing")

    assert (waiting.status, piece.claim) == (Status.PROCESSING, Claim.PROCESSING)


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("tok_visa", Status.SUCCEEDED),
        ("tok_threeDSecure2Required", Status.REQUIRES_ACTION),
        ("tok_chargeDeclined", Status.UNKNOWN),  # that it failed, the look by its name tells
    ],
)
async def test_events_tell_what_the_lost_answer_would_have(world: World, token: str, status: Status) -> None:
    """
    Signed, verified, and applied in any order and twice, they bring the intent's name and its state.
    """
    await world.behave(drop_answer=1)
    payment, _ = await world.collect(a_payment(), token)
    [intent] = await world.intents(payment)

    for message in await world.messages(intent["id"]) * 2:
        events = StripeEvents(livemode=False)
        about = events.about(message)
        if about is None:
            continue
        assert about.payment_id == payment.id
        payment = payment.learn(events.translate(message, payment), world.clock.now())

    assert (payment.status, payment.references[INTENT]) == (status, intent["id"])


async def test_without_a_connection_nothing_was_sent_and_the_token_is_whole() -> None:
    """
    The same request may be made again by whoever made it.
    """
    gateway = StripeGateway(api_key=KEY, clock=StandingClock(), base_url="http://127.0.0.1:1")
    payment = a_payment()

    with pytest.raises(NothingSent) as nothing:
        await gateway.collect(payment, an_operation(payment))
    await gateway.close()

    assert not nothing.value.token_used
