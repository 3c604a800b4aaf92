"""Taking held money: once, all of it or a part, whatever is lost on the way."""

import asyncio
from datetime import timedelta

import pytest
from uuid_utils.compat import uuid7

from application.find_payments import Reader
from application.ports.gateway import NothingSent, Operation, OperationKind
from application.ports.payments import Key, Lease, Recorded, Step
from application.ports.undertakings import Undertaking
from application.undertake import ChangeRequest
from domain.errors import (
    GatewayUnavailable,
    InDoubt,
    Invalid,
    KeyInUse,
    KeyReused,
    NotCapturable,
    NotFound,
    PaymentBusy,
    Unavailable,
)
from domain.evidence import Claim, Source
from domain.history import verify
from domain.payment import CaptureMethod, Payment, ReferenceKind, Report
from domain.status import Status
from tests.builders import SOMEONE, SOMEONE_ELSE, a_request, evidence, now, paid, usd
from tests.fakes import _place
from tests.worlds import World, given, render

KEY = Key(str(SOMEONE), "POST /payments/{id}/capture", "key-1", b"f" * 32)
HELD = Report(evidence=(evidence(Claim.AUTHORIZED),), references={ReferenceKind.PAYMENT_INTENT: "pi_1"})
LOST = Report(evidence=(evidence(Claim.OPERATION_LOST, Source.CLOCK),))


class Dead(BaseException):
    """The process is killed."""


def taken(amount: int, source: Source = Source.ANSWER) -> Report:
    return Report(evidence=(paid(usd(amount), source),))


def still_held(after: float = 0) -> Report:
    return Report(evidence=(evidence(Claim.AUTHORIZED, Source.FETCHED, at=now() + timedelta(seconds=after)),))


async def a_world(*answers: Report | BaseException) -> World:
    """25 dollars that are held, nobody holds a lease, and what the gateway says next."""
    world = given(HELD, *answers)
    await world.start_payment.execute(a_request(capture_method=CaptureMethod.MANUAL))
    assert world.the_payment().status is Status.AUTHORIZED
    return world


def asked(world: World, **facts: object) -> ChangeRequest:
    payment = world.the_payment()
    reader = Reader(payment.user_id)
    return ChangeRequest(**{"payment_id": payment.id, "reader": reader, "request_id": "req-2"} | facts)  # type: ignore[arg-type]


async def told(world: World) -> Payment:
    payment = world.the_payment()
    assert verify(await world.payments.history(payment.id), world.payments.kept[payment.id].head) is None
    return payment


