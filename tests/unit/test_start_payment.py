"""Asking a customer to pay, once."""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from application.ports.gateway import NothingSent, Operation, Preparation
from application.ports.payments import Opened, Promise, Purpose, Recorded, Repeated, Step
from application.record_report import Told
from domain.errors import DuplicatePayment, GatewayUnavailable, InDoubt, Invalid, KeyInUse, KeyReused, Unavailable
from domain.evidence import Claim, Reason, Source
from domain.history import Cause, CauseKind, verify
from domain.payment import Payment, ReferenceKind, Report
from domain.saved_method import SavedMethod
from domain.status import Status
from tests.builders import (
    SOMEONE,
    SOMEONE_ELSE,
    a_card,
    a_key,
    a_phone,
    a_request,
    a_saved_card,
    evidence,
    kes,
    paid,
    usd,
)
from tests.fakes import Claimed, _place
from tests.fakes_methods import Kept
from tests.worlds import LOST, PAID, given, render

CARD: Final = a_saved_card()


async def fails(step: Step) -> Recorded:
    raise Unavailable


class TestPaying:
    async def test_a_paid_request_succeeds_and_is_told_so(self) -> None:
        """Promise, ask, record: the answer is what the gateway said."""
        world = given(PAID)

        answered = await world.start_payment.execute(a_request(key=a_key()))

        payment = world.the_payment()
        assert (payment.status, payment.amount_captured) == (Status.SUCCEEDED, 2500)
        assert answered.answer == render(payment, "req-1")
        assert not answered.replayed
        assert verify(await world.payments.history(payment.id), world.payments.kept[payment.id].head) is None

    async def test_a_decline_is_told_and_is_an_answer(self) -> None:
        """402 is an outcome like any other: stored, repeated."""
        declined = evidence(Claim.FAILED, code="insufficient_funds", reason=Reason.INSUFFICIENT_FUNDS)
        world = given(Report(evidence=(declined,)))

        first = await world.start_payment.execute(a_request(key=a_key()))
        again = await world.start_payment.execute(a_request(key=a_key()))

        assert first.answer.status == 402
        assert (again.answer, again.replayed) == (first.answer, True)
        assert world.the_payment().reason is Reason.INSUFFICIENT_FUNDS

    async def test_a_payment_that_needs_a_person_wakes_one_once(self) -> None:
        """An error in the log when it enters review; what is said again about it is not worth waking anybody."""
        other = Report(evidence=(evidence(Claim.SUCCEEDED, amount=usd(1)),))
        world = given(other)

        with capture_logs() as lines:
            await world.start_payment.execute(a_request())
            kept = world.payments.kept[world.the_payment().id]
            more = Report(evidence=(evidence(Claim.SUCCEEDED, source=Source.SIGNED, amount=usd(2)),))
            await world.record_report.execute(
                kept, Told(report=more, cause=Cause(CauseKind.WEBHOOK, "evt_1"), looked=False)
            )

        changes = [(line["log_level"], line["event"]) for line in lines if "was" in line]
        assert world.the_payment().status is Status.REVIEW
        assert changes[0] == ("error", "payment.review")
        assert [level for level, _ in changes] == ["error", "info"]

    async def test_a_lost_answer_is_unknown_never_failed(self) -> None:
        """202, and the truth is looked for."""
        world = given(LOST)

        answered = await world.start_payment.execute(a_request(key=a_key()))

        assert answered.answer.status == 202
        assert world.the_payment().status is Status.UNKNOWN
        assert world.payments.work[world.the_payment().id].until <= world.clock.now()

    async def test_a_token_lives_with_its_operation_only(self) -> None:
        """It is single-use: nothing else keeps it."""
        world = given(PAID)
        await world.start_payment.execute(a_request())
        assert world.the_payment().method.token is None

    async def test_a_gateway_that_is_not_configured_is_named(self) -> None:
        """Nothing is opened for it."""
        world = given()
        world.start_payment._gateways = {}
        with pytest.raises(Invalid) as told:
            await world.start_payment.execute(a_request())
        assert told.value.faults[0].field == "paymentMethod.type"
        assert not world.payments.kept


