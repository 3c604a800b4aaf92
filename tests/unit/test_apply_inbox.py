"""What the gateways told us, applied once each, in any order."""

from datetime import timedelta

import pytest

from application.apply_inbox import ATTEMPTS
from application.ports.gateway import Preparation
from application.ports.webhooks import About
from domain.errors import NotFound
from domain.evidence import Claim, Source
from domain.payment import ReferenceKind, Report
from domain.payment_method import GatewayName
from domain.status import Status
from tests.builders import a_phone, a_request, evidence, kes, paid, usd
from tests.worlds import LOST, PAID, World, given

SIGNED = Report(evidence=(paid(usd(2500), Source.SIGNED),), references={ReferenceKind.PAYMENT_INTENT: "pi_1"})
PROMPT = {ReferenceKind.CHECKOUT_REQUEST: "ws_CO_1"}
ACCEPTED = Report(evidence=(evidence(Claim.REQUIRES_ACTION),), references=PROMPT)
CALLED_BACK = Report(
    evidence=(evidence(Claim.PAID, Source.SIGNED, amount=kes(10)),),
    references={**PROMPT, ReferenceKind.RECEIPT: "NLJ7RT61SV"},
)
CONFIRMED = Report(evidence=(evidence(Claim.SUCCEEDED, Source.QUERY),))
TOKEN = "a" * 64


async def a_prompt(*answers: Report | BaseException) -> World:
    world = given(*answers)
    world.gateway.may_repeat = False
    world.gateway.prepared = Preparation(callback_token=TOKEN, holds_phone_for=timedelta(minutes=2))
    await world.start_payment.execute(a_request(method=a_phone(), money=kes(10)))
    return world


async def test_a_message_moves_its_payment_and_is_done_in_the_same_step() -> None:
    """Effect and bookkeeping cannot come apart."""
    world = given(LOST)
    await world.start_payment.execute(a_request())
    world.means(b"paid", SIGNED)
    await world.receive_webhook.execute(GatewayName.STRIPE, "evt_1", b"paid")

    assert await world.apply_inbox.execute() == 1

    assert world.the_payment().status is Status.SUCCEEDED
    assert world.payments.applied == list(world.inbox.messages)


async def test_a_repeated_message_changes_nothing() -> None:
    """Under the same event id it is kept once; under another its claim is the same claim."""
    world = given(PAID)
    await world.start_payment.execute(a_request())
    world.means(b"paid", SIGNED)
    for event in ("evt_1", "evt_1", "evt_2"):
        await world.receive_webhook.execute(GatewayName.STRIPE, event, b"paid")

    await world.apply_inbox.execute()

    assert len(world.inbox.messages) == 2
    assert (world.the_payment().status, world.the_payment().version) == (Status.SUCCEEDED, 3)


async def test_what_we_do_not_act_on_is_ignored() -> None:
    """It is kept, and done."""
    world = given(PAID)
    world.means(b"other", Report(), ignored=True)
    await world.receive_webhook.execute(GatewayName.STRIPE, "evt_1", b"other")
    await world.apply_inbox.execute()
    (message,) = world.inbox.messages.values()
    assert (message.state, message.outcome) == ("done", "ignored")


async def test_a_message_about_nothing_of_ours_waits_for_it() -> None:
    """It may have outrun our own commit; for a day it is tried again, then a person is told."""
    world = given(PAID)
    world.means(b"paid", SIGNED, about=About(kind=ReferenceKind.PAYMENT_INTENT, reference="pi_1"))
    await world.receive_webhook.execute(GatewayName.STRIPE, "evt_1", b"paid")
    await world.apply_inbox.execute()
    (message,) = world.inbox.messages.values()
    assert message.state == "waiting"

    await world.start_payment.execute(a_request())
    world.clock.pass_(seconds=1)
    await world.apply_inbox.execute()

    assert world.payments.applied == [message.message.id]