class TestCapturing:
    @pytest.mark.parametrize(("amount", "owed"), [(None, 2500), (2500, 2500), (1000, 1000)])
    async def test_what_is_asked_for_is_taken(self, amount: int | None, owed: int) -> None:
        """All that is held, or a part; then it is refundable."""
        world = await a_world(taken(owed))
        answered = await world.capture_payment.execute(asked(world, key=KEY), amount)
        payment = await told(world)
        assert (payment.status, payment.amount_captured, payment.refundable) == (Status.SUCCEEDED, owed, owed)
        assert world.gateway.captured == [(payment.id, owed)]
        assert answered.answer == render(payment, "req-2")

    async def test_the_promise_is_durable_before_anybody_is_asked(self) -> None:
        """With exactly what is needed to make the call again."""
        world = await a_world(Dead())
        with pytest.raises(Dead):
            await world.capture_payment.execute(asked(world), 1000)
        payment = await told(world)
        operation = await world.payments.operation(payment.id)
        assert operation == Operation(started_at=world.clock.now(), kind=OperationKind.CAPTURE, amount=1000)
        assert (payment.amount_to_capture, payment.status) == (1000, Status.AUTHORIZED)

    @pytest.mark.parametrize("amount", [0, -1, 2501])
    async def test_more_than_is_held_is_refused(self, amount: int) -> None:
        """Nobody is asked, and no key is occupied."""
        world = await a_world()
        with pytest.raises(Invalid):
            await world.capture_payment.execute(asked(world, key=KEY), amount)
        assert (world.gateway.captured, world.payments.keys) == ([], {})

    async def test_somebody_elses_payment_is_not_there(self) -> None:
        """Nor one that never was."""
        world = await a_world()
        for facts in ({"reader": Reader(SOMEONE_ELSE)}, {"payment_id": uuid7()}):
            with pytest.raises(NotFound):
                await world.capture_payment.execute(asked(world, **facts), None)

    async def test_a_gateway_whose_keys_are_gone_is_unavailable(self) -> None:
        """Nothing is promised."""
        world = await a_world()
        world.capture_payment.undertake._gateways = {}
        with pytest.raises(GatewayUnavailable):
            await world.capture_payment.execute(asked(world), None)
        assert world.the_payment().amount_to_capture is None

    async def test_what_the_gateway_lets_lapse_was_not_captured(self) -> None:
        """Its truth decides: the hold was over. The key is free, for nothing was made."""
        world = await a_world(Report(evidence=(evidence(Claim.EXPIRED, Source.FETCHED),)))
        with pytest.raises(NotCapturable, match="EXPIRED"):
            await world.capture_payment.execute(asked(world, key=KEY), None)
        assert (await told(world)).status is Status.EXPIRED
        assert _place(KEY) not in world.payments.keys

    async def test_what_the_gateway_still_holds_was_not_captured(self) -> None:
        """It said no, and shows the money held: 409, and the next try may be of another amount."""
        world = await a_world(still_held(), taken(500))
        with pytest.raises(NotCapturable, match="AUTHORIZED"):
            await world.capture_payment.execute(asked(world), 1000)
        await world.capture_payment.execute(asked(world), 500)
        assert (await told(world)).amount_captured == 500


class TestAgain:
    async def test_the_same_key_gets_the_first_answer(self) -> None:
        """Byte for byte, and the gateway is asked once."""
        world = await a_world(taken(1000))
        first = await world.capture_payment.execute(asked(world, key=KEY), 1000)
        again = await world.capture_payment.execute(asked(world, key=KEY, request_id="req-3"), 1000)
        assert (again.answer, again.replayed) == (first.answer, True)
        assert len(world.gateway.captured) == 1

    async def test_without_a_key_the_same_says_the_same(self) -> None:
        """It is as was asked for."""
        world = await a_world(taken(1000))
        await world.capture_payment.execute(asked(world), 1000)
        again = await world.capture_payment.execute(asked(world), 1000)
        assert again.answer == render(await told(world), "req-2")
        assert len(world.gateway.captured) == 1

    @pytest.mark.parametrize("amount", [None, 999])
    async def test_another_amount_is_refused(self, amount: int | None) -> None:
        """The rest was released."""
        world = await a_world(taken(1000))
        await world.capture_payment.execute(asked(world), 1000)
        with pytest.raises(NotCapturable, match="SUCCEEDED"):
            await world.capture_payment.execute(asked(world), amount)

    async def test_another_body_under_the_same_key_is_refused(self) -> None:
        """It is another request."""
        world = await a_world(taken(1000))
        await world.capture_payment.execute(asked(world, key=KEY), 1000)
        with pytest.raises(KeyReused):
            await world.capture_payment.execute(asked(world, key=Key(KEY.caller, KEY.route, KEY.key, b"g" * 32)), 1)

    async def test_while_one_is_at_the_gateway_another_waits(self) -> None:
        """A twin with the key, or anybody without: told to come again."""
        world = await a_world(Dead())
        with pytest.raises(Dead):
            await world.capture_payment.execute(asked(world, key=KEY), 1000)
        with pytest.raises(KeyInUse):
            await world.capture_payment.execute(asked(world, key=KEY), 1000)
        with pytest.raises(PaymentBusy):
            await world.capture_payment.execute(asked(world), 500)

    async def test_many_at_once_capture_once(self) -> None:
        """One is asked; the others are told to come again, or the same."""
        world = await a_world(taken(2500))
        results = await asyncio.gather(
            *(world.capture_payment.execute(asked(world), None) for _ in range(10)), return_exceptions=True
        )
        assert all(isinstance(result, PaymentBusy) for result in results if isinstance(result, BaseException))
        assert len(world.gateway.captured) == 1

    async def test_who_is_always_overtaken_gives_up(self) -> None:
        """Nothing has happened."""
        world = await a_world()

        async def stale(_undertaking: Undertaking) -> Lease | None:
            return None

        world.capture_payment.undertake._undertakings.begin = stale  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            await world.capture_payment.execute(asked(world), None)


