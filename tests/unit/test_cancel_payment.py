"""Giving a payment up: what is held is released, and the gateway's truth decides."""

import pytest

from application.find_payments import Reader
from application.ports.gateway import NothingSent, OperationKind
from application.ports.payments import Key, Recorded, Step
from domain.errors import KeyInUse, NotCancellable, NotCapturable, NotFound
from domain.evidence import Claim, Source
from domain.history import verify
from domain.payment import CaptureMethod, Payment, ReferenceKind, Report
from domain.status import Status
from tests.builders import SOMEONE, SOMEONE_ELSE, a_phone, a_request, evidence, kes, paid, usd
from tests.fakes import _place
from tests.unit.test_capture_payment import Dead, asked, taken
from tests.worlds import PAID, World, given, render

KEY = Key(str(SOMEONE), "POST /payments/{id}/cancel", "key-1", b"f" * 32)
NAMED = {ReferenceKind.PAYMENT_INTENT: "pi_1"}
HELD = Report(evidence=(evidence(Claim.AUTHORIZED),), references=NAMED)
WAITS = Report(evidence=(evidence(Claim.REQUIRES_ACTION),), references=NAMED, next_action={"type": "3ds"})
LOST = Report(evidence=(evidence(Claim.OPERATION_LOST, Source.CLOCK),))
OFF = Report(evidence=(evidence(Claim.CANCELLED, Source.FETCHED),))


async def a_world(first: Report = HELD, *answers: Report | BaseException) -> World:
    world = given(first, *answers)
    await world.start_payment.execute(a_request(capture_method=CaptureMethod.MANUAL))
    return world


async def told(world: World) -> Payment:
    payment = world.the_payment()
    assert verify(await world.payments.history(payment.id), world.payments.kept[payment.id].head) is None
    return payment


class TestCancelling:
    @pytest.mark.parametrize("first", [HELD, WAITS])
    async def test_what_is_open_is_given_up(self, first: Report) -> None:
        """Held money, or a customer who was to act: CANCELLED by the gateway's word."""
        world = await a_world(first, OFF)
        answered = await world.cancel_payment.execute(asked(world))
        payment = await told(world)
        assert (payment.status, payment.cancel_requested) == (Status.CANCELLED, True)
        assert answered.answer == render(payment, "req-2")
        assert payment.id not in world.payments.work

    async def test_what_was_taken_meanwhile_was_not_cancelled(self) -> None:
        """The gateway's truth is another: 409, and the payment says so."""
        world = await a_world(HELD, taken(2500, Source.FETCHED))
        with pytest.raises(NotCancellable, match="SUCCEEDED"):
            await world.cancel_payment.execute(asked(world, key=KEY))
        assert (await told(world)).status is Status.SUCCEEDED
        assert _place(KEY) not in world.payments.keys

    async def test_what_has_ended_cannot_be_given_up(self) -> None:
        """Where it succeeded, refund it."""
        world = await a_world(PAID)
        with pytest.raises(NotCancellable, match="SUCCEEDED"):
            await world.cancel_payment.execute(asked(world))
        assert world.gateway.cancelled == []

    async def test_a_prompt_cannot_be_taken_back(self) -> None:
        """It stands on a phone."""
        world = given(Report(evidence=(evidence(Claim.REQUIRES_ACTION),)))
        await world.start_payment.execute(a_request(method=a_phone(), money=kes(10)))
        with pytest.raises(NotCancellable, match="prompt"):
            await world.cancel_payment.execute(asked(world))
        assert not world.the_payment().cancel_requested

    async def test_somebody_elses_payment_is_not_there(self) -> None:
        """Nothing is told of it."""
        world = await a_world()
        with pytest.raises(NotFound):
            await world.cancel_payment.execute(asked(world, reader=Reader(SOMEONE_ELSE)))


class TestAgain:
    async def test_the_same_key_gets_the_first_answer(self) -> None:
        """The gateway is asked once."""
        world = await a_world(HELD, OFF)
        first = await world.cancel_payment.execute(asked(world, key=KEY))
        again = await world.cancel_payment.execute(asked(world, key=KEY, request_id="req-3"))
        assert (again.answer, again.replayed) == (first.answer, True)
        assert len(world.gateway.cancelled) == 1

    async def test_without_a_key_the_same_says_the_same(self) -> None:
        """It is as was asked for."""
        world = await a_world(HELD, OFF)
        await world.cancel_payment.execute(asked(world))
        await world.cancel_payment.execute(asked(world))
        assert len(world.gateway.cancelled) == 1

    async def test_a_twin_waits_while_the_first_runs(self) -> None:
        """Its lease lives."""
        world = await a_world(HELD, Dead())
        with pytest.raises(Dead):
            await world.cancel_payment.execute(asked(world, key=KEY))
        with pytest.raises(KeyInUse):
            await world.cancel_payment.execute(asked(world, key=KEY))


