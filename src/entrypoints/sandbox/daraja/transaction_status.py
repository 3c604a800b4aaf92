"""`POST /mpesa/transactionstatus/v1/query`: asks now, and is told later at a URL of its own."""

import asyncio
import re
from typing import Final

from aiohttp import web

from entrypoints.sandbox.daraja import eat, fields, identifiers, results, shapes
from entrypoints.sandbox.daraja.access import Access
from entrypoints.sandbox.daraja.background import Background
from entrypoints.sandbox.daraja.book import Book, Payment, Prompt, StatusRequest
from entrypoints.sandbox.daraja.courier import Courier
from entrypoints.sandbox.daraja.fields import Fields
from entrypoints.sandbox.daraja.initiator import Initiator
from entrypoints.sandbox.daraja.mischief import Mischief
from entrypoints.sandbox.daraja.refusals import invalid
from entrypoints.sandbox.daraja.settings import Settings
from entrypoints.sandbox.daraja.subscribers import SCRIPTS

_REMARKS: Final = re.compile(r".{2,100}", re.DOTALL)
_OCCASION: Final = re.compile(r".{1,100}", re.DOTALL)
#: How M-Pesa's own books call the end of a prompt that was not paid; `Declined` is the rest.
_STATES: Final = {
    results.CANCELLED: "Cancelled",
    results.EXPIRED: "Expired",
    results.UNREACHABLE: "Expired",
}


class TransactionStatus:
    """Acknowledges a question at once and posts the result when M-Pesa has looked."""

    def __init__(
        self,
        *,
        book: Book,
        courier: Courier,
        background: Background,
        access: Access,
        initiator: Initiator,
        mischief: Mischief,
        settings: Settings,
    ) -> None:
        self._book = book
        self._courier = courier
        self._background = background
        self._access = access
        self._initiator = initiator
        self._mischief = mischief
        self._settings = settings

    def resume(self) -> None:
        """Answers what an earlier process acknowledged and did not answer."""
        for asked in self._book.status_requests.values():
            if not self._book.steps_done[asked.conversation_id]:
                self._background.start(self._answer(asked))

    async def handle(self, request: web.Request) -> web.Response:
        """The acknowledgement; whether the initiator may ask at all is only told by the result."""
        self._access.check(request)
        body = await Fields.of(request, first="Initiator")
        self._check(body)
        moment = eat.now()
        conversation_id = identifiers.conversation_id(moment)
        await self._book.write(
            "status_request",
            conversation_id=conversation_id,
            originator_conversation_id=identifiers.request_id(),
            transaction_id=body.optional("TransactionID", fields.ANYTHING),
            original_conversation_id=body.optional("OriginalConversationID", fields.ANYTHING),
            credential_is_valid=self._initiator.accepts(body.text("SecurityCredential")),
            result_url=body.url("ResultURL"),
            timeout_url=body.url("QueueTimeOutURL"),
            times_out=self._mischief.takes_status_timeout(),
            asked_at=moment.isoformat(),
        )
        asked = self._book.status_requests[conversation_id]
        self._background.start(self._answer(asked))
        return web.json_response(
            {
                "OriginatorConversationID": asked.originator_conversation_id,
                "ConversationID": asked.conversation_id,
                "ResponseCode": "0",
                "ResponseDescription": "Accept the service request successfully.",
            }
        )

    def _check(self, body: Fields) -> None:
        body.text("Initiator")
        body.text("SecurityCredential", fields.BASE64)
        body.one_of("CommandID", "TransactionStatusQuery")
        if not (
            body.optional("TransactionID", fields.ANYTHING) or body.optional("OriginalConversationID", fields.ANYTHING)
        ):
            raise invalid("TransactionID")
        body.text("PartyA")
        body.one_of("IdentifierType", "1", "2", "4")
        body.url("ResultURL")
        body.url("QueueTimeOutURL")
        body.text("Remarks", _REMARKS)
        body.optional("Occasion", _OCCASION)

    async def _answer(self, asked: StatusRequest) -> None:
        await asyncio.sleep(self._settings.pay_after)
        url = asked.timeout_url if asked.times_out else asked.result_url
        await self._courier.deliver(url, self._result(asked), conversation_id=asked.conversation_id, step=0)

    def _result(self, asked: StatusRequest) -> bytes:
        if asked.times_out:
            return shapes.status_timed_out(asked)
        if not asked.credential_is_valid:
            return shapes.status_failed(asked, results.INVALID_INITIATOR)
        prompt, payment = self._find(asked)
        if prompt is None:
            return shapes.status_failed(asked, results.INVALID_TRANSACTION)
        return shapes.status_found(
            asked,
            prompt=prompt,
            payment=payment,
            state=self._state(prompt, payment),
            shortcode=self._settings.shortcode,
        )

    def _find(self, asked: StatusRequest) -> tuple[Prompt | None, Payment | None]:
        if asked.transaction_id:
            payment = self._book.receipt(asked.transaction_id)
            return (self._book.prompts[payment.checkout_request_id], payment) if payment else (None, None)
        prompt = self._book.merchant_request(asked.original_conversation_id)
        return prompt, self._book.payments.get(prompt.checkout_request_id) if prompt else None

    def _state(self, prompt: Prompt, payment: Payment | None) -> str:
        if payment:
            return "Completed"
        code = self._book.results.get(prompt.checkout_request_id)
        if code is None or SCRIPTS[prompt.script].pays:
            return "Initiated"
        return _STATES.get(code, "Declined")