class TestRepeating:
    async def test_repeating_a_request_asks_the_payer_once(self) -> None:
        """Same key, same body: one charge, and the first answer again, byte for byte."""
        world = given(PAID)

        first = await world.start_payment.execute(a_request(key=a_key()))
        again = await world.start_payment.execute(a_request(key=a_key(), request_id="req-2"))

        assert (again.answer, again.id) == (first.answer, first.id)
        assert again.replayed
        assert world.gateway.asked == [first.id]

    async def test_another_body_under_the_same_key_is_refused(self) -> None:
        """It is another request, and nothing is asked of anybody."""
        world = given(PAID)
        await world.start_payment.execute(a_request(key=a_key()))
        with pytest.raises(KeyReused):
            await world.start_payment.execute(a_request(key=a_key(body="another")))
        assert len(world.gateway.asked) == 1

    async def test_while_the_first_still_runs_its_twin_is_told_to_wait(self) -> None:
        """The lease lives: somebody is at the gateway for it."""
        world = given(PAID)
        gate = asyncio.Event()
        collect = world.gateway.collect

        async def slow(payment: Payment, operation: Operation) -> Report:
            await gate.wait()
            return await collect(payment, operation)

        world.gateway.collect = slow  # type: ignore[method-assign]
        first = asyncio.create_task(world.start_payment.execute(a_request(key=a_key())))
        await asyncio.sleep(0)
        with pytest.raises(KeyInUse):
            await world.start_payment.execute(a_request(key=a_key()))
        gate.set()
        assert (await first).answer.status == 201

    async def test_after_a_crash_a_repeat_is_told_what_is_known_and_nothing_is_stored(self) -> None:
        """The lease is over and the outcome still out: 202, rendered afresh, never stored."""
        world = given(LOST)
        await world.start_payment.execute(a_request(key=a_key()))

        again = await world.start_payment.execute(a_request(key=a_key(), request_id="req-2"))

        assert again.answer == render(world.the_payment(), "req-2")
        assert (again.answer.status, again.replayed) == (202, False)
        assert len(world.gateway.asked) == 1

    async def test_the_first_repeat_that_finds_the_outcome_stores_it(self) -> None:
        """A webhook told the truth meanwhile: from now on everybody gets the same bytes."""
        world = given(LOST)
        await world.start_payment.execute(a_request(key=a_key()))
        await world.a_webhook_says(PAID)

        second = await world.start_payment.execute(a_request(key=a_key(), request_id="req-2"))
        third = await world.start_payment.execute(a_request(key=a_key(), request_id="req-3"))

        assert second.answer == third.answer == render(world.the_payment(), "req-2")
        assert second.replayed
        assert third.replayed

    async def test_the_same_purchase_without_a_key_is_refused_with_the_payments_id(self) -> None:
        """A proxy's retry charges nobody twice, while it is open and for a while after it succeeded."""
        world = given(PAID)
        first = await world.start_payment.execute(a_request())
        with pytest.raises(DuplicatePayment) as told:
            await world.start_payment.execute(a_request())
        assert told.value.facts["payment_id"] == str(first.id)

    async def test_a_twin_that_is_wanted_is_made(self) -> None:
        """Two of the same thing, on purpose."""
        world = given(PAID, Report(evidence=(paid(),)))
        await world.start_payment.execute(a_request())
        await world.start_payment.execute(a_request(allow_duplicate=True))
        assert len(world.gateway.asked) == 2

    async def test_a_declined_purchase_may_be_tried_again_at_once(self) -> None:
        """Nobody was charged, so there is nothing to protect."""
        world = given(Report(evidence=(evidence(Claim.FAILED),)), PAID)
        await world.start_payment.execute(a_request())
        assert (await world.start_payment.execute(a_request())).answer.status == 201


