"""The prompt on the customer's phone: sent once, whatever comes back."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog

from adapters.daraja import refusals, wire
from adapters.daraja.callback_base import CallbackBase
from adapters.daraja.connection import Answer, AnswerLost
from adapters.daraja.merchant import Merchant
from adapters.daraja.once import Once
from adapters.daraja.refusals import Meaning
from adapters.daraja.session import Session
from application.ports.gateway import NothingSent, Operation
from application.ports.platform import Clock
from domain.evidence import Claim, Evidence, Reason, Source
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import msisdn

log = structlog.get_logger()

PATH: Final = "/mpesa/stkpush/v1/processrequest"
ACCEPTED: Final = "0"
#: `TransactionDesc` in full; more is refused.
_DESCRIPTION: Final = 13
NEXT_ACTION: Final[Mapping[str, Any]] = {
    "type": "confirm_on_phone",
    "message": "Enter your M-Pesa PIN on the phone to pay.",
}


class StkPush:
    """Lipa na M-Pesa Online. It takes no idempotency key: what may have arrived is never sent again."""

    def __init__(self, session: Session, merchant: Merchant, callbacks: CallbackBase, clock: Clock) -> None:
        self._session = session
        self._merchant = merchant
        self._callbacks = callbacks
        self._clock = clock
        self._told = Once()

    async def send(self, payment: Payment, operation: Operation) -> Report:
        """
        Whether a prompt is on its way; about money the answer says nothing.

        Raises:
            NothingSent: surely none is.
        """
        request = self._request(payment, operation)
        try:
            answer = await self._session.post(PATH, request)
        except AnswerLost as lost:
            log.warning("prompt.lost", payment_id=str(payment.id), why=str(lost))
            return self._lost()
        accepted = answer.read(wire.StkPushAnswer) if answer.status == HTTPStatus.OK else None
        if accepted is None:
            return self._refused(payment, answer)
        return self._answered(payment, accepted)

    def _request(self, payment: Payment, operation: Operation) -> wire.StkPush:
        if operation.callback_token is None:
            raise ValueError("A prompt needs the callback token it was prepared with")
        signature = self._merchant.sign(self._clock.now())
        phone = msisdn(payment.method.phone)
        return wire.StkPush(
            shortcode=self._merchant.shortcode,
            password=signature.password,
            timestamp=signature.timestamp,
            transaction_type=self._merchant.transaction_type,
            amount=_shillings(payment),
            party_a=phone,
            party_b=self._merchant.party_b,
            phone=phone,
            callback_url=self._callbacks.url(operation.callback_token),
            account_reference=payment.references[ReferenceKind.ACCOUNT_REFERENCE],
            description=_description(payment.description),
        )

    def _answered(self, payment: Payment, told: wire.StkPushAnswer) -> Report:
        code, name = str(told.response_code), told.checkout_request_id
        references = {} if name is None else {ReferenceKind.CHECKOUT_REQUEST: name}
        if code != ACCEPTED:
            log.warning("prompt.refused", payment_id=str(payment.id), code=code)
            return Report(evidence=(self._failed(code, Reason.GATEWAY_ERROR),), references=references)
        if name is None:  # accepted, but nobody can ask for it: only its callback can tell
            log.warning("prompt.lost", payment_id=str(payment.id), why="no CheckoutRequestID")
            return self._lost(code)
        log.info("prompt.sent", payment_id=str(payment.id))
        waits = Evidence(claim=Claim.REQUIRES_ACTION, source=Source.ANSWER, at=self._clock.now(), code=code)
        return Report(evidence=(waits,), references=references, next_action=NEXT_ACTION)

    def _refused(self, payment: Payment, answer: Answer) -> Report:
        refused = refusals.read(answer, refusals.PUSH)
        facts = {"payment_id": str(payment.id), "status": answer.status, "code": refused.code}
        if refused.meaning is Meaning.NOT_EXECUTED:
            log.warning("prompt.refused", **facts)
            raise NothingSent
        if refused.meaning is Meaning.MISCONFIGURED:
            if self._told.first(refused.code or ""):
                log.error("daraja.misconfigured", **facts)
            return Report(evidence=(self._failed(refused.code, Reason.CONFIGURATION),))
        log.warning("prompt.lost", **facts)
        return self._lost(refused.code)

    def _failed(self, code: str | None, reason: Reason) -> Evidence:
        return Evidence(claim=Claim.FAILED, source=Source.ANSWER, at=self._clock.now(), code=code, reason=reason)

    def _lost(self, code: str | None = None) -> Report:
        lost = Evidence(claim=Claim.LOST, source=Source.CLOCK, at=self._clock.now(), code=code)
        return Report(evidence=(lost,))


def _shillings(payment: Payment) -> int:
    amount = payment.money.whole_units()
    if amount is None or payment.money.currency != "KES":
        raise ValueError("M-Pesa moves whole shillings")  # `check` was not asked: never round
    return amount


def _description(text: str | None) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", " ", text or "").strip()
    return plain[:_DESCRIPTION].strip() or "Payment"
