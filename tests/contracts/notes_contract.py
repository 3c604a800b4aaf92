"""What everyone who adds notes must promise."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from application import notes as notebook
from application.add_note import AddNote, Noted, NoteRequest
from application.find_payments import Reader
from application.ports.notes import Notes, Remark
from application.ports.open_payments import OpenPayments
from application.ports.payment_lists import Line
from application.ports.payments import Answer, Kept, Key, Payments
from application.ports.platform import Sealer
from application.ports.stories import Stories
from domain.errors import KeyExpired, KeyReused
from domain.evidence import Claim
from domain.history import Note, tell, verify
from domain.payment import Report
from tests.builders import SOMEONE, THE_REQUEST, a_key, a_payment, evidence, now
from tests.contracts.payments_contract import a_step, entries_of, opened
from tests.fakes import StandingClock

TOLD = Answer(201, b"noted")


def a_remark(kept: Kept, *, key: Key | None = None, answer: Answer = TOLD) -> Remark:
    after = kept.payment.noted(now())
    entry = tell(kept.payment, after, THE_REQUEST, kept.head, note="c2VhbGVk")
    return Remark(before=kept, after=after, entry=entry, answer=answer, key=key)


def render(line: Line, correlation_id: str) -> Answer:
    return Answer(201, f"{line.entry.seq} {line.entry.hash.hex()} {correlation_id}".encode())


class NotesContract:
    """Subclasses give the fixtures `payments`, `open_payments`, `stories`, `notes` and `sealer`, over one store."""

    async def test_a_note_is_the_next_entry_and_nothing_else(
        self, payments: Payments, stories: Stories, open_payments: OpenPayments, notes: Notes
    ) -> None:
        """The payment is as it was, its open work too; the chain goes on."""
        kept, _ = await opened(payments, a_payment())

        assert await notes.add(a_remark(kept)) == TOLD

        found, story = await payments.find(kept.payment.id), await entries_of(stories, kept.payment.id)
        assert found
        assert (found.payment.version, found.payment.status) == (2, kept.payment.status)
        assert [entry.seq for entry in story] == [1, 2]
        assert verify(story, found.head) is None
        assert await open_payments.operation(kept.payment.id)

    async def test_who_read_an_older_version_adds_nothing(
        self, payments: Payments, stories: Stories, notes: Notes
    ) -> None:
        """Neither entry nor key: it reads again, and the key is still free for that."""
        kept, lease = await opened(payments, a_payment())
        await payments.record(a_step(kept, Report(evidence=(evidence(Claim.LOST),)), lease=lease))

        assert await notes.add(a_remark(kept, key=a_key())) is None

        found = await payments.find(kept.payment.id)
        assert found
        assert await notes.add(a_remark(found, key=a_key())) == TOLD
        assert len(await entries_of(stories, kept.payment.id)) == 3

    async def test_the_same_key_adds_once(self, payments: Payments, stories: Stories, notes: Notes) -> None:
        """A repeat gets the first answer, whatever became of the payment meanwhile."""
        kept, _ = await opened(payments, a_payment())
        await notes.add(a_remark(kept, key=a_key()))
        found = await payments.find(kept.payment.id)
        assert found

        for read in (kept, found):
            assert await notes.add(a_remark(read, key=a_key(), answer=Answer(201, b"another"))) == TOLD
        assert len(await entries_of(stories, kept.payment.id)) == 2

    async def test_a_key_with_another_body_is_refused(self, payments: Payments, notes: Notes) -> None:
        """A key names one note."""
        kept, _ = await opened(payments, a_payment())
        await notes.add(a_remark(kept, key=a_key(body="one")))

        with pytest.raises(KeyReused):
            await notes.add(a_remark(kept, key=a_key(body="another")))

    async def test_a_key_used_too_long_ago_is_expired(self, payments: Payments, notes: Notes) -> None:
        """After its time a key is never an excuse for a second note."""
        kept, _ = await opened(payments, a_payment())
        await notes.add(a_remark(kept, key=a_key()))
        payments.keys_kept_for = notes._keys_kept_for = timedelta(microseconds=-1)  # type: ignore[attr-defined]

        with pytest.raises(KeyExpired):
            await notes.add(a_remark(kept, key=a_key()))

    async def test_notes_and_moves_at_the_same_moment_lose_nothing(
        self, payments: Payments, stories: Stories, notes: Notes, sealer: Sealer
    ) -> None:
        """Twenty people remark while gateways report: every word has its place, in one whole story."""
        kept, _ = await opened(payments, a_payment())
        add = AddNote(payments=payments, notes=notes, sealer=sealer, render=render, clock=StandingClock())
        texts = {f"note {number}" for number in range(20)}

        async def note(text: str) -> Noted:
            request = NoteRequest(payment_id=kept.payment.id, text=text, request_id="r", key=a_key(text, body=text))
            return await add.execute(request, Reader(SOMEONE))

        async def move() -> None:
            async for found in self._until_it_is_told(payments, kept):
                await payments.record(a_step(found, Report(evidence=(evidence(Claim.LOST),))))

        told = await asyncio.gather(*map(note, texts), move(), *map(note, texts))

        story, found = await entries_of(stories, kept.payment.id), await payments.find(kept.payment.id)
        assert found
        assert verify(story, found.head) is None
        opened_notes = [notebook.read(entry, sealer) for entry in story]
        assert {one.text for one in opened_notes if one} == texts
        assert len(story) == 1 + 1 + 20
        assert sum(one.replayed for one in told if one) == 20

    async def _until_it_is_told(self, payments: Payments, kept: Kept) -> AsyncIterator[Kept]:
        while True:
            found = await payments.find(kept.payment.id)
            assert found
            if found.payment.known.evidence:
                return
            yield found

    async def test_a_note_is_read_as_it_was_written(
        self, payments: Payments, stories: Stories, notes: Notes, sealer: Sealer
    ) -> None:
        """By those who have the keys; in the entry it is sealed, and belongs to this payment alone."""
        note = Note("Bob called: wants the 🎁 on Monday", {"agent": {"name": "Eve"}})
        kept, _ = await opened(payments, a_payment())
        add = AddNote(payments=payments, notes=notes, sealer=sealer, render=render, clock=StandingClock())
        asked = NoteRequest(payment_id=kept.payment.id, text=note.text, metadata=note.metadata, request_id="r")

        await add.execute(asked, Reader(SOMEONE))

        begun, noted = await entries_of(stories, kept.payment.id)
        assert notebook.read_all([begun, noted], sealer) == {2: note}
        assert b"Bob" not in noted.body
        assert b"Eve" not in noted.body
        elsewhere = replace(noted, payment_id=SOMEONE)
        altered = replace(noted, body=noted.body.replace(b'_note":"', b'_note":"A'))
        assert [notebook.read(entry, sealer) for entry in (elsewhere, altered)] == [None, None]