class TestNothingSent:
    async def test_it_fails_releases_the_key_and_says_so(self) -> None:
        """Surely nobody was charged: the same request may come again, under the same key."""
        world = given(NothingSent(), PAID)

        with pytest.raises(GatewayUnavailable):
            await world.start_payment.execute(a_request(key=a_key()))
        failed = world.the_payment()
        assert (failed.status, failed.reason) == (Status.FAILED, Reason.GATEWAY_UNAVAILABLE)

        assert (await world.start_payment.execute(a_request(key=a_key()))).answer.status == 201

    async def test_a_used_token_is_not_lost(self) -> None:
        """The caller could not send it again: the payment stays open and the worker sends it."""
        world = given(NothingSent(token_used=True))

        answered = await world.start_payment.execute(a_request(key=a_key()))

        assert answered.answer.status == 202
        assert world.the_payment().status is Status.UNKNOWN

    async def test_who_was_held_up_too_long_does_not_send(self) -> None:
        """The lease is checked just before sending: by the time of an answer somebody else might act."""
        world = given(PAID)
        opening = world.payments.open

        async def slowly(promise: object) -> object:
            opened = await opening(promise)  # type: ignore[arg-type]
            world.clock.pass_(seconds=55)
            return opened

        world.payments.open = slowly  # type: ignore[method-assign, assignment]
        with pytest.raises(GatewayUnavailable):
            await world.start_payment.execute(a_request())
        assert world.gateway.asked == []

    async def test_where_that_cannot_be_recorded_the_caller_gets_the_id(self) -> None:
        """The worker may still send it, so "nobody was charged" would be a promise that nobody keeps."""
        world = given(NothingSent())
        world.payments.record = fails  # type: ignore[method-assign]
        answered = await world.start_payment.execute(a_request(key=a_key()))
        assert (answered.answer.status, answered.id) == (202, world.the_payment().id)

    async def test_where_somebody_else_has_sent_it_that_is_told(self) -> None:
        """Held up past the lease, a worker took it over: what became of it is the answer, and the key stays."""
        world = given(NothingSent())
        collect = world.gateway.collect

        async def overtaken(payment: Payment, operation: Operation) -> Report:
            world.clock.pass_(seconds=61)
            (due,) = await world.reconcile.take(1)
            world.gateway.collect, world.gateway.answers = collect, [PAID, NothingSent()]  # type: ignore[method-assign]
            await world.reconcile.execute(due)
            return await collect(payment, operation)

        world.gateway.collect = overtaken  # type: ignore[method-assign]
        answered = await world.start_payment.execute(a_request(key=a_key()))

        assert (answered.answer.status, world.the_payment().status) == (201, Status.SUCCEEDED)
        assert len(world.the_payment().known.evidence) == 1
        assert (await world.start_payment.execute(a_request(key=a_key()))).replayed

    async def test_a_twin_that_comes_before_the_key_is_released_is_told_the_same(self) -> None:
        """503, not a decline."""
        world = given(NothingSent())
        with pytest.raises(GatewayUnavailable):
            await world.start_payment.execute(a_request(key=a_key()))
        (kept,) = world.payments.kept.values()
        world.payments.keys[_place(a_key())] = Claimed(a_key(), kept.payment.id, kept.payment.created_at)
        with pytest.raises(GatewayUnavailable):
            await world.start_payment.execute(a_request(key=a_key()))


class TestInDoubt:
    async def test_a_promise_that_became_durable_though_we_were_not_told_is_kept(self) -> None:
        """The connection was cut under the commit: the worker sends it, and the caller gets its id."""
        world = given(PAID)
        opening = world.payments.open

        async def cut_off(promise: Promise) -> Opened | Repeated:
            await opening(promise)
            raise InDoubt

        world.payments.open = cut_off  # type: ignore[method-assign]
        answered = await world.start_payment.execute(a_request(key=a_key()))
        assert (answered.answer.status, answered.id) == (202, world.the_payment().id)
        world.clock.pass_(seconds=61)
        await world.look()
        assert world.the_payment().status is Status.SUCCEEDED

    async def test_what_is_not_there_is_not_said_to_be_nothing(self) -> None:
        """It may still appear: the same key will tell."""
        world = given(PAID)

        async def cut_off(promise: Promise) -> Opened | Repeated:
            raise InDoubt

        world.payments.open = cut_off  # type: ignore[method-assign]
        with pytest.raises(InDoubt):
            await world.start_payment.execute(a_request(key=a_key()))
        assert world.gateway.asked == []


