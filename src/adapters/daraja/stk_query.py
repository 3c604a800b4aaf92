"""What became of a prompt: to be believed when it says yes, less when it says no; amount and receipt it never says."""

from datetime import datetime
from http import HTTPStatus
from typing import Final

import structlog

from adapters.daraja import refusals, wire
from adapters.daraja.connection import Answer, AnswerLost
from adapters.daraja.merchant import Merchant
from adapters.daraja.once import Once
from adapters.daraja.refusals import Meaning
from adapters.daraja.session import Session
from adapters.daraja.translation import SUCCESS, WAITING, ResultCodes
from application.ports.gateway import NothingSent
from application.ports.platform import Clock
from domain.evidence import Claim, Evidence, Source
from domain.payment import Payment, Report

log = structlog.get_logger()

PATH: Final = "/mpesa/stkpushquery/v1/query"
_UNDERSTOOD: Final = "0"


class StkQuery:
    """A question that fails proves nothing: it is logged, and the report is empty."""

    def __init__(self, session: Session, merchant: Merchant, clock: Clock) -> None:
        self._session = session
        self._merchant = merchant
        self._clock = clock
        self._codes = ResultCodes()
        self._told = Once()

    async def ask(self, payment: Payment, checkout_request_id: str) -> Report:
        """What Daraja knows of this prompt, as of when we asked."""
        asked = self._clock.now()
        signature = self._merchant.sign(asked)
        request = wire.StkQuery(
            shortcode=self._merchant.shortcode,
            password=signature.password,
            timestamp=signature.timestamp,
            checkout_request_id=checkout_request_id,
        )
        try:
            answer = await self._session.post(PATH, request)
        except (NothingSent, AnswerLost) as failure:
            log.warning("prompt_query.lost", payment_id=str(payment.id), why=type(failure).__name__)
            return Report()
        told = answer.read(wire.StkQueryAnswer) if answer.status == HTTPStatus.OK else None
        if told is None or not _is_about(told, checkout_request_id):
            return Report(evidence=self._refused(payment, answer, asked))
        return Report(evidence=self._result(str(told.result_code), asked))

    def _result(self, code: str, asked: datetime) -> tuple[Evidence, ...]:
        if code == SUCCESS:
            return (Evidence(claim=Claim.SUCCEEDED, source=Source.QUERY, at=asked, code=code),)
        if code in WAITING:
            return (_waits(code, asked),)
        return self._codes.failure(code, Source.QUERY, asked)

    def _refused(self, payment: Payment, answer: Answer, asked: datetime) -> tuple[Evidence, ...]:
        refused = refusals.read(answer, refusals.QUESTION)
        if refused.meaning is Meaning.BEING_PROCESSED:
            return (_waits(refused.code, asked),)
        facts = {"payment_id": str(payment.id), "status": answer.status, "code": refused.code}
        if refused.meaning is Meaning.MISCONFIGURED and self._told.first(refused.code or ""):
            log.error("daraja.misconfigured", **facts)
        else:
            log.warning("prompt_query.refused", **facts)
        return ()


def _waits(code: str | None, asked: datetime) -> Evidence:
    return Evidence(claim=Claim.REQUIRES_ACTION, source=Source.QUERY, at=asked, code=code)


def _is_about(told: wire.StkQueryAnswer, checkout_request_id: str) -> bool:
    understood = str(told.response_code) == _UNDERSTOOD
    return understood and told.checkout_request_id in {None, checkout_request_id}