async def test_what_stays_unmatched_for_a_day_is_parked() -> None:
    """Money at a gateway without a payment of ours is for a person to look at."""
    world = given()
    world.means(b"paid", SIGNED, about=About(kind=ReferenceKind.PAYMENT_INTENT, reference="pi_1"))
    await world.receive_webhook.execute(GatewayName.STRIPE, "evt_1", b"paid")
    (message,) = world.inbox.messages.values()
    for _ in range(300):
        await world.apply_inbox.execute()
        if message.state == "parked":
            break
        world.clock.moment = max(message.next_try_at, world.clock.moment)
    assert message.state == "parked"
    assert world.clock.moment - message.message.arrived_at > timedelta(hours=24)


async def test_a_poisonous_message_is_parked_and_holds_nobody_up() -> None:
    """Ten failures, and its neighbours were applied the first time."""
    world = given(LOST)
    await world.start_payment.execute(a_request())
    world.means(b"paid", SIGNED)
    await world.receive_webhook.execute(GatewayName.STRIPE, "evt_1", b"garbage")
    await world.receive_webhook.execute(GatewayName.STRIPE, "evt_2", b"paid")

    await world.apply_inbox.execute()
    assert world.the_payment().status is Status.SUCCEEDED
    for _ in range(ATTEMPTS):
        world.clock.pass_(hours=1)
        await world.apply_inbox.execute()

    assert [message.state for message in world.inbox.messages.values()] == ["parked", "waiting"]
    assert world.inbox.messages[next(iter(world.inbox.messages))].attempts == ATTEMPTS


class TestCallbacks:
    async def test_an_unknown_token_is_refused(self) -> None:
        """Who does not know the path knows nothing of ours."""
        world = await a_prompt(ACCEPTED)
        with pytest.raises(NotFound):
            await world.receive_callback.execute("b" * 64, b"paid")
        assert not world.inbox.messages

    async def test_a_paid_callback_is_a_claim_that_makes_us_ask_at_once(self) -> None:
        """Callbacks are unsigned: paid is PROCESSING until a query agrees."""
        world = await a_prompt(ACCEPTED, CONFIRMED)
        world.means(b"paid", CALLED_BACK)
        await world.receive_callback.execute(TOKEN, b"paid")
        await world.apply_inbox.execute()
        assert world.the_payment().status is Status.PROCESSING

        assert await world.look() == 1

        payment = world.the_payment()
        assert payment.status is Status.SUCCEEDED
        assert payment.references[ReferenceKind.RECEIPT] == "NLJ7RT61SV"
        assert len(world.gateway.asked) == 1

    async def test_a_callback_of_another_prompt_counts_for_nothing(self) -> None:
        """A callback on the right path with somebody else's CheckoutRequestID is none of ours."""
        world = await a_prompt(ACCEPTED)
        forged = Report(evidence=CALLED_BACK.evidence, references={ReferenceKind.CHECKOUT_REQUEST: "ws_CO_2"})
        world.means(b"paid", forged)
        await world.receive_callback.execute(TOKEN, b"paid")
        await world.apply_inbox.execute()

        payment = world.the_payment()
        assert (payment.status, payment.references) == (Status.REQUIRES_ACTION, PROMPT)

    async def test_a_callback_that_outruns_the_answer_to_our_push_waits_for_it(self) -> None:
        """The answer names the prompt; until it is recorded the callback cannot be told from another's."""
        world = await a_prompt(ACCEPTED)
        (kept,) = world.payments.kept.values()
        early = kept.payment.__class__(
            **{name: getattr(kept.payment, name) for name in kept.payment.__slots__}
            | {"status": Status.PROCESSING, "known": type(kept.payment.known)(), "references": {}}
        )
        world.payments.kept[kept.payment.id] = type(kept)(early, kept.head)
        world.means(b"paid", CALLED_BACK)
        await world.receive_callback.execute(TOKEN, b"paid")
        await world.apply_inbox.execute()
        assert not world.payments.applied

        world.payments.kept[kept.payment.id] = kept
        world.clock.pass_(seconds=1)
        await world.apply_inbox.execute()

        assert world.the_payment().status is Status.PROCESSING
        assert len(world.payments.applied) == 1

    async def test_where_the_answer_to_the_push_was_lost_the_callbacks_name_is_adopted(self) -> None:
        """It is the only name there will ever be: with it the gateway can be asked."""
        world = await a_prompt(LOST, CONFIRMED)
        assert world.the_payment().status is Status.UNKNOWN
        world.means(b"paid", CALLED_BACK)
        await world.receive_callback.execute(TOKEN, b"paid")
        await world.apply_inbox.execute()

        payment = world.the_payment()
        assert payment.references[ReferenceKind.CHECKOUT_REQUEST] == "ws_CO_1"
        await world.look()
        assert world.the_payment().status is Status.SUCCEEDED
        assert len(world.gateway.asked) == 1

    async def test_paid_after_unreachable_is_another_event(self) -> None:
        """The event's id is of token and body: a second word on the same path is heard."""
        world = await a_prompt(ACCEPTED, CONFIRMED)
        unreachable = evidence(Claim.EXPIRED, Source.SIGNED, code="1037", verify_first=True)
        world.means(b"unreachable", Report(evidence=(unreachable,), references=PROMPT))
        world.means(b"paid", CALLED_BACK)
        for body in (b"unreachable", b"unreachable", b"paid"):
            await world.receive_callback.execute(TOKEN, body)
            await world.apply_inbox.execute()
        await world.look()

        assert len(world.inbox.messages) == 2
        assert world.the_payment().status is Status.SUCCEEDED

    async def test_another_amount_goes_to_a_person(self) -> None:
        """Even when a query says paid: the query states no amount."""
        world = await a_prompt(ACCEPTED, CONFIRMED)
        other = evidence(Claim.PAID, Source.SIGNED, amount=kes(1))
        world.means(b"paid", Report(evidence=(other,), references=PROMPT))
        await world.receive_callback.execute(TOKEN, b"paid")
        await world.apply_inbox.execute()
        await world.look()
        assert world.the_payment().status is Status.REVIEW


