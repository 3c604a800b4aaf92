"""Giving money back: once, and never more than was taken."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from application.find_payments import Reader
from application.ports.gateway import NothingSent, Preparation
from application.ports.payments import Addressee, Key, Lease, Purpose, Recorded
from application.ports.refunds import RefundPromise, RefundStep
from domain.errors import (
    GatewayUnavailable,
    InDoubt,
    Invalid,
    KeyExpired,
    KeyInUse,
    KeyReused,
    NotFound,
    NotRefundable,
    RefundTooLarge,
    Unavailable,
)
from domain.evidence import Claim, Reason, Source
from domain.history import verify
from domain.payment import Payment, ReferenceKind, Report
from domain.refund import Refund, RefundStatus
from domain.status import Status
from tests.builders import SOMEONE, SOMEONE_ELSE, a_refund_request, a_request, evidence, now, paid, usd
from tests.fakes import Claimed, _place
from tests.worlds import LOST, PAID, World, given, render_refund

KEY = Key(str(SOMEONE), "POST /refunds", "key-1", b"f" * 32)
GONE = Report(evidence=(paid(usd(1000)),), references={ReferenceKind.REFUND: "re_1"})
TAKEN = Report(evidence=(evidence(Claim.PROCESSING),), references={ReferenceKind.REFUND: "re_1"})
REFUSED = Report(evidence=(evidence(Claim.FAILED, reason=Reason.REFUND_REFUSED),))


async def a_world(*answers: Report | BaseException) -> tuple[World, Payment]:
    """A payment that has succeeded, and a gateway that answers so when money is to go back."""
    world = given(PAID)
    await world.start_payment.execute(a_request())
    world.refund_gateway.answers.extend(answers)
    return world, world.the_payment()


def the_refund(world: World) -> Refund:
    (refund,) = world.refunds.refunds.values()
    return refund


async def whole_story(world: World) -> bool:
    payment = world.the_payment()
    return verify(await world.payments.history(payment.id), world.payments.kept[payment.id].head) is None


class TestRefunding:
    async def test_what_is_given_back_is_booked_and_told(self) -> None:
        """Reserve, ask, record: the answer is what the gateway said, and the payment says how much has gone."""
        world, payment = await a_world(GONE)

        answered = await world.refund_payment.execute(a_refund_request(payment, reason="broken", metadata={"a": 1}))

        refund, after = the_refund(world), world.the_payment()
        assert (refund.status, refund.money, refund.reason, refund.metadata) == (
            RefundStatus.SUCCEEDED,
            usd(1000),
            "broken",
            {"a": 1},
        )
        assert answered.answer == render_refund(refund, "req-2")
        assert (after.status, after.amount_refunded, after.amount_reserved) == (Status.SUCCEEDED, 1000, 0)
        assert (after.refund_status, after.refundable) == ("PARTIAL", 1500)
        assert not world.refunds.work
        assert await whole_story(world)

    async def test_parts_and_then_the_rest(self) -> None:
        """Without an amount, all that is left; then nothing is."""
        world, payment = await a_world(GONE, Report(evidence=(paid(usd(1500)),)))
        await world.refund_payment.execute(a_refund_request(payment))
        await world.refund_payment.execute(a_refund_request(payment, amount=None))
        assert (world.the_payment().refund_status, world.the_payment().refundable) == ("FULL", 0)
        with pytest.raises(RefundTooLarge):
            await world.refund_payment.execute(a_refund_request(payment, amount=None))

    async def test_what_the_gateway_works_on_stays_reserved(self) -> None:
        """201 PROCESSING: it is known to be on its way, and nobody else may have it."""
        world, payment = await a_world(TAKEN)
        answered = await world.refund_payment.execute(a_refund_request(payment))
        assert answered.answer.status == 201
        assert (the_refund(world).status, world.the_payment().amount_reserved) == (RefundStatus.PROCESSING, 1000)
        assert the_refund(world).id in world.refunds.work

    async def test_what_the_gateway_refuses_is_free_again(self) -> None:
        """FAILED is an answer like any other; the amount may be asked for again."""
        world, payment = await a_world(REFUSED)
        answered = await world.refund_payment.execute(a_refund_request(payment))
        assert answered.answer.status == 201
        assert (the_refund(world).status, the_refund(world).failure) == (RefundStatus.FAILED, Reason.REFUND_REFUSED)
        assert (world.the_payment().refundable, world.the_payment().amount_reserved) == (2500, 0)

    @pytest.mark.parametrize("answer", [LOST, RuntimeError("broken")])
    async def test_a_lost_answer_is_unknown_and_keeps_its_reserve(self, answer: Report | BaseException) -> None:
        """202: the money may be gone, so nobody else may have it; and it is looked for."""
        world, payment = await a_world(answer)
        answered = await world.refund_payment.execute(a_refund_request(payment))
        assert answered.answer.status == 202
        assert (the_refund(world).status, world.the_payment().amount_reserved) == (RefundStatus.UNKNOWN, 1000)
        assert world.refunds.work[the_refund(world).id].until <= world.clock.now()

    async def test_the_secret_paths_lead_to_the_refund(self) -> None:
        """Result and time-out come by paths of their own, known before anybody is asked."""
        world, payment = await a_world(TAKEN)
        world.refund_gateway.prepared = Preparation(
            references={ReferenceKind.ORIGINATOR_CONVERSATION: "ABC"}, callback_token="a" * 64, timeout_token="b" * 64
        )
        await world.refund_payment.execute(a_refund_request(payment))
        refund = the_refund(world)
        told = {Addressee(*whom) for whom in world.payments.callbacks.values()}
        assert told == {
            Addressee(payment.id, refund.id, Purpose.REFUND),
            Addressee(payment.id, refund.id, Purpose.REFUND_TIMEOUT),
        }
        assert await world.refunds.find_by_reference(ReferenceKind.ORIGINATOR_CONVERSATION, "ABC") == refund.id


class TestRefusing:
    async def test_more_than_is_left_is_refused_and_leaves_nothing(self) -> None:
        """What is reserved is not left; the refusal occupies no key."""
        world, payment = await a_world(TAKEN)
        await world.refund_payment.execute(a_refund_request(payment, amount=2000))
        with pytest.raises(RefundTooLarge) as told:
            await world.refund_payment.execute(a_refund_request(payment, amount=501, key=KEY))
        assert told.value.facts == {"refundable": 500}
        assert len(world.refunds.refunds) == 1
        assert not world.payments.keys

    async def test_another_currency_is_refused(self) -> None:
        """An amount in another currency is another amount."""
        world, payment = await a_world()
        with pytest.raises(Invalid) as told:
            await world.refund_payment.execute(a_refund_request(payment, currency="EUR"))
        assert told.value.faults[0].field == "currency"
        await world.refund_payment.execute(a_refund_request(payment, currency="USD"))

    async def test_somebody_elses_payment_is_not_there(self) -> None:
        """Nor one that never was."""
        world, payment = await a_world()
        with pytest.raises(NotFound):
            await world.refund_payment.execute(a_refund_request(payment, reader=Reader(SOMEONE_ELSE)))
        with pytest.raises(NotFound):
            await world.refund_payment.execute(a_refund_request(payment, payment_id=uuid7()))
        assert not world.refund_gateway.sent

    async def test_what_is_not_taken_cannot_go_back(self) -> None:
        """Nobody is asked."""
        world = given(LOST)
        await world.start_payment.execute(a_request())
        with pytest.raises(NotRefundable):
            await world.refund_payment.execute(a_refund_request(world.the_payment()))
        assert not world.refund_gateway.sent

    async def test_a_gateway_whose_keys_are_gone_is_unavailable(self) -> None:
        """Nothing is opened for it."""
        world, payment = await a_world()
        world.refund_payment._gateways = {}
        with pytest.raises(GatewayUnavailable):
            await world.refund_payment.execute(a_refund_request(payment))
        assert world.the_payment() == payment


class TestNeverTwice:
    async def test_a_repeat_gets_the_first_answer(self) -> None:
        """Same key, same body: one refund, and the first answer, byte for byte."""
        world, payment = await a_world(GONE)
        first = await world.refund_payment.execute(a_refund_request(payment, key=KEY))
        again = await world.refund_payment.execute(a_refund_request(payment, key=KEY, request_id="req-3"))
        assert (again.answer, again.id, again.replayed) == (first.answer, first.id, True)
        assert world.refund_gateway.sent == [first.id]

    async def test_another_body_under_the_same_key_is_refused(self) -> None:
        """It is another request."""
        world, payment = await a_world(GONE)
        await world.refund_payment.execute(a_refund_request(payment, key=KEY))
        with pytest.raises(KeyReused):
            await world.refund_payment.execute(
                a_refund_request(payment, key=Key(KEY.caller, KEY.route, KEY.key, b"g" * 32))
            )

    async def test_a_key_of_long_ago_is_no_excuse_for_a_second_refund(self) -> None:
        """Its answer is forgotten; that it was used is not."""
        world, payment = await a_world(GONE)
        await world.refund_payment.execute(a_refund_request(payment, key=KEY))
        world.clock.pass_(days=31)
        with pytest.raises(KeyExpired):
            await world.refund_payment.execute(a_refund_request(payment, key=KEY))

    async def test_a_twin_waits_while_the_first_runs(self) -> None:
        """Its lease lives."""
        world, payment = await a_world(LOST)
        await world.refund_payment.execute(a_refund_request(payment, key=KEY))
        (row,) = world.refunds.work.values()
        row.until = world.clock.now() + timedelta(seconds=1)
        with pytest.raises(KeyInUse):
            await world.refund_payment.execute(a_refund_request(payment, key=KEY))

    async def test_a_repeat_of_a_lost_answer_is_told_how_it_stands_and_stores_the_outcome_when_it_is_known(
        self,
    ) -> None:
        """202 afresh while it is unknown; then one answer, the same for everybody, replayed."""
        world, payment = await a_world(LOST, GONE)
        first = await world.refund_payment.execute(a_refund_request(payment, key=KEY))
        unknown = await world.refund_payment.execute(a_refund_request(payment, key=KEY))
        assert (unknown.answer.status, unknown.id, unknown.replayed) == (202, first.id, False)
        world.clock.pass_(seconds=26)
        assert await world.look_at_refunds() == 1

        told = await world.refund_payment.execute(a_refund_request(payment, key=KEY, request_id="req-3"))
        again = await world.refund_payment.execute(a_refund_request(payment, key=KEY, request_id="req-4"))

        assert (told.answer.status, told.id, told.replayed) == (201, first.id, True)
        assert again.answer == told.answer
        assert world.payments.keys[_place(KEY)].answer == told.answer

    async def test_many_at_once_share_what_there_is(self) -> None:
        """Ten of thirty per cent: three go back, whoever is faster; all others are refused, and hold nothing."""
        world, payment = await a_world(*[Report(evidence=(paid(usd(750)),))] * 10)
        results = await asyncio.gather(
            *(world.refund_payment.execute(a_refund_request(payment, amount=750)) for _ in range(10)),
            return_exceptions=True,
        )
        assert sum(isinstance(result, RefundTooLarge) for result in results) == 7
        assert len(set(world.refund_gateway.sent)) == len(world.refund_gateway.sent) == 3
        after = world.the_payment()
        assert (after.amount_refunded, after.amount_reserved, after.refundable) == (2250, 0, 250)

    async def test_who_moved_the_payment_first_is_no_obstacle(self) -> None:
        """The promise is made again on what is true now."""
        world, payment = await a_world(GONE)
        consider = world.refunds.consider
        steps = iter([1])

        async def overtaken(payment_id: UUID, key: Key | None, now: object) -> object:
            found = await consider(payment_id, key, now)  # type: ignore[arg-type]
            for _ in steps:
                await world.a_webhook_says(Report(evidence=(paid(usd(2500), Source.FETCHED),)))
            return found

        world.refunds.consider = overtaken  # type: ignore[method-assign, assignment]
        await world.refund_payment.execute(a_refund_request(payment))
        assert the_refund(world).status is RefundStatus.SUCCEEDED
        assert await whole_story(world)

    async def test_who_is_always_overtaken_gives_up(self) -> None:
        """Nothing has happened, and nobody was asked."""
        world, payment = await a_world()

        async def stale(_promise: RefundPromise) -> None:
            return None

        world.refunds.open = stale  # type: ignore[method-assign, assignment]
        with pytest.raises(Unavailable):
            await world.refund_payment.execute(a_refund_request(payment))
        assert not world.refund_gateway.sent


class TestNothingSent:
    async def test_nothing_sent_is_failed_and_the_key_is_free(self) -> None:
        """503; the amount is free, and the same key starts afresh."""
        world, payment = await a_world(NothingSent(), GONE)
        with pytest.raises(GatewayUnavailable):
            await world.refund_payment.execute(a_refund_request(payment, key=KEY))
        assert the_refund(world).failure is Reason.GATEWAY_UNAVAILABLE
        assert world.the_payment().refundable == 2500
        assert not world.payments.keys

        again = await world.refund_payment.execute(a_refund_request(payment, key=KEY))

        assert world.refunds.refunds[again.id].status is RefundStatus.SUCCEEDED

    async def test_who_was_held_up_does_not_ask(self) -> None:
        """Somebody else may act by the time the answer would come."""
        world, payment = await a_world(GONE)
        open_ = world.refunds.open

        async def slow(promise: RefundPromise) -> Lease | None:
            lease = await open_(promise)
            world.clock.pass_(seconds=51)
            return lease

        world.refunds.open = slow  # type: ignore[method-assign]
        with pytest.raises(GatewayUnavailable):
            await world.refund_payment.execute(a_refund_request(payment))
        assert not world.refund_gateway.sent

    async def test_who_sent_nothing_and_lost_the_lease_proves_nothing(self) -> None:
        """Somebody else is sending it: it stays open and reserved, whatever we did not do; 202, and no released key."""
        later = evidence(Claim.PROCESSING, at=now() + timedelta(seconds=61))
        world, payment = await a_world(Report(evidence=(later,)))
        open_ = world.refunds.open

        async def much_too_slow(promise: RefundPromise) -> Lease | None:
            lease = await open_(promise)
            world.clock.pass_(seconds=61)
            await world.look_at_refunds()
            return lease

        world.refunds.open = much_too_slow  # type: ignore[method-assign]
        answered = await world.refund_payment.execute(a_refund_request(payment, key=KEY))

        assert (the_refund(world).status, world.the_payment().amount_reserved) == (RefundStatus.PROCESSING, 1000)
        assert not any(piece.claim is Claim.FAILED for piece in the_refund(world).known.evidence)
        assert answered.id == the_refund(world).id
        assert _place(KEY) in world.payments.keys
        assert len(world.refund_gateway.sent) == 1

    async def test_a_repeat_before_the_key_is_released_is_told_the_same(self) -> None:
        """The first is about to release it."""
        world, payment = await a_world(NothingSent())
        with pytest.raises(GatewayUnavailable):
            await world.refund_payment.execute(a_refund_request(payment, key=KEY))
        world.payments.keys[_place(KEY)] = Claimed(KEY, payment.id, world.clock.now(), made_id=the_refund(world).id)
        with pytest.raises(GatewayUnavailable):
            await world.refund_payment.execute(a_refund_request(payment, key=KEY))


class TestBetweenTheSteps:
    async def test_a_promise_that_was_cut_off_and_is_there_is_told_with_its_id(self) -> None:
        """202: the worker keeps it."""
        world, payment = await a_world()
        open_ = world.refunds.open

        async def cut_off(promise: RefundPromise) -> Lease | None:
            await open_(promise)
            raise InDoubt

        world.refunds.open = cut_off  # type: ignore[method-assign]
        answered = await world.refund_payment.execute(a_refund_request(payment))
        assert (answered.answer.status, answered.id) == (202, the_refund(world).id)
        assert not world.refund_gateway.sent

    async def test_a_promise_that_was_cut_off_and_is_not_there_is_in_doubt(self) -> None:
        """The same key will tell."""
        world, payment = await a_world()

        async def cut_off(_promise: RefundPromise) -> Lease | None:
            raise InDoubt

        world.refunds.open = cut_off  # type: ignore[method-assign]
        with pytest.raises(InDoubt):
            await world.refund_payment.execute(a_refund_request(payment))

    async def test_an_answer_that_cannot_be_kept_is_told_as_unknown_and_kept_as_soon_as_it_can(self) -> None:
        """202 with the id, never a bare 503; what we heard is recorded when the database is back."""
        world, payment = await a_world(GONE)
        record = world.refunds.record

        async def fails(_step: RefundStep) -> Recorded:
            raise Unavailable

        world.refunds.record = fails  # type: ignore[method-assign]
        answered = await world.refund_payment.execute(a_refund_request(payment, key=KEY))
        assert (answered.answer.status, answered.id) == (202, the_refund(world).id)
        assert world.the_payment().amount_reserved == 1000

        world.refunds.record = record  # type: ignore[method-assign]
        await asyncio.gather(*world.recordings._tasks)
        assert the_refund(world).status is RefundStatus.SUCCEEDED

        assert (world.the_payment().amount_refunded, world.the_payment().amount_reserved) == (1000, 0)

    async def test_a_webhook_that_came_first_is_weighed_with_the_answer(self) -> None:
        """The answer is stored all the same, and says what is true."""
        world, payment = await a_world(TAKEN)
        record = world.refunds.record

        async def after_the_webhook(step: RefundStep) -> Recorded:
            world.refunds.record = record  # type: ignore[method-assign]
            await world.refund_is_told(GONE)
            return await record(step)

        world.refunds.record = after_the_webhook  # type: ignore[method-assign]
        answered = await world.refund_payment.execute(a_refund_request(payment, key=KEY))

        assert the_refund(world).status is RefundStatus.SUCCEEDED
        assert answered.answer == render_refund(the_refund(world), "req-2")
        assert world.payments.keys[_place(KEY)].answer == answered.answer
        assert (world.the_payment().amount_refunded, world.the_payment().amount_reserved) == (1000, 0)
        assert not world.refunds.work
        assert await whole_story(world)

    async def test_who_comes_back_from_the_dead_sets_no_status_but_is_heard(self) -> None:
        """Its answer is kept, and weighed by whoever looks next."""
        world, payment = await a_world(GONE)
        send = world.refund_gateway.refund

        async def slow(*asked: object) -> Report:
            report = await send(*asked)  # type: ignore[arg-type]
            world.clock.pass_(seconds=61)
            await world.refunds.take_due(world.clock.now(), timedelta(seconds=60), 5)
            return report

        world.refund_gateway.refund = slow  # type: ignore[method-assign]
        answered = await world.refund_payment.execute(a_refund_request(payment))
        assert the_refund(world).status is RefundStatus.PROCESSING
        assert answered.id == the_refund(world).id
        world.refund_gateway.refund = send  # type: ignore[method-assign]

        world.clock.pass_(seconds=61)
        await world.look_at_refunds()

        assert the_refund(world).status is RefundStatus.SUCCEEDED
        assert world.the_payment().amount_refunded == 1000
        assert len(world.refund_gateway.sent) == 1
        assert await whole_story(world)