class TestNotYet:
    async def test_a_crash_in_between_is_finished_by_the_worker(self) -> None:
        """The wish is durable: it is cancelled as soon as it can be, and its key is told so."""
        world = await a_world(HELD, Dead(), OFF)
        with pytest.raises(Dead):
            await world.cancel_payment.execute(asked(world, key=KEY))
        operation = await world.payments.operation(world.the_payment().id)
        assert operation is not None
        assert operation.kind is OperationKind.CANCEL
        world.clock.pass_(seconds=61)

        assert await world.look() == 1

        assert (await told(world)).status is Status.CANCELLED
        repeat = await world.cancel_payment.execute(asked(world, key=KEY))
        assert repeat.replayed

    @pytest.mark.parametrize("answer", [LOST, RuntimeError("broken")])
    async def test_a_lost_answer_is_unknown_and_the_worker_cancels(self, answer: Report | BaseException) -> None:
        """Asking again is safe: nothing is cancelled twice."""
        world = await a_world(HELD, answer, OFF)
        await world.cancel_payment.execute(asked(world))
        assert (await told(world)).status is Status.UNKNOWN
        world.clock.pass_(hours=1)
        await world.look()
        assert (await told(world)).status is Status.CANCELLED
        assert len(world.gateway.cancelled) == 2

    async def test_nothing_sent_is_noted_and_the_worker_cancels(self) -> None:
        """The wish stays: it is told as it stands, and done at once when the gateway is back."""
        world = await a_world(HELD, NothingSent(), OFF)
        answered = await world.cancel_payment.execute(asked(world))
        payment = await told(world)
        assert (payment.status, payment.cancel_requested) == (Status.AUTHORIZED, True)
        assert answered.answer == render(payment, "req-2")

        assert await world.look() == 1

        assert (await told(world)).status is Status.CANCELLED

    async def test_a_noted_wish_is_not_captured_over(self) -> None:
        """Two wishes cannot both come true: the first counts."""
        world = await a_world(HELD, NothingSent())
        await world.cancel_payment.execute(asked(world))
        with pytest.raises(NotCapturable):
            await world.capture_payment.execute(asked(world), None)


class TestInFlight:
    async def test_what_is_at_the_gateway_is_cancelled_afterwards(self) -> None:
        """The charge is on its way: the wish is noted, truth decides, and what can still be given up is."""
        world = given(Dead(), OFF)
        with pytest.raises(Dead):
            await world.start_payment.execute(a_request())

        answered = await world.cancel_payment.execute(asked(world))
        payment = await told(world)
        assert (payment.status, payment.cancel_requested) == (Status.PROCESSING, True)
        assert answered.answer == render(payment, "req-2")
        assert world.gateway.cancelled == []

        await world.a_webhook_says(HELD)
        world.clock.pass_(seconds=61)
        await world.look()

        assert (await told(world)).status is Status.CANCELLED

    async def test_what_was_perhaps_never_sent_is_not_sent_any_more(self) -> None:
        """A cancel forbids re-sending: it is only looked for."""
        world = given(Dead(), Report())
        with pytest.raises(Dead):
            await world.start_payment.execute(a_request())
        await world.cancel_payment.execute(asked(world))
        world.clock.pass_(seconds=61)

        await world.look()

        assert len(world.gateway.asked) == 1
        assert len(world.gateway.looked_up) == 1

    async def test_a_capture_that_is_in_flight_wins_if_the_gateway_says_so(self) -> None:
        """Cancel and capture race: the money is taken, and the wish is known to have come too late."""
        world = await a_world(HELD, taken(1000))
        record = world.payments.record

        async def cancelled_meanwhile(step: Step) -> Recorded:
            world.payments.record = record  # type: ignore[method-assign]
            await world.cancel_payment.execute(asked(world))
            return await record(step)

        world.payments.record = cancelled_meanwhile  # type: ignore[method-assign]
        await world.capture_payment.execute(asked(world), 1000)

        payment = await told(world)
        assert (payment.status, payment.amount_captured, payment.cancel_requested) == (Status.SUCCEEDED, 1000, True)
        assert world.gateway.cancelled == []

    async def test_a_cancel_after_a_crashed_capture_believes_the_gateway(self) -> None:
        """The capture may have been made, of its amount: nothing that was not sent says otherwise."""
        world = await a_world(HELD, Dead(), NothingSent(), taken(1000, Source.FETCHED))
        with pytest.raises(Dead):
            await world.capture_payment.execute(asked(world), 1000)
        world.clock.pass_(seconds=61)
        await world.cancel_payment.execute(asked(world))
        await world.look()
        payment = await told(world)
        assert (payment.status, payment.amount_captured) == (Status.SUCCEEDED, 1000)

    async def test_a_payment_that_succeeds_all_the_same_stays_paid(self) -> None:
        """The customer was faster."""
        world = await a_world(WAITS, NothingSent())
        await world.cancel_payment.execute(asked(world))
        await world.a_webhook_says(Report(evidence=(paid(usd(2500), Source.SIGNED),)))
        assert (await told(world)).status is Status.SUCCEEDED
