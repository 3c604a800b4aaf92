"""What every keeper of captures and cancels must promise, whoever implements it."""

import asyncio
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from application.ports.gateway import Operation, OperationKind
from application.ports.open_payments import OpenPayments
from application.ports.payments import Answer, Kept, Key, Lease, Opened, Outcome, Payments, Repeated, Work
from application.ports.stories import Stories
from application.ports.undertakings import Undertaking, Undertakings
from domain.errors import KeyExpired, KeyReused, PaymentBusy
from domain.evidence import Claim
from domain.history import tell, verify
from domain.payment import CaptureMethod, Report
from tests.builders import THE_REQUEST, a_payment, a_promise, evidence, now, paid, usd
from tests.contracts.payments_contract import a_step

A_MINUTE = timedelta(minutes=1)
TOLD = Answer(200, b'{"success":true}')


def a_capture_key(key: str = "key-1", body: str = "the body", caller: str = "a caller") -> Key:
    return Key(caller, "POST /payments/{id}/capture", key, sha256(body.encode()).digest())


async def a_held(payments: Payments) -> Kept:
    """Money that is held, and nobody has a lease."""
    promise = a_promise(a_payment(capture_method=CaptureMethod.MANUAL))
    opened = await payments.open(promise)
    assert isinstance(opened, Opened)
    work = Work(next_check_at=now() + timedelta(hours=1), holds_likeness=True)
    step = a_step(
        Kept(promise.payment, promise.entry.hash),
        Report(evidence=(evidence(Claim.AUTHORIZED),)),
        lease=opened.lease,
        work=work,
    )
    assert (await payments.record(step)).outcome is Outcome.DONE
    return Kept(step.after, step.entry.hash if step.entry else b"")


def a_capture(before: Kept, amount: int = 1000, **facts: Any) -> Undertaking:
    after = before.payment.asked_to_capture(amount, now())
    return Undertaking(
        **{
            "id": uuid7(),
            "before": before,
            "after": after,
            "entry": tell(before.payment, after, THE_REQUEST, before.head),
            "operation": Operation(started_at=after.updated_at, kind=OperationKind.CAPTURE, amount=amount),
            "lease_for": A_MINUTE,
        }
        | facts
    )


def a_cancel(before: Kept, **facts: Any) -> Undertaking:
    after = before.payment.asked_to_cancel(now())
    entry = tell(before.payment, after, THE_REQUEST, before.head)
    operation = Operation(started_at=after.updated_at, kind=OperationKind.CANCEL)
    return a_capture(before, **{"after": after, "entry": entry, "operation": operation} | facts)


def kept_after(undertaking: Undertaking) -> Kept:
    return Kept(undertaking.after, undertaking.entry.hash)