class TestRacing:
    async def test_a_webhook_that_comes_first_loses_nothing(self) -> None:
        """The answer still joins what is known and is stored; the story has both."""
        world = given()

        async def collect(payment: Payment, operation: Operation) -> Report:
            await world.a_webhook_says(Report(evidence=(paid(usd(2500), Source.SIGNED),)))
            return PAID

        world.gateway.collect = collect  # type: ignore[method-assign]
        answered = await world.start_payment.execute(a_request(key=a_key()))

        payment = world.the_payment()
        assert answered.answer == render(payment, "req-1")
        assert (payment.status, payment.version, len(payment.known.evidence)) == (Status.SUCCEEDED, 3, 2)
        assert (await world.start_payment.execute(a_request(key=a_key()))).answer == answered.answer

    async def test_who_comes_back_from_the_dead_sets_no_status_and_what_it_heard_is_kept(self) -> None:
        """Its lease went to another: the name it was told is kept (money hangs on it), and weighed by the next look."""
        world = given()

        async def collect(payment: Payment, operation: Operation) -> Report:
            world.clock.pass_(seconds=61)
            await world.payments.take_due(world.clock.now(), timedelta(seconds=60), 5)
            return PAID

        world.gateway.collect = collect  # type: ignore[method-assign]
        answered = await world.start_payment.execute(a_request(key=a_key()))

        payment = world.the_payment()
        assert payment.status is Status.PROCESSING
        assert payment.references[ReferenceKind.PAYMENT_INTENT] == "pi_1"
        assert len(payment.known.evidence) == 1
        assert answered.id == payment.id
        assert world.payments.keys["550e8400-e29b-41d4-a716-446655440000", "POST /payments", "key-1"].answer is None
        assert world.payments.work[payment.id].next_check_at <= world.clock.now()

    async def test_an_open_status_is_not_told_while_the_first_still_runs(self) -> None:
        """A webhook came first: what the first will be told is the gateway's own answer, and that is what is stored."""
        world = given()
        declined = Report(evidence=(evidence(Claim.FAILED, code="card_declined"),))

        async def collect(payment: Payment, operation: Operation) -> Report:
            await world.a_webhook_says(Report(evidence=(evidence(Claim.REQUIRES_ACTION, Source.SIGNED),)))
            with pytest.raises(KeyInUse):
                await world.start_payment.execute(a_request(key=a_key()))
            return declined

        world.gateway.collect = collect  # type: ignore[method-assign]
        answered = await world.start_payment.execute(a_request(key=a_key()))
        assert answered.answer.status == 402

    async def test_a_report_that_says_nothing_is_no_outcome(self) -> None:
        """A name without a claim: 202, told afresh, never stored."""
        world = given(Report(references={ReferenceKind.PAYMENT_INTENT: "pi_1"}))
        await world.start_payment.execute(a_request(key=a_key()))
        assert world.payments.keys[_place(a_key())].answer is None

    async def test_what_the_gateway_said_is_recorded_as_soon_as_the_database_is_back(self) -> None:
        """A name that is lost here is money lost: it is tried again while the lease is ours."""
        world = given(PAID)
        recording = world.payments.record
        world.payments.record = fails  # type: ignore[method-assign]
        await world.start_payment.execute(a_request(key=a_key()))
        world.payments.record = recording  # type: ignore[method-assign]
        await asyncio.gather(*world.recordings._tasks)

        payment = world.the_payment()
        assert (payment.status, payment.references) == (Status.SUCCEEDED, {ReferenceKind.PAYMENT_INTENT: "pi_1"})

    async def test_our_own_database_failing_after_the_gateway_still_gives_the_id(self) -> None:
        """Once the gateway may have been reached, the caller gets the payment's id, never a bare 503."""
        world = given(PAID)

        world.payments.record = fails  # type: ignore[method-assign]
        answered = await world.start_payment.execute(a_request(key=a_key()))

        assert answered.answer.status == 202
        assert answered.id == world.the_payment().id


