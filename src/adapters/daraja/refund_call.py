"""A request that gives money back, and what its answer proves."""

from http import HTTPStatus
from typing import Final

import structlog

from adapters.daraja import refusals, wire
from adapters.daraja.connection import Answer, AnswerLost
from adapters.daraja.once import Once
from adapters.daraja.refusals import Meaning
from adapters.daraja.session import Session
from application.ports.gateway import NothingSent
from application.ports.platform import Clock
from domain.evidence import Claim, Evidence, Reason, Source
from domain.payment import ReferenceKind, Report
from domain.refund import Refund

log = structlog.get_logger()

_ACCEPTED: Final = "0"


class RefundCall:
    """
    Posts a reversal or a B2C payment, once. The money's fate comes by the result.

    A refusal is proof that nothing happened by *this* request: where an answer was lost before, it is no proof that
    nothing happened at all.
    """

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._told = Once()

    async def send(self, path: str, request: wire.Reversal | wire.B2C, refund: Refund) -> Report:
        """
        Whether M-Pesa took it.

        Raises:
            NothingSent: surely not.
        """
        try:
            answer = await self._session.post(path, request)
        except AnswerLost as lost:
            log.warning("refund.lost", refund_id=str(refund.id), why=str(lost))
            return self._says(Claim.LOST, Source.CLOCK)
        told = answer.read(wire.RefundAnswer) if answer.status == HTTPStatus.OK else None
        return self._refused(refund, answer) if told is None else self._answered(refund, told)

    def _answered(self, refund: Refund, told: wire.RefundAnswer) -> Report:
        code = str(told.response_code)
        if code != _ACCEPTED:
            log.warning("refund.refused", refund_id=str(refund.id), code=code)
            return self._failed(refund, code, Reason.GATEWAY_ERROR)
        if told.conversation_id is None:  # accepted, but under no name: only its result can tell
            log.warning("refund.lost", refund_id=str(refund.id), why="no ConversationID")
            return self._says(Claim.LOST, Source.CLOCK, code)
        log.info("refund.sent", refund_id=str(refund.id), channel=refund.channel)
        references = {ReferenceKind.CONVERSATION: told.conversation_id}
        originator = told.originator or told.originator_misspelt
        if originator is not None and ReferenceKind.ORIGINATOR_CONVERSATION not in refund.references:
            references[ReferenceKind.ORIGINATOR_CONVERSATION] = originator
        return self._says(Claim.PROCESSING, Source.ANSWER, code, references=references)

    def _refused(self, refund: Refund, answer: Answer) -> Report:
        refused = refusals.read(answer, refusals.REFUND)
        facts = {"refund_id": str(refund.id), "status": answer.status, "code": refused.code}
        match refused.meaning:
            case Meaning.NOT_EXECUTED:
                log.warning("refund.refused", **facts)
                raise NothingSent
            case Meaning.SENT_BEFORE:
                log.info("refund.sent_before", **facts)
                return self._says(Claim.PROCESSING, Source.ANSWER, refused.code)
            case Meaning.MISCONFIGURED:
                if self._told.first(refused.code or ""):
                    log.error("daraja.misconfigured", **facts)
                return self._failed(refund, refused.code, Reason.CONFIGURATION)
            case _:
                log.warning("refund.lost", **facts)
                return self._says(Claim.LOST, Source.CLOCK, refused.code)

    def _failed(self, refund: Refund, code: str | None, reason: Reason) -> Report:
        if refund.known.since(Claim.LOST) is not None:
            return Report()
        return self._says(Claim.FAILED, Source.ANSWER, code, reason)

    def _says(
        self,
        claim: Claim,
        source: Source,
        code: str | None = None,
        reason: Reason | None = None,
        references: dict[ReferenceKind, str] | None = None,
    ) -> Report:
        evidence = Evidence(claim=claim, source=source, at=self._clock.now(), code=code, reason=reason)
        return Report(evidence=(evidence,), references=references or {})
