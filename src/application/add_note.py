"""Add a note to a payment's story. It can say anything, and changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from application import notes
from application.find_payments import Reader
from application.ports.notes import Notes, Remark
from application.ports.payment_lists import Line
from application.ports.payments import Answer, Kept, Key, Payments
from application.ports.platform import Clock, Sealer
from domain.errors import NotFound
from domain.history import Cause, CauseKind, Note, tell

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRequest:
    """What a caller wants to remark, and about which payment."""

    payment_id: UUID
    text: str
    request_id: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """What the caller is told; `replayed` where it was told before."""

    answer: Answer
    replayed: bool


class AddNote:
    """
    - A note is the next entry of the story, and never a status.
    - It is there once, however often the request is repeated under its key.
    - A payment that moves at the same moment is read again: neither loses its place.

    Raises:
        NotFound: there is no such payment, or it is somebody else's.
        KeyReused, KeyExpired: refused; nothing happened.
        Unavailable: nothing happened.
        InDoubt: it is not certain whether it is there; the same key will tell.
    """

    def __init__(
        self,
        *,
        payments: Payments,
        notes: Notes,
        sealer: Sealer,
        render: Callable[[Line, str], Answer],
        clock: Clock,
    ) -> None:
        self._payments = payments
        self._notes = notes
        self._sealer = sealer
        self._render = render
        self._clock = clock

    async def execute(self, request: NoteRequest, reader: Reader) -> Noted:
        while True:
            kept = await self._payments.find(request.payment_id)
            if kept is None or not reader.may_see(kept.payment):
                raise NotFound
            remark = self._remark(kept, request)
            answer = await self._notes.add(remark)
            if answer is None:  # it has moved since
                continue
            replayed = answer != remark.answer
            if not replayed:
                log.info("payment.noted", payment_id=str(request.payment_id), seq=remark.entry.seq)
            return Noted(answer, replayed)

    def _remark(self, kept: Kept, request: NoteRequest) -> Remark:
        note = Note(request.text, request.metadata)
        after = kept.payment.noted(self._clock.now())
        cause = Cause(CauseKind.REQUEST, request.request_id)
        entry = tell(kept.payment, after, cause, kept.head, note=notes.seal(note, after.id, self._sealer))
        line = Line(entry=entry, previous=kept.head, at=after.updated_at, note=note)
        return Remark(
            before=kept, after=after, entry=entry, answer=self._render(line, request.request_id), key=request.key
        )