class TestHints:
    async def test_a_hint_is_believed_in_nothing_and_makes_us_ask(self) -> None:
        """Anyone can send it: the gateway decides."""
        world = await a_prompt(ACCEPTED, Report(evidence=(evidence(Claim.REQUIRES_ACTION, Source.QUERY),)))
        named = About(kind=ReferenceKind.CHECKOUT_REQUEST, reference="ws_CO_1")
        world.means(b"forged", CALLED_BACK, about=named)
        assert await world.look() == 0

        await world.receive_hint.execute(b"forged")

        assert await world.look() == 1
        payment = world.the_payment()
        assert (payment.status, payment.references) == (Status.REQUIRES_ACTION, PROMPT)
        assert not world.inbox.messages

    async def test_many_hints_make_us_ask_once_in_a_while(self) -> None:
        """A flood of forged callbacks is no flood at the gateway."""
        world = await a_prompt(ACCEPTED)
        named = About(kind=ReferenceKind.CHECKOUT_REQUEST, reference="ws_CO_1")
        world.means(b"forged", CALLED_BACK, about=named)
        looks = 0
        for _ in range(20):
            await world.receive_hint.execute(b"forged")
            looks += await world.look()
        assert looks == 1

    async def test_a_hint_that_means_nothing_is_no_error(self) -> None:
        """Unreadable, unknown, about nobody: acknowledged, forgotten."""
        world = await a_prompt(ACCEPTED)
        await world.receive_hint.execute(b"\xff")
        world.means(b"foreign", Report(), about=About(kind=ReferenceKind.CHECKOUT_REQUEST, reference="ws_CO_9"))
        await world.receive_hint.execute(b"foreign")
        assert await world.look() == 0