class UndertakingsContract:
    """Subclasses give the fixtures `undertakings`, `payments`, `open_payments` and `stories`, over one store."""

    async def test_what_was_begun_is_durable_with_its_operation(
        self, undertakings: Undertakings, payments: Payments, open_payments: OpenPayments
    ) -> None:
        """The payment says what was asked for; the open work says how to do it again."""
        capture = a_capture(await a_held(payments))

        lease = await undertakings.begin(capture)

        assert lease == Lease(2, capture.after.updated_at + A_MINUTE)
        assert await payments.find(capture.after.id) == kept_after(capture)
        assert await open_payments.operation(capture.after.id) == capture.operation

    async def test_a_cancel_is_kept_too(self, undertakings: Undertakings, payments: Payments) -> None:
        """The wish is durable."""
        cancel = a_cancel(await a_held(payments))
        assert await undertakings.begin(cancel)
        assert await payments.find(cancel.after.id) == kept_after(cancel)

    async def test_the_story_is_whole(self, undertakings: Undertakings, payments: Payments, stories: Stories) -> None:
        """Begun, and ended under the lease."""
        capture = a_capture(await a_held(payments))
        lease = await undertakings.begin(capture)
        taken = Report(evidence=(paid(usd(1000)),))
        await payments.record(a_step(kept_after(capture), taken, lease=lease))
        story = await stories.of(capture.after.id)
        assert story is not None
        assert verify(story.entries, story.head) is None
        assert len(story.entries) == 4

    async def test_what_is_not_there_is_not_found(self, undertakings: Undertakings) -> None:
        """Neither an id of ours nor one that cannot be ours is an error."""
        assert await undertakings.consider(uuid7(), None, now()) is None
        assert await undertakings.consider(a_payment().user_id, a_capture_key(), now()) is None

    async def test_to_consider_is_to_see_the_payment(self, undertakings: Undertakings, payments: Payments) -> None:
        """With or without a key that was never used."""
        held = await a_held(payments)
        assert await undertakings.consider(held.payment.id, None, now()) == held
        assert await undertakings.consider(held.payment.id, a_capture_key(), now()) == held

    async def test_one_at_a_time_is_at_the_gateway(self, undertakings: Undertakings, payments: Payments) -> None:
        """Whoever comes while a lease lives is told so, and leaves nothing, not even its key."""
        capture = a_capture(await a_held(payments))
        await undertakings.begin(capture)
        with pytest.raises(PaymentBusy):
            await undertakings.begin(a_cancel(kept_after(capture), key=a_capture_key()))
        assert await payments.find(capture.after.id) == kept_after(capture)
        assert isinstance(await undertakings.consider(capture.after.id, a_capture_key(), now()), Kept)

    async def test_of_many_at_once_one_begins(self, undertakings: Undertakings, payments: Payments) -> None:
        """The others are busy, or read again."""
        held = await a_held(payments)
        results = await asyncio.gather(
            *(undertakings.begin(a_capture(held, amount)) for amount in range(100, 120)), return_exceptions=True
        )
        assert sum(isinstance(result, Lease) for result in results) == 1
        assert all(result is None or isinstance(result, Lease | PaymentBusy) for result in results)

    async def test_what_is_closed_with_nothing_left_to_do_is_not_begun(
        self, undertakings: Undertakings, payments: Payments
    ) -> None:
        """Nobody can hold a lease for it."""
        held = await a_held(payments)
        late = a_capture(held)
        step = a_step(held, Report(evidence=(evidence(Claim.CANCELLED),)), work=None)
        await payments.record(step)
        with pytest.raises(PaymentBusy):
            await undertakings.begin(late)

    async def test_who_read_an_older_version_begins_nothing(
        self, undertakings: Undertakings, payments: Payments
    ) -> None:
        """It reads again; the lease stays free, and so does its key."""
        held = await a_held(payments)
        await payments.record(
            a_step(
                held,
                Report(evidence=(evidence(Claim.AUTHORIZED), evidence(Claim.LOST))),
                work=Work(next_check_at=now(), holds_likeness=True),
            )
        )
        assert await undertakings.begin(a_capture(held, key=a_capture_key())) is None
        found = await payments.find(held.payment.id)
        assert found is not None
        assert await undertakings.begin(a_capture(found, key=a_capture_key())) is not None

    async def test_a_worker_that_took_it_over_fences_the_first(
        self, undertakings: Undertakings, payments: Payments, open_payments: OpenPayments
    ) -> None:
        """The worker finds the capture as it was promised; who comes back from the dead moves nothing."""
        capture = a_capture(await a_held(payments), lease_for=timedelta())
        lease = await undertakings.begin(capture)
        (due,) = await open_payments.take_due(now(), A_MINUTE, 5)
        assert (due.kept, due.operation, due.lease.epoch) == (kept_after(capture), capture.operation, 3)
        late = a_step(kept_after(capture), Report(evidence=(paid(usd(1000)),)), lease=lease)
        assert (await payments.record(late)).outcome is Outcome.FENCED

    async def test_the_same_key_gives_what_it_began(self, undertakings: Undertakings, payments: Payments) -> None:
        """A twin begins nothing; while it runs it is told so, then what the caller was told."""
        capture = a_capture(await a_held(payments), key=a_capture_key())
        lease = await undertakings.begin(capture)
        twin = await undertakings.consider(capture.after.id, a_capture_key(), now())
        assert twin == Repeated(kept_after(capture), None, running=True)

        taken = Report(evidence=(paid(usd(1000)),))
        await payments.record(a_step(kept_after(capture), taken, lease=lease, key=a_capture_key(), answer=TOLD))

        twin = await undertakings.consider(capture.after.id, a_capture_key(), now())
        assert isinstance(twin, Repeated)
        assert (twin.answer, twin.running) == (TOLD, False)

    async def test_a_released_key_may_be_used_again(self, undertakings: Undertakings, payments: Payments) -> None:
        """Where surely nothing was sent, the same key starts afresh."""
        capture = a_capture(await a_held(payments), key=a_capture_key())
        lease = await undertakings.begin(capture)
        held = Report(evidence=(evidence(Claim.AUTHORIZED, code="again"),))
        await payments.record(a_step(kept_after(capture), held, lease=lease, key=a_capture_key(), release_key=True))
        again = await undertakings.consider(capture.after.id, a_capture_key(), now())
        assert isinstance(again, Kept)
        assert await undertakings.begin(a_capture(again, key=a_capture_key())) is not None

    async def test_a_key_with_another_body_or_of_long_ago_is_refused(
        self, undertakings: Undertakings, payments: Payments
    ) -> None:
        """A key names one request of one caller, and is never an excuse for a second execution."""
        capture = a_capture(await a_held(payments), key=a_capture_key())
        await undertakings.begin(capture)
        with pytest.raises(KeyReused):
            await undertakings.consider(capture.after.id, a_capture_key(body="another"), now())
        with pytest.raises(KeyExpired):
            await undertakings.consider(capture.after.id, a_capture_key(), now() + timedelta(days=31))
        other = await undertakings.consider(capture.after.id, a_capture_key(caller="another"), now())
        assert other == kept_after(capture)

    async def test_a_key_that_was_used_meanwhile_begins_nothing(
        self, undertakings: Undertakings, payments: Payments
    ) -> None:
        """For whatever payment: read again, and the key tells."""
        first, second = await a_held(payments), await a_held(payments)
        await undertakings.begin(a_capture(first, key=a_capture_key()))
        assert await undertakings.begin(a_capture(second, key=a_capture_key())) is None
        assert await payments.find(second.payment.id) == second