class TestSavedMethods:
    async def test_a_saved_card_pays_with_its_lasting_token_and_its_customer(self) -> None:
        """Both live with the operation, so that a repeat asks for the same."""
        world = given(LOST)
        world.methods.kept[CARD.id] = Kept(CARD, b"likeness", None)

        await world.start_payment.execute(a_request(method=CARD.id))

        payment = world.the_payment()
        operation = await world.payments.operation(payment.id)
        assert operation
        assert (operation.token, operation.customer) == ("pm_1", "cus_1")
        assert payment.method == a_card(token=None)

    @pytest.mark.parametrize("user", [SOMEONE_ELSE, SOMEONE])
    async def test_it_must_be_the_payers_whoever_asks(self, user: UUID) -> None:
        """Another's, or none at all: a fault of the field, and nothing is opened."""
        world = given(PAID)
        world.methods.kept[CARD.id] = Kept(CARD, b"likeness", None)
        theirs = CARD.id if user == SOMEONE_ELSE else uuid7()

        with pytest.raises(Invalid) as told:
            await world.start_payment.execute(a_request(user_id=user, method=theirs, key=a_key()))

        assert told.value.faults[0].field == "paymentMethodId"
        assert not world.payments.kept
        assert not world.payments.keys

    async def test_what_it_paid_for_is_told_again_after_it_was_removed(self) -> None:
        """Same key, same body: the first answer, byte for byte; another body, or no key: it is gone."""
        world = given(PAID)
        world.methods.kept[CARD.id] = Kept(CARD, b"likeness", None)
        first = await world.start_payment.execute(a_request(method=CARD.id, key=a_key()))
        await world.remove_method.execute(SOMEONE, CARD.id)

        again = await world.start_payment.execute(a_request(method=CARD.id, key=a_key(), request_id="req-2"))

        assert (again.answer, again.replayed) == (first.answer, True)
        with pytest.raises(KeyReused):
            await world.start_payment.execute(a_request(method=CARD.id, key=a_key(body="another")))
        with pytest.raises(Invalid):
            await world.start_payment.execute(a_request(method=CARD.id, order_id="order_2"))

    async def test_it_is_a_duplicate_of_what_it_stands_for(self) -> None:
        """The rule goes by type and phone, not by how they were said."""
        world = given(PAID, PAID)
        phone = SavedMethod(id=uuid7(), user_id=SOMEONE, method=a_phone())
        world.methods.kept[CARD.id] = Kept(CARD, b"card", None)
        world.methods.kept[phone.id] = Kept(phone, b"phone", None)
        await world.start_payment.execute(a_request())
        await world.start_payment.execute(a_request(method=a_phone(), money=kes(10)))

        with pytest.raises(DuplicatePayment):
            await world.start_payment.execute(a_request(method=CARD.id))
        with pytest.raises(DuplicatePayment):
            await world.start_payment.execute(a_request(method=phone.id, money=kes(10)))


class TestMpesa:
    async def test_what_must_be_durable_before_the_prompt_is(self) -> None:
        """The names we give, the hash of the callback's token and the phone are kept before anything is sent."""
        names = {ReferenceKind.ACCOUNT_REFERENCE: "ABCDEFGH2345"}
        world = given(LOST)
        world.gateway.prepared = Preparation(
            references=names, callback_token="a" * 64, holds_phone_for=timedelta(minutes=2)
        )

        await world.start_payment.execute(a_request(method=a_phone(), money=kes(10)))

        payment = world.the_payment()
        assert payment.references == names
        assert list(world.payments.callbacks.values()) == [(payment.id, None, Purpose.PROMPT)]
        assert [held[0] for held in world.payments.phones.values()] == [payment.id]
        operation = await world.payments.operation(payment.id)
        assert operation is not None
        assert operation.callback_token == "a" * 64