class TestNothingSent:
    async def test_nothing_sent_is_as_if_nobody_had_asked(self) -> None:
        """503, and the same key starts afresh; the whole is held and owed as before."""
        world = await a_world(NothingSent(), taken(1000))
        with pytest.raises(GatewayUnavailable):
            await world.capture_payment.execute(asked(world, key=KEY), 1000)
        payment = await told(world)
        assert (payment.status, payment.amount_to_capture) == (Status.AUTHORIZED, None)
        assert _place(KEY) not in world.payments.keys

        await world.capture_payment.execute(asked(world, key=KEY), 1000)

        assert (await told(world)).amount_captured == 1000

    async def test_who_was_held_up_does_not_ask(self) -> None:
        """Somebody else may act by the time the answer would come."""
        world = await a_world()
        begin = world.capture_payment.undertake._undertakings.begin

        async def slow(undertaking: Undertaking) -> Lease | None:
            lease = await begin(undertaking)
            world.clock.pass_(seconds=51)
            return lease

        world.capture_payment.undertake._undertakings.begin = slow  # type: ignore[method-assign]
        with pytest.raises(GatewayUnavailable):
            await world.capture_payment.execute(asked(world), 1000)
        assert world.gateway.captured == []


class TestLost:
    @pytest.mark.parametrize("answer", [LOST, RuntimeError("broken")])
    async def test_a_lost_answer_is_unknown_until_a_look(self, answer: Report | BaseException) -> None:
        """The money may be taken; the worker asks, and it was."""
        world = await a_world(answer, taken(1000, Source.FETCHED))
        await world.capture_payment.execute(asked(world), 1000)
        assert (await told(world)).status is Status.UNKNOWN

        world.clock.pass_(hours=1)
        await world.look()

        payment = await told(world)
        assert (payment.status, payment.amount_captured) == (Status.SUCCEEDED, 1000)
        assert len(world.gateway.captured) == 1

    async def test_a_repeat_of_a_lost_capture_stores_the_outcome_when_it_is_known(self) -> None:
        """As it stands while it is unknown; then one answer for everybody, replayed."""
        world = await a_world(LOST, taken(1000, Source.FETCHED))
        await world.capture_payment.execute(asked(world, key=KEY), 1000)
        unknown = await world.capture_payment.execute(asked(world, key=KEY), 1000)
        assert (unknown.answer.status, unknown.replayed) == (202, False)
        world.clock.pass_(hours=1)
        await world.look()

        first = await world.capture_payment.execute(asked(world, key=KEY, request_id="req-3"), 1000)
        again = await world.capture_payment.execute(asked(world, key=KEY, request_id="req-4"), 1000)

        assert (first.answer.status, first.replayed) == (201, True)
        assert again.answer == first.answer

    async def test_a_lost_capture_that_was_not_made_is_held_again(self) -> None:
        """A look shows the money held: it may be captured, of another amount too."""
        world = await a_world(LOST, still_held(3600), taken(700))
        await world.capture_payment.execute(asked(world), 1000)
        world.clock.pass_(hours=1)
        await world.look()
        assert (await told(world)).status is Status.AUTHORIZED

        await world.capture_payment.execute(asked(world), 700)

        assert (await told(world)).amount_captured == 700

    async def test_a_crash_in_between_is_finished_by_the_worker(self) -> None:
        """The same call again, soon; the same key is told so far that nobody knows, then what became of it."""
        world = await a_world(Dead(), taken(1000))
        with pytest.raises(Dead):
            await world.capture_payment.execute(asked(world, key=KEY), 1000)
        world.clock.pass_(seconds=61)
        open_ = await world.capture_payment.execute(asked(world, key=KEY), 1000)
        assert not open_.replayed

        assert await world.look() == 1

        payment = await told(world)
        assert (payment.status, payment.amount_captured) == (Status.SUCCEEDED, 1000)
        assert world.gateway.captured == [(payment.id, 1000)] * 2
        repeat = await world.capture_payment.execute(asked(world, key=KEY), 1000)
        assert (repeat.answer.status, repeat.replayed) == (201, True)

    async def test_long_after_a_crash_it_is_only_looked_at(self) -> None:
        """Money taken much later would surprise the customer."""
        world = await a_world(Dead(), still_held(300))
        with pytest.raises(Dead):
            await world.capture_payment.execute(asked(world), 1000)
        world.clock.pass_(minutes=3)
        await world.look()
        assert len(world.gateway.captured) == 1
        assert len(world.gateway.looked_up) == 1
        assert (await told(world)).status is Status.AUTHORIZED

    async def test_an_answer_that_cannot_be_kept_is_told_as_unknown_and_kept_later(self) -> None:
        """202, never a bare 503."""
        world = await a_world(taken(1000))
        record = world.payments.record

        async def fails(_step: Step) -> Recorded:
            raise Unavailable

        world.payments.record = fails  # type: ignore[method-assign]
        answered = await world.capture_payment.execute(asked(world), 1000)
        assert answered.answer.status == 202
        world.payments.record = record  # type: ignore[method-assign]
        await asyncio.gather(*world.recordings._tasks)
        assert (await told(world)).amount_captured == 1000

    async def test_a_promise_that_was_cut_off_is_in_doubt(self) -> None:
        """Nobody was asked; whether it is durable, the same key will tell, and the worker keeps it."""
        world = await a_world()
        begin = world.capture_payment.undertake._undertakings.begin

        async def cut_off(undertaking: Undertaking) -> Lease | None:
            await begin(undertaking)
            raise InDoubt

        world.capture_payment.undertake._undertakings.begin = cut_off  # type: ignore[method-assign]
        with pytest.raises(InDoubt):
            await world.capture_payment.execute(asked(world, key=KEY), 1000)
        with pytest.raises(KeyInUse):
            await world.capture_payment.execute(asked(world, key=KEY), 1000)

    async def test_a_webhook_that_came_first_is_weighed_with_the_answer(self) -> None:
        """The answer is stored all the same."""
        world = await a_world(taken(1000))
        record = world.payments.record

        async def after_the_webhook(step: Step) -> Recorded:
            world.payments.record = record  # type: ignore[method-assign]
            await world.a_webhook_says(taken(1000, Source.SIGNED))
            return await record(step)

        world.payments.record = after_the_webhook  # type: ignore[method-assign]
        answered = await world.capture_payment.execute(asked(world, key=KEY), 1000)
        assert (await told(world)).amount_captured == 1000
        assert world.payments.keys[_place(KEY)].answer == answered.answer

    async def test_who_comes_back_from_the_dead_is_not_told_that_nothing_was_taken(self) -> None:
        """It sets no status, so what it heard is not the payment's word yet; who looks next weighs it."""
        world = await a_world(taken(1000), Report())
        send = world.gateway.capture

        async def slow(payment: Payment, operation: Operation) -> Report:
            report = await send(payment, operation)
            world.clock.pass_(seconds=61)
            await world.reconcile.take(5)
            return report

        world.gateway.capture = slow  # type: ignore[method-assign]
        answered = await world.capture_payment.execute(asked(world), 1000)
        assert answered.id == world.the_payment().id
        assert (await told(world)).status is Status.AUTHORIZED

        world.clock.pass_(seconds=61)
        await world.look()

        assert ((await told(world)).status, len(world.gateway.captured)) == (Status.SUCCEEDED, 1)
