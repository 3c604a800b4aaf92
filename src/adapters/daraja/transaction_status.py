"""Transaction Status: M-Pesa's own books, asked by receipt. The answer comes later, on a path made for it."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Protocol
from uuid import UUID

import structlog

from adapters.daraja import refusals, wire
from adapters.daraja.callback_base import CallbackBase
from adapters.daraja.connection import Answer, AnswerLost
from adapters.daraja.once import Once
from adapters.daraja.refusals import Meaning
from adapters.daraja.session import Session
from application.ports.gateway import NothingSent
from domain.payment import Payment
from domain.refund import Refund

log = structlog.get_logger()

PATH: Final = "/mpesa/transactionstatus/v1/query"
_ACCEPTED: Final = "0"


@dataclass(frozen=True, slots=True)
class Initiator:
    """
    An API operator. To ask it needs the role "Transaction Status query ORG API", to give money back "Org Reversals
    Initiator" and "ORG B2C API Initiator". See `security_credential`.
    """

    name: str
    credential: str = field(repr=False)


class FreshTokens(Protocol):
    """
    Callback tokens for questions that are asked after a payment began.

    Raises, from every method:
        Unavailable: the database cannot serve now.
    """

    async def issue(self, payment_id: UUID, refund_id: UUID | None = None) -> str:
        """
        A new token (256 bit, hex), durable before it is returned: a message on its path is about this payment, or
        about this refund of it.
        """
        ...

    async def bind(self, payment_id: UUID, conversation_id: str) -> None:
        """From here on a result that names this conversation answers our question about this payment."""
        ...


class TransactionStatus:
    """A question that fails proves nothing: it is logged, and asked again when the payment is next looked at."""

    def __init__(
        self,
        session: Session,
        *,
        initiator: Initiator,
        shortcode: str,
        callbacks: CallbackBase,
        fresh_tokens: FreshTokens,
    ) -> None:
        self._session = session
        self._initiator = initiator
        self._shortcode = shortcode
        self._callbacks = callbacks
        self._fresh_tokens = fresh_tokens
        self._told = Once()

    async def ask(self, payment: Payment, receipt: str) -> None:
        """
        Has the state of the transaction with this receipt told to us.

        Raises:
            Unavailable: there was no token to be had, or none to be bound.
        """
        token = await self._fresh_tokens.issue(payment.id)
        asked = await self._post(payment.id, token, receipt=receipt, party_a=self._shortcode)
        if asked is not None:
            await self._fresh_tokens.bind(payment.id, asked.conversation_id)

    async def ask_about(self, refund: Refund, name: str, shortcode: str) -> None:
        """
        Has the state of the reversal or B2C payment of this OriginatorConversationID, out of this account, told to us.

        Raises:
            Unavailable: there was no token to be had.
        """
        token = await self._fresh_tokens.issue(refund.payment_id, refund.id)
        await self._post(refund.payment_id, token, original=name, party_a=shortcode)

    async def _post(self, payment_id: UUID, token: str, **about: str) -> wire.Acknowledgement | None:
        request = wire.StatusRequest(
            initiator=self._initiator.name,
            security_credential=self._initiator.credential,
            result_url=self._callbacks.url(token, "/result"),
            timeout_url=self._callbacks.url(token, "/timeout"),
            **about,
        )
        try:
            answer = await self._session.post(PATH, request)
        except (NothingSent, AnswerLost) as failure:
            log.warning("transaction_status.lost", payment_id=str(payment_id), why=type(failure).__name__)
            return None
        told = answer.read(wire.Acknowledgement) if answer.status == HTTPStatus.OK else None
        if told is None or str(told.response_code) != _ACCEPTED:
            self._refused(payment_id, answer)
            return None
        return told

    def _refused(self, payment_id: UUID, answer: Answer) -> None:
        refused = refusals.read(answer, refusals.QUESTION)
        facts = {"payment_id": str(payment_id), "status": answer.status, "code": refused.code}
        if refused.meaning is Meaning.MISCONFIGURED and self._told.first(refused.code or ""):
            log.error("daraja.misconfigured", **facts)
        else:
            log.warning("transaction_status.refused", **facts)
