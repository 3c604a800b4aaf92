"""What every keeper of payments must promise, whoever implements it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from application.ports.open_payments import OpenPayments
from application.ports.payments import (
    Addressee,
    Answer,
    Kept,
    Lease,
    Opened,
    Outcome,
    Payments,
    Purpose,
    Recorded,
    Repeated,
    Step,
    Work,
)
from application.ports.stories import Stories
from domain.errors import DuplicatePayment, KeyExpired, KeyReused, PhoneBusy, Refused
from domain.evidence import Claim, Source
from domain.history import Entry, tell, verify
from domain.payment import Payment, ReferenceKind, Report
from domain.status import Status
from tests.builders import (
    THE_REQUEST,
    a_key,
    a_payment,
    a_promise,
    an_mpesa_payment,
    evidence,
    now,
    paid,
    usd,
)

TOLD = Answer(201, b'{"success":true}')
LIKENESS = b"l" * 32
PHONE = b"p" * 32
A_MINUTE = timedelta(minutes=1)


def a_step(kept: Kept, report: Report, **facts: object) -> Step:
    after = kept.payment.learn(report, now())
    entry = tell(kept.payment, after, THE_REQUEST, kept.head)
    work = Work(next_check_at=now() + A_MINUTE, holds_likeness=True)
    return Step(**{"before": kept, "after": after, "entry": entry, "work": work} | facts)  # type: ignore[arg-type]


async def opened(payments: Payments, payment: Payment, **facts: object) -> tuple[Kept, Lease]:
    promise = a_promise(payment, **facts)
    claim = await payments.open(promise)
    assert isinstance(claim, Opened)
    return Kept(promise.payment, promise.entry.hash), claim.lease


async def entries_of(stories: Stories, payment_id: UUID) -> list[Entry]:
    story = await stories.of(payment_id)
    assert story
    return story.entries


class PaymentsContract:
    """Subclasses give the fixtures `payments`, `open_payments` and `stories`, empty, over one store."""

    # what was promised is there

    async def test_what_was_opened_is_found_as_it_was(self, payments: Payments, open_payments: OpenPayments) -> None:
        """Everything that was promised is kept, but for the single-use token, which lives with the operation."""
        payment = a_payment(description="a plan", return_url="https://shop.example/back")
        kept, _ = await opened(payments, payment)

        assert await payments.find(payment.id) == kept
        operation = await open_payments.operation(payment.id)
        assert operation is not None
        assert operation.token == "tok_visa"

    async def test_a_payment_that_is_not_there_is_not_found(self, payments: Payments) -> None:
        """Neither an id of ours nor one that cannot be ours is an error."""
        assert await payments.find(uuid7()) is None
        assert await payments.find(a_payment().user_id) is None

    async def test_its_story_verifies_after_every_step(self, payments: Payments, stories: Stories) -> None:
        """The story is whole: seq 1…n, each entry hashing all before it, ending in the head on the payment."""
        kept, lease = await opened(payments, a_payment())
        await payments.record(a_step(kept, Report(evidence=(evidence(Claim.LOST),)), lease=lease))
        found = await payments.find(kept.payment.id)
        assert found
        await payments.record(a_step(found, Report(evidence=(paid(usd(2500)),))))

        story = await stories.of(kept.payment.id)
        assert story
        assert story.user_id == kept.payment.user_id
        assert [entry.seq for entry in story.entries] == [1, 2, 3]
        assert verify(story.entries, story.head) is None

    async def test_a_payment_that_is_not_there_has_no_story(self, stories: Stories) -> None:
        """Neither an id of ours nor one that cannot be ours is an error."""
        assert await stories.of(uuid7()) is None
        assert await stories.of(a_payment().user_id) is None

    # never twice

    async def test_the_same_key_gives_the_first_payment(self, payments: Payments) -> None:
        """A twin opens nothing; it learns whose turn it is, and that it still runs."""
        kept, _ = await opened(payments, a_payment(), key=a_key())

        twin = await payments.open(a_promise(key=a_key()))

        assert twin == Repeated(kept, None, running=True)

    async def test_a_worker_that_looks_is_not_the_first_request(
        self, payments: Payments, open_payments: OpenPayments
    ) -> None:
        """Its lease keeps other workers away, and no repeat."""
        await opened(payments, a_payment(), key=a_key(), lease_for=timedelta(0))
        assert await open_payments.take_due(now(), A_MINUTE, 5)

        twin = await payments.open(a_promise(key=a_key()))

        assert isinstance(twin, Repeated)
        assert not twin.running

    async def test_of_many_twins_at_once_one_opens(self, payments: Payments) -> None:
        """Whoever claims the key first has it; all others get its payment."""
        claims = await asyncio.gather(*(payments.open(a_promise(key=a_key())) for _ in range(20)))

        assert sum(isinstance(claim, Opened) for claim in claims) == 1
        assert len({claim.kept.payment.id for claim in claims if isinstance(claim, Repeated)}) == 1

    async def test_a_key_with_another_body_is_refused(self, payments: Payments) -> None:
        """A key names one request; another request under it is the caller's mistake."""
        await opened(payments, a_payment(), key=a_key(body="one"))

        with pytest.raises(KeyReused):
            await payments.open(a_promise(key=a_key(body="another")))

    async def test_a_key_of_another_caller_is_another_key(self, payments: Payments) -> None:
        """Keys never cross callers."""
        await opened(payments, a_payment(), key=a_key(caller="one"))

        assert isinstance(await payments.open(a_promise(key=a_key(caller="another"))), Opened)

    async def test_a_key_used_too_long_ago_is_expired(self, payments: Payments) -> None:
        """After its time a key is never an excuse for a second execution."""
        long_ago = a_payment()
        await opened(payments, long_ago, key=a_key())
        payments._keys_kept_for = payments.keys_kept_for = timedelta(microseconds=-1)  # type: ignore[attr-defined]

        with pytest.raises(KeyExpired):
            await payments.open(a_promise(key=a_key()))

    async def test_a_payment_of_the_same_likeness_is_refused_and_leaves_no_key(self, payments: Payments) -> None:
        """The same purchase under another key is told of the open one; a refusal does not occupy its key."""
        kept, _ = await opened(payments, a_payment(), likeness=LIKENESS)
        refused = a_promise(key=a_key("other"), likeness=LIKENESS)

        with pytest.raises(DuplicatePayment) as told:
            await payments.open(refused)

        assert told.value.facts["payment_id"] == str(kept.payment.id)
        assert await payments.find(refused.payment.id) is None
        assert isinstance(await payments.open(a_promise(key=a_key("other"))), Opened)

    async def test_of_many_like_payments_at_once_one_opens(self, payments: Payments) -> None:
        """However they race, with and without keys, the customer is asked once."""
        promises = [a_promise(likeness=LIKENESS, key=a_key(str(n)) if n % 2 else None) for n in range(20)]

        claims = await asyncio.gather(*map(payments.open, promises), return_exceptions=True)

        winner = next(p for p, claim in zip(promises, claims, strict=True) if isinstance(claim, Opened))
        told = [claim.facts["payment_id"] for claim in claims if isinstance(claim, DuplicatePayment)]
        assert told == [str(winner.payment.id)] * 19

    async def test_a_settled_likeness_is_free_after_its_window_though_nobody_swept(self, payments: Payments) -> None:
        """The rule is the window, not the sweep."""
        kept, lease = await opened(payments, a_payment(), likeness=LIKENESS)
        over = Work(next_check_at=now(), holds_likeness=True, settled=True)
        await payments.record(a_step(kept, Report(evidence=(paid(usd(2500)),)), lease=lease, work=over))

        assert isinstance(await payments.open(a_promise(likeness=LIKENESS)), Opened)

    async def test_a_phone_shows_one_prompt(self, payments: Payments) -> None:
        """A second prompt waits until the first is answered or over; the refusal leaves nothing behind."""
        until = now() + A_MINUTE
        kept, lease = await opened(payments, an_mpesa_payment(), phone=PHONE, phone_until=until)
        second = an_mpesa_payment(order_id="order_2")
        with pytest.raises(PhoneBusy):
            await payments.open(a_promise(second, phone=PHONE, phone_until=until, key=a_key()))
        assert await payments.find(second.id) is None

        failed = evidence(Claim.CANCELLED, Source.SIGNED)
        await payments.record(a_step(kept, Report(evidence=(failed,)), lease=lease, work=None))

        assert isinstance(await payments.open(a_promise(second, phone=PHONE, phone_until=until, key=a_key())), Opened)

    async def test_a_phone_is_free_when_its_prompt_is_over(self, payments: Payments) -> None:
        """Time frees a phone too."""
        await opened(payments, an_mpesa_payment(), phone=PHONE, phone_until=now() - A_MINUTE)

        again = a_promise(an_mpesa_payment(), phone=PHONE, phone_until=now() + A_MINUTE)
        assert isinstance(await payments.open(again), Opened)

    # the second step

    async def test_the_answer_is_stored_with_the_outcome(self, payments: Payments) -> None:
        """The same commit that moves the payment stores what the caller is told."""
        kept, lease = await opened(payments, a_payment(), key=a_key())
        step = a_step(kept, Report(evidence=(paid(usd(2500)),)), lease=lease, key=a_key(), answer=TOLD)

        assert await payments.record(step) == Recorded(Outcome.DONE, TOLD)

        twin = await payments.open(a_promise(key=a_key()))
        assert isinstance(twin, Repeated)
        assert (twin.answer, twin.running) == (TOLD, False)

    async def test_the_first_answer_stays(self, payments: Payments) -> None:
        """Whoever renders first is what everybody is told, byte for byte."""
        kept, lease = await opened(payments, a_payment(), key=a_key())
        assert await payments.store_answer(a_key(), TOLD) == TOLD

        another = a_step(kept, Report(evidence=(paid(),)), lease=lease, key=a_key(), answer=Answer(402, b"{}"))
        assert (await payments.record(another)).answer == TOLD
        assert await payments.store_answer(a_key(), Answer(402, b"{}")) == TOLD

    async def test_a_released_key_may_be_used_again(self, payments: Payments) -> None:
        """Where surely nothing was sent, the same key starts afresh."""
        kept, lease = await opened(payments, a_payment(), key=a_key())
        failed = Report(evidence=(evidence(Claim.FAILED),))
        await payments.record(a_step(kept, failed, lease=lease, key=a_key(), release_key=True, work=None))

        assert isinstance(await payments.open(a_promise(key=a_key())), Opened)

    async def test_who_read_an_older_version_moves_nothing(self, payments: Payments, stories: Stories) -> None:
        """Two who read the same version: one wins, the other reads again."""
        kept, _ = await opened(payments, a_payment())
        steps = [a_step(kept, Report(evidence=(evidence(claim),))) for claim in (Claim.LOST, Claim.AUTHORIZED)]

        outcomes = await asyncio.gather(*map(payments.record, steps))

        assert {recorded.outcome for recorded in outcomes} == {Outcome.DONE, Outcome.STALE}
        story = await stories.of(kept.payment.id)
        assert story
        assert len(story.entries) == 2

    async def test_who_lost_the_lease_is_fenced(self, payments: Payments, open_payments: OpenPayments) -> None:
        """An older epoch moves nothing, whatever it was told."""
        kept, lease = await opened(payments, a_payment(), lease_for=timedelta(0))
        taken = await open_payments.take_due(now(), A_MINUTE, 10)
        assert [due.kept.payment.id for due in taken] == [kept.payment.id]

        late = await payments.record(a_step(kept, Report(evidence=(paid(),)), lease=lease))

        assert late.outcome is Outcome.FENCED
        assert await payments.find(kept.payment.id) == kept

    async def test_a_name_belongs_to_one_payment(self, payments: Payments) -> None:
        """A gateway's name for one payment is never taken for another's, and the step is undone."""
        name = {ReferenceKind.PAYMENT_INTENT: "pi_1"}
        first, _ = await opened(payments, a_payment())
        second, _ = await opened(payments, a_payment())
        await payments.record(a_step(first, Report(references=name, evidence=(evidence(Claim.LOST),))))

        with pytest.raises(Refused):
            await payments.record(a_step(second, Report(references=name, evidence=(paid(),))))

        assert await payments.find_by_reference(ReferenceKind.PAYMENT_INTENT, "pi_1") == first.payment.id
        assert await payments.find(second.payment.id) == second

    async def test_a_secret_path_leads_to_its_payment(self, payments: Payments) -> None:
        """The token's hash is all that is kept of it."""
        kept, _ = await opened(payments, an_mpesa_payment(), callback_token_hash=b"h" * 32)

        found = await payments.find_by_callback(b"h" * 32, [Purpose.STATUS, Purpose.PROMPT])
        assert found == Addressee(kept.payment.id, None, Purpose.PROMPT)
        assert await payments.find_by_callback(b"h" * 32, [Purpose.STATUS]) is None
        assert await payments.find_by_callback(b"x" * 32, [Purpose.PROMPT]) is None

    # open work

    async def test_who_takes_over_in_the_last_moment_keeps_the_lease(
        self, payments: Payments, open_payments: OpenPayments
    ) -> None:
        """Many record under their old leases while workers take over: nobody's lease is given away by another."""
        kept = [await opened(payments, a_payment(), lease_for=timedelta(0)) for _ in range(20)]
        steps = [a_step(one, Report(evidence=(evidence(Claim.LOST),)), lease=lease) for one, lease in kept]
        *_, due = await asyncio.gather(
            *map(payments.record, steps), open_payments.take_due(now(), A_MINUTE, 20), return_exceptions=False
        )
        again = await open_payments.take_due(now(), A_MINUTE, 20)
        assert not {one.kept.payment.id for one in due} & {one.kept.payment.id for one in again}  # type: ignore[union-attr]

    async def test_a_success_of_an_order_that_succeeded_late_before_is_looked_at(
        self, payments: Payments, open_payments: OpenPayments
    ) -> None:
        """The order was perhaps paid twice: it is not settled before somebody has looked."""
        late, lease = await opened(payments, a_payment())
        await payments.record(a_step(late, Report(evidence=(evidence(Claim.FAILED),)), lease=lease, work=None))
        failed = await payments.find(late.payment.id)
        assert failed
        settled = Work(next_check_at=now() + A_MINUTE, holds_likeness=True, settled=True, unless_paid_late=True)
        await payments.record(a_step(failed, Report(evidence=(paid(source=Source.SIGNED),)), work=settled))
        assert await open_payments.take_due(now(), A_MINUTE, 5) == []

        other, lease = await opened(payments, a_payment(order_id="order_2"))
        await payments.record(a_step(other, Report(evidence=(paid(),)), lease=lease, work=settled))
        assert await open_payments.take_due(now(), A_MINUTE, 5) == []
        second, lease = await opened(payments, a_payment())
        await payments.record(a_step(second, Report(evidence=(paid(),)), lease=lease, work=settled))
        assert [due.kept.payment.id for due in await open_payments.take_due(now(), A_MINUTE, 5)] == [second.payment.id]

    async def test_each_due_payment_is_taken_by_one(self, payments: Payments, open_payments: OpenPayments) -> None:
        """Workers that come at once share the work, and a lease keeps the others away."""
        ids = {(await opened(payments, a_payment(), lease_for=timedelta(0)))[0].payment.id for _ in range(20)}

        shares = await asyncio.gather(*(open_payments.take_due(now(), A_MINUTE, 5) for _ in range(8)))

        taken = [due.kept.payment.id for share in shares for due in share]
        assert len(taken) == len(set(taken)) == 20
        assert set(taken) == ids

    async def test_nothing_is_due_while_its_lease_lives(self, payments: Payments, open_payments: OpenPayments) -> None:
        """Who may still be calling the gateway is left alone."""
        await opened(payments, a_payment(), lease_for=A_MINUTE)

        assert await open_payments.take_due(now(), A_MINUTE, 5) == []

    async def test_a_nudge_brings_the_next_look_forward_but_not_too_often(
        self, payments: Payments, open_payments: OpenPayments
    ) -> None:
        """Anyone may ask us to look; nobody makes us ask a gateway more often than that."""
        kept, lease = await opened(payments, a_payment())
        waits = a_step(kept, Report(evidence=(evidence(Claim.REQUIRES_ACTION),)), lease=lease)
        await payments.record(waits)
        assert await open_payments.take_due(now(), A_MINUTE, 5) == []

        await open_payments.nudge(kept.payment.id, now(), A_MINUTE)
        (due,) = await open_payments.take_due(now(), A_MINUTE, 5)
        looked = replace(waits, before=due.kept, after=replace(due.kept.payment, version=3), lease=due.lease)
        looked = replace(looked, entry=tell(due.kept.payment, looked.after, THE_REQUEST, due.kept.head))
        assert (await payments.record(looked)).outcome is Outcome.DONE
        await open_payments.nudge(kept.payment.id, now(), A_MINUTE)

        assert await open_payments.take_due(now(), A_MINUTE, 5) == []

    async def test_closed_work_is_gone_and_may_be_opened_again(
        self, payments: Payments, open_payments: OpenPayments
    ) -> None:
        """A late word re-opens a payment: it is looked after again, and holds nobody else's purchase up."""
        kept, lease = await opened(payments, a_payment(), likeness=LIKENESS)
        failed = Report(evidence=(evidence(Claim.FAILED),))
        await payments.record(a_step(kept, failed, lease=lease, work=None))
        assert await open_payments.operation(kept.payment.id) is None
        await opened(payments, a_payment(), likeness=LIKENESS)

        closed = await payments.find(kept.payment.id)
        assert closed
        again = Work(next_check_at=now(), holds_likeness=True)
        await payments.record(a_step(closed, Report(evidence=(paid(source=Source.SIGNED),)), work=again))

        (due,) = await open_payments.take_due(now(), A_MINUTE, 5)
        assert due.kept.payment.status is Status.SUCCEEDED

    async def test_the_settled_are_let_go_when_their_window_is_over(
        self, payments: Payments, open_payments: OpenPayments
    ) -> None:
        """Nothing is left to do on them, and nothing is left of them in the open work."""
        kept, lease = await opened(payments, a_payment(), likeness=LIKENESS)
        window = Work(next_check_at=now() + A_MINUTE, holds_likeness=True, settled=True)
        await payments.record(a_step(kept, Report(evidence=(paid(),)), lease=lease, work=window))

        assert await open_payments.let_go(now()) == 0
        with pytest.raises(DuplicatePayment):
            await payments.open(a_promise(likeness=LIKENESS))
        assert await open_payments.let_go(now() + 2 * A_MINUTE) == 1

    async def test_another_success_of_the_same_order_is_seen(self, payments: Payments) -> None:
        """Same user, same order, another payment: that is what makes an order overpaid."""
        first, lease = await opened(payments, a_payment())
        second = a_payment()
        assert not await payments.another_succeeded(second)

        await payments.record(a_step(first, Report(evidence=(paid(),)), lease=lease))

        assert await payments.another_succeeded(second)
        assert not await payments.another_succeeded(first.payment)
        assert not await payments.another_succeeded(a_payment(order_id="order_2"))
