"""What every keeper of refunds must promise, whoever implements it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from application.ports.gateway import Operation, OperationKind
from application.ports.open_payments import OpenPayments
from application.ports.payments import Addressee, Answer, Kept, Key, Lease, Opened, Outcome, Payments, Purpose, Recorded
from application.ports.refunds import KeptRefund, RefundPromise, Refunds, RefundStep, RepeatedRefund
from application.ports.stories import Stories
from domain.errors import KeyExpired, KeyReused, RefundTooLarge, Refused
from domain.evidence import Claim, Source
from domain.history import RefundMove, tell, verify
from domain.payment import Payment, ReferenceKind, Report
from domain.refund import RefundOrigin, RefundStatus
from domain.status import Status
from tests.builders import THE_REQUEST, a_payment, a_promise, a_refund, evidence, now, paid, usd
from tests.contracts.payments_contract import a_step

A_MINUTE = timedelta(minutes=1)
TOLD = Answer(201, b'{"success":true}')
GONE = Report(evidence=(paid(usd(1000)),), references={ReferenceKind.REFUND: "re_1"})
LOST = Report(evidence=(evidence(Claim.LOST, Source.CLOCK),))


def a_refund_key(key: str = "key-1", body: str = "the body", caller: str = "a caller") -> Key:
    return Key(caller, "POST /refunds", key, sha256(body.encode()).digest())


async def a_paid(payments: Payments, **facts: Any) -> Kept:
    """A payment that has succeeded, as it is kept."""
    promise = a_promise(a_payment(**facts))
    opened = await payments.open(promise)
    assert isinstance(opened, Opened)
    report = Report(evidence=(paid(promise.payment.money),))
    step = a_step(Kept(promise.payment, promise.entry.hash), report, lease=opened.lease)
    assert (await payments.record(step)).outcome is Outcome.DONE
    return Kept(step.after, step.entry.hash if step.entry else b"")


def a_refund_promise(before: Kept, amount: int = 1000, **facts: Any) -> RefundPromise:
    """`facts` of the refund go to it, all others to the promise."""
    of_refund = {name: facts.pop(name) for name in ("origin", "references", "reason", "metadata") if name in facts}
    refund = a_refund(before.payment, money=replace(before.payment.money, amount=amount), **of_refund)
    payment = before.payment.rebooked(held=refund.amount_held, gone=refund.amount_gone, at=refund.requested_at)
    return RefundPromise(
        **{
            "before": before,
            "payment": payment,
            "refund": refund,
            "entry": tell(before.payment, payment, THE_REQUEST, before.head, RefundMove(None, refund)),
            "operation": Operation(
                started_at=refund.requested_at, kind=OperationKind.REFUND, callback_token="canary-token"
            ),
            "lease_for": A_MINUTE,
        }
        | facts
    )


async def opened(refunds: Refunds, before: Kept, amount: int = 1000, **facts: Any) -> tuple[KeptRefund, Lease]:
    promise = a_refund_promise(before, amount, **facts)
    lease = await refunds.open(promise)
    assert lease is not None
    return KeptRefund(promise.refund, Kept(promise.payment, promise.entry.hash)), lease


def a_refund_step(before: KeptRefund, report: Report, **facts: Any) -> RefundStep:
    was, kept = before.refund, before.kept
    refund = was.learn(report, now())
    payment = kept.payment.rebooked(
        held=refund.amount_held - was.amount_held, gone=refund.amount_gone - was.amount_gone, at=now()
    )
    return RefundStep(
        **{
            "before": before,
            "payment": payment,
            "refund": refund,
            "entry": tell(kept.payment, payment, THE_REQUEST, kept.head, RefundMove(was, refund)),
            "next_check_at": None if refund.status.is_closed else now() + A_MINUTE,
        }
        | facts
    )


async def found(refunds: Refunds, refund_id: UUID) -> KeptRefund:
    before = await refunds.find(refund_id)
    assert before is not None
    return before


async def seen(payments: Payments, payment: Payment) -> Kept:
    kept = await payments.find(payment.id)
    assert kept is not None
    return kept


async def refund_once(refunds: Refunds, payment_id: UUID, amount: int) -> UUID:
    """
    As a use case does it: read, promise, and read again where somebody was faster.

    Raises:
        RefundTooLarge: there is not so much left.
    """
    while True:
        kept = await refunds.consider(payment_id, None, now())
        assert isinstance(kept, Kept)
        kept.payment.money_to_refund(amount)
        promise = a_refund_promise(kept, amount)
        if await refunds.open(promise) is not None:
            return promise.refund.id


class RefundsContract:
    """Subclasses give the fixtures `refunds`, `payments`, `open_payments` and `stories`, empty, over one store."""

    # what was promised is there

    async def test_what_was_opened_is_found_with_its_payment(self, refunds: Refunds, payments: Payments) -> None:
        """The refund as it was promised, and the payment with the amount reserved."""
        kept = await a_paid(payments)
        names = {ReferenceKind.ORIGINATOR_CONVERSATION: "OUR-NAME"}
        before, lease = await opened(refunds, kept, reason="broken", metadata={"a": ["b"]}, references=names)

        assert await refunds.find(before.refund.id) == before
        assert await seen(payments, kept.payment) == before.kept
        assert before.kept.payment.amount_reserved == 1000
        assert lease.epoch == 1
        assert await refunds.find_by_reference(ReferenceKind.ORIGINATOR_CONVERSATION, "OUR-NAME") == before.refund.id

    async def test_what_is_not_there_is_not_found(self, refunds: Refunds) -> None:
        """Neither an id of ours nor one that cannot be ours is an error."""
        for identifier in (uuid7(), a_payment().user_id):
            assert await refunds.find(identifier) is None
            assert await refunds.consider(identifier, None, now()) is None
        assert await refunds.find_by_reference(ReferenceKind.REFUND, "re_0") is None

    async def test_to_consider_is_to_see_the_payment(self, refunds: Refunds, payments: Payments) -> None:
        """With or without a key that was never used."""
        kept = await a_paid(payments)
        assert await refunds.consider(kept.payment.id, None, now()) == kept
        assert await refunds.consider(kept.payment.id, a_refund_key(), now()) == kept

    async def test_the_secret_paths_lead_to_the_refund(self, refunds: Refunds, payments: Payments) -> None:
        """For what they were made for, and nothing else."""
        kept = await a_paid(payments)
        tokens = {Purpose.REFUND: b"a" * 32, Purpose.REFUND_TIMEOUT: b"b" * 32}
        before, _ = await opened(refunds, kept, callback_tokens=tokens)
        for purpose, token in tokens.items():
            whose = await payments.find_by_callback(token, [purpose])
            assert whose == Addressee(kept.payment.id, before.refund.id, purpose)
            assert await payments.find_by_callback(token, [Purpose.PROMPT]) is None

    async def test_the_story_is_whole_after_every_step(
        self, refunds: Refunds, payments: Payments, stories: Stories
    ) -> None:
        """Steps of the payment and of several refunds, mixed: seq 1…n, one chain, ending in the head."""
        kept = await a_paid(payments)
        first, lease = await opened(refunds, kept)
        second, _ = await opened(refunds, first.kept, 500)
        await payments.record(a_step(second.kept, Report(evidence=(paid(usd(2500), Source.FETCHED),))))
        now_first = await found(refunds, first.refund.id)
        await refunds.record(a_refund_step(now_first, GONE, lease=lease))
        now_second = await found(refunds, second.refund.id)
        await refunds.record(a_refund_step(now_second, Report(evidence=(evidence(Claim.FAILED),))))

        story = await stories.of(kept.payment.id)

        assert story is not None
        assert verify(story.entries, story.head) is None
        after = (await seen(payments, kept.payment)).payment
        assert after.version == len(story.entries) == 7
        assert (after.amount_refunded, after.amount_reserved, after.refundable) == (1000, 0, 1500)

    # never twice, never too much

    async def test_who_read_an_older_version_reserves_nothing(self, refunds: Refunds, payments: Payments) -> None:
        """Two who read the same: one promises, the other reads again; nothing of it is left, not even its key."""
        kept = await a_paid(payments)
        await opened(refunds, kept)
        late = a_refund_promise(kept, key=a_refund_key())

        assert await refunds.open(late) is None

        assert await refunds.find(late.refund.id) is None
        assert (await seen(payments, kept.payment)).payment.amount_reserved == 1000
        assert isinstance(await refunds.consider(kept.payment.id, a_refund_key(), now()), Kept)

    async def test_of_ten_refunds_of_thirty_per_cent_at_once_three_are_opened(
        self, refunds: Refunds, payments: Payments
    ) -> None:
        """However they race; all others are refused, and hold nothing."""
        kept = await a_paid(payments)

        results = await asyncio.gather(
            *(refund_once(refunds, kept.payment.id, 750) for _ in range(10)), return_exceptions=True
        )

        made = [result for result in results if isinstance(result, UUID)]
        assert (len(made), sum(isinstance(result, RefundTooLarge) for result in results)) == (3, 7)
        after = (await seen(payments, kept.payment)).payment
        assert (after.amount_reserved, after.refundable) == (2250, 250)
        for refund_id in made:
            step = a_refund_step(await found(refunds, refund_id), Report(evidence=(paid(usd(750)),)))
            await refunds.record(step)
        after = (await seen(payments, kept.payment)).payment
        assert (after.amount_refunded, after.amount_reserved, after.refundable) == (2250, 0, 250)

    async def test_the_same_key_gives_the_first_refund(self, refunds: Refunds, payments: Payments) -> None:
        """A twin opens nothing; it learns whose turn it is, and that it still runs."""
        kept = await a_paid(payments)
        before, _ = await opened(refunds, kept, key=a_refund_key())

        twin = await refunds.consider(kept.payment.id, a_refund_key(), now())
        assert twin == RepeatedRefund(before, None, running=True)
        assert await refunds.open(a_refund_promise(before.kept, key=a_refund_key())) is None
        assert isinstance(await refunds.consider(kept.payment.id, a_refund_key(caller="another"), now()), Kept)

    async def test_of_many_twins_at_once_one_opens(self, refunds: Refunds, payments: Payments) -> None:
        """Whoever claims the key first has it."""
        kept = await a_paid(payments)
        leases = await asyncio.gather(
            *(refunds.open(a_refund_promise(kept, 100, key=a_refund_key())) for _ in range(20))
        )
        assert sum(lease is not None for lease in leases) == 1
        assert (await seen(payments, kept.payment)).payment.amount_reserved == 100

    async def test_a_key_with_another_body_or_of_long_ago_is_refused(
        self, refunds: Refunds, payments: Payments
    ) -> None:
        """A key names one request, and is never an excuse for a second execution."""
        kept = await a_paid(payments)
        await opened(refunds, kept, key=a_refund_key())
        with pytest.raises(KeyReused):
            await refunds.consider(kept.payment.id, a_refund_key(body="another"), now())
        with pytest.raises(KeyExpired):
            await refunds.consider(kept.payment.id, a_refund_key(), now() + timedelta(days=31))

    async def test_a_worker_that_looks_is_not_the_first_request(self, refunds: Refunds, payments: Payments) -> None:
        """Its lease keeps other workers away, and no repeat."""
        kept = await a_paid(payments)
        await opened(refunds, kept, key=a_refund_key(), lease_for=timedelta())
        assert await refunds.take_due(now(), A_MINUTE, 5)
        twin = await refunds.consider(kept.payment.id, a_refund_key(), now())
        assert isinstance(twin, RepeatedRefund)
        assert not twin.running

    async def test_a_name_belongs_to_one_refund(self, refunds: Refunds, payments: Payments) -> None:
        """A gateway's name for one is never taken for another's, and the step is undone."""
        kept = await a_paid(payments)
        first, _ = await opened(refunds, kept)
        second, _ = await opened(refunds, first.kept)
        first = await found(refunds, first.refund.id)
        await refunds.record(a_refund_step(first, GONE))
        second = await found(refunds, second.refund.id)

        with pytest.raises(Refused):
            await refunds.record(a_refund_step(second, GONE))

        assert await refunds.find(second.refund.id) == second
        assert await refunds.find_by_reference(ReferenceKind.REFUND, "re_1") == first.refund.id
        with pytest.raises(Refused):
            await refunds.open(a_refund_promise(second.kept, 10, references={ReferenceKind.REFUND: "re_1"}))
        assert await seen(payments, kept.payment) == second.kept

    # the second step

    async def test_the_outcome_the_books_and_the_answer_are_one_step(
        self, refunds: Refunds, payments: Payments
    ) -> None:
        """The same commit that moves the refund books it on its payment and stores what the caller is told."""
        kept = await a_paid(payments)
        before, lease = await opened(refunds, kept, key=a_refund_key())
        step = a_refund_step(before, GONE, lease=lease, key=a_refund_key(), answer=TOLD)

        assert await refunds.record(step) == Recorded(Outcome.DONE, TOLD)

        after = await found(refunds, before.refund.id)
        assert (after.refund, after.kept.payment) == (step.refund, step.payment)
        twin = await refunds.consider(kept.payment.id, a_refund_key(), now())
        assert isinstance(twin, RepeatedRefund)
        assert (twin.answer, twin.running) == (TOLD, False)
        assert await refunds.take_due(now() + timedelta(days=1), A_MINUTE, 5) == []

    async def test_the_first_answer_stays(self, refunds: Refunds, payments: Payments) -> None:
        """Whoever renders first is what everybody is told."""
        kept = await a_paid(payments)
        before, lease = await opened(refunds, kept, key=a_refund_key())
        assert await payments.store_answer(a_refund_key(), TOLD) == TOLD
        step = a_refund_step(before, GONE, lease=lease, key=a_refund_key(), answer=Answer(201, b"{}"))
        assert (await refunds.record(step)).answer == TOLD

    async def test_a_released_key_may_be_used_again(self, refunds: Refunds, payments: Payments) -> None:
        """Where surely nothing was sent, the same key starts afresh."""
        kept = await a_paid(payments)
        before, lease = await opened(refunds, kept, key=a_refund_key())
        failed = Report(evidence=(evidence(Claim.FAILED),))
        await refunds.record(a_refund_step(before, failed, lease=lease, key=a_refund_key(), release_key=True))
        again = await refunds.consider(kept.payment.id, a_refund_key(), now())
        assert isinstance(again, Kept)
        assert again.payment.amount_reserved == 0
        await opened(refunds, again, key=a_refund_key())

    async def test_who_read_an_older_version_moves_nothing(self, refunds: Refunds, payments: Payments) -> None:
        """Another refund of the same payment is somebody else, too."""
        kept = await a_paid(payments)
        first, lease = await opened(refunds, kept)
        await opened(refunds, first.kept, 500)
        assert (await refunds.record(a_refund_step(first, GONE, lease=lease))).outcome is Outcome.STALE
        assert (await found(refunds, first.refund.id)).refund == first.refund

    async def test_of_two_that_record_at_once_one_does(self, refunds: Refunds, payments: Payments) -> None:
        """The other reads again."""
        kept = await a_paid(payments)
        before, _ = await opened(refunds, kept)
        steps = [a_refund_step(before, report) for report in (GONE, LOST)]
        outcomes = await asyncio.gather(*map(refunds.record, steps))
        assert {recorded.outcome for recorded in outcomes} == {Outcome.DONE, Outcome.STALE}

    async def test_who_lost_the_lease_is_fenced(self, refunds: Refunds, payments: Payments) -> None:
        """An older epoch moves nothing, whatever it was told."""
        kept = await a_paid(payments)
        before, lease = await opened(refunds, kept, lease_for=timedelta())
        (due,) = await refunds.take_due(now(), A_MINUTE, 5)
        assert (due.before, due.lease.epoch) == (before, 2)

        assert (await refunds.record(a_refund_step(before, GONE, lease=lease))).outcome is Outcome.FENCED

        assert await refunds.find(before.refund.id) == before
        assert (await refunds.record(a_refund_step(before, GONE, lease=due.lease))).outcome is Outcome.DONE

    async def test_a_webhook_asks_for_no_lease(self, refunds: Refunds, payments: Payments) -> None:
        """It moves the refund whoever is calling the gateway, and takes no lease away."""
        kept = await a_paid(payments)
        before, _ = await opened(refunds, kept)
        assert (await refunds.record(a_refund_step(before, LOST, next_check_at=now()))).outcome is Outcome.DONE
        assert await refunds.take_due(now(), A_MINUTE, 5) == []

    # open work

    async def test_each_due_refund_is_taken_by_one_with_its_operation(
        self, refunds: Refunds, payments: Payments
    ) -> None:
        """Workers that come at once share the work, and a lease keeps the others away."""
        ids = set()
        for _ in range(10):
            before, _ = await opened(refunds, await a_paid(payments), lease_for=timedelta())
            ids.add(before.refund.id)

        shares = await asyncio.gather(*(refunds.take_due(now(), A_MINUTE, 3) for _ in range(8)))

        taken = [due for share in shares for due in share]
        assert len(taken) == 10
        assert {due.before.refund.id for due in taken} == ids
        assert {(due.operation.kind, due.operation.callback_token) for due in taken} == {("refund", "canary-token")}
        assert all(due.kept.payment.amount_reserved == 1000 for due in taken)

    async def test_nothing_is_due_while_its_lease_lives_or_before_its_time(
        self, refunds: Refunds, payments: Payments
    ) -> None:
        """Who may still be calling the gateway is left alone; then its next look is planned."""
        kept = await a_paid(payments)
        before, lease = await opened(refunds, kept)
        assert await refunds.take_due(now(), A_MINUTE, 5) == []
        await refunds.record(a_refund_step(before, LOST, lease=lease))
        assert await refunds.take_due(now(), A_MINUTE, 5) == []
        (due,) = await refunds.take_due(now() + 2 * A_MINUTE, A_MINUTE, 5)
        assert due.before.refund.status is RefundStatus.UNKNOWN

    async def test_what_is_told_late_is_looked_after_again(self, refunds: Refunds, payments: Payments) -> None:
        """A closed refund that is doubted has open work, under its own name."""
        kept = await a_paid(payments)
        before, lease = await opened(refunds, kept)
        await refunds.record(a_refund_step(before, GONE, lease=lease))
        closed = await found(refunds, before.refund.id)
        denied = Report(evidence=(evidence(Claim.FAILED, Source.FETCHED),))
        await refunds.record(a_refund_step(closed, denied, next_check_at=now()))
        (due,) = await refunds.take_due(now(), A_MINUTE, 5)
        assert (due.before.refund.status, due.operation.kind) == (RefundStatus.REVIEW, OperationKind.REFUND)

    # made outside

    async def test_what_was_made_outside_and_is_over_leaves_no_work(self, refunds: Refunds, payments: Payments) -> None:
        """A row that counts, and nothing to do."""
        kept = await a_paid(payments)
        before, _ = await opened(
            refunds, kept, origin=RefundOrigin.EXTERNAL, operation=None, references={ReferenceKind.REFUND: "re_9"}
        )
        assert await refunds.find(before.refund.id) == before
        assert before.kept.payment.amount_refunded == 1000
        assert await refunds.take_due(now() + timedelta(days=1), A_MINUTE, 5) == []

    async def test_a_payment_that_is_doubted_is_looked_after(
        self, refunds: Refunds, payments: Payments, open_payments: OpenPayments
    ) -> None:
        """More went back than was taken: never refused; the payment stays open work until somebody has looked."""
        kept = await a_paid(payments)
        step = a_step(kept, Report(evidence=(paid(usd(2500), Source.FETCHED),)), work=None)
        await payments.record(step)
        assert await open_payments.operation(kept.payment.id) is None

        await opened(refunds, await seen(payments, kept.payment), 2501, origin=RefundOrigin.EXTERNAL, operation=None)

        after = (await seen(payments, kept.payment)).payment
        assert (after.status, after.amount_refunded, after.amount_excess_refunded) == (Status.REVIEW, 2500, 1)
        assert await open_payments.operation(kept.payment.id) is not None

    async def test_a_late_success_that_exceeds_is_looked_after(
        self, refunds: Refunds, payments: Payments, open_payments: OpenPayments
    ) -> None:
        """The same, where a refund of ours turns out to have gone after all."""
        kept = await a_paid(payments)
        first, lease = await opened(refunds, kept)
        await refunds.record(a_refund_step(first, Report(evidence=(evidence(Claim.FAILED),)), lease=lease))
        first = await found(refunds, first.refund.id)
        second, _ = await opened(refunds, first.kept, 2500)
        await payments.record(a_step(second.kept, Report(evidence=(paid(usd(2500), Source.FETCHED),)), work=None))
        first = await found(refunds, first.refund.id)

        await refunds.record(a_refund_step(first, GONE))

        after = (await seen(payments, kept.payment)).payment
        assert (after.status, after.amount_reserved, after.amount_excess_refunded) == (Status.REVIEW, 2500, 1000)
        assert await open_payments.operation(kept.payment.id) is not None
