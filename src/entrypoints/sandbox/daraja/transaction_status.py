"""`POST /mpesa/transactionstatus/v1/query`: asks now, and is told later at a URL of its own."""

import asyncio
import re
from typing import Final

from aiohttp import web

from entrypoints.sandbox.daraja import eat, fields, identifiers, results, shapes
from entrypoints.sandbox.daraja.access import Access
from entrypoints.sandbox.daraja.acknowledgement import acknowledged
from entrypoints.sandbox.daraja.background import Background
from entrypoints.sandbox.daraja.book import Book, Prompt, StatusRequest
from entrypoints.sandbox.daraja.courier import Courier
from entrypoints.sandbox.daraja.fields import Fields
from entrypoints.sandbox.daraja.initiator import Initiator
from entrypoints.sandbox.daraja.mischief import Mischief
from entrypoints.sandbox.daraja.pay_out_book import PayOut
from entrypoints.sandbox.daraja.refusals import invalid
from entrypoints.sandbox.daraja.settings import Settings
from entrypoints.sandbox.daraja.shapes import Found
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
                self._background.start(self._answer(asked, overdue=True))

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
            times_out=self._mischief.takes("status_timeouts"),
            asked_at=moment.isoformat(),
        )
        asked = self._book.status_requests[conversation_id]
        self._background.start(self._answer(asked, overdue=False))
        return acknowledged(asked.conversation_id, asked.originator_conversation_id)

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

    async def _answer(self, asked: StatusRequest, *, overdue: bool) -> None:
        await asyncio.sleep(self._settings.pay_after)
        url = asked.timeout_url if asked.times_out else asked.result_url
        about = {"conversation_id": asked.conversation_id, "step": 0}
        await self._courier.deliver(url, self._result(asked), overdue=overdue, **about)

    def _result(self, asked: StatusRequest) -> bytes:
        if asked.times_out:
            return shapes.timed_out(asked)
        if not asked.credential_is_valid:
            return shapes.status_failed(asked, results.INVALID_INITIATOR)
        found = self._find(asked)
        if found is None:
            return shapes.status_failed(asked, results.INVALID_TRANSACTION)
        return shapes.status_found(asked, found)

    def _find(self, asked: StatusRequest) -> Found | None:
        if asked.transaction_id:
            payment = self._book.receipt(asked.transaction_id)
            prompt = self._book.prompts[payment.checkout_request_id] if payment else None
            pay_out = self._book.out.find(receipt=asked.transaction_id)
        else:
            prompt = self._book.merchant_request(asked.original_conversation_id)
            pay_out = self._book.out.find(originator_conversation_id=asked.original_conversation_id)
        if prompt is not None:
            return self._prompt(prompt, asked)
        return self._pay_out(pay_out) if pay_out is not None else None

    def _prompt(self, prompt: Prompt, asked: StatusRequest) -> Found:
        payment = self._book.payments.get(prompt.checkout_request_id)
        return Found(
            debit=f"{prompt.phone} - Sandbox Customer",
            credit=f"{self._settings.shortcode} - Sandbox Merchant",
            account="MMF Account For Customer",
            reason="Pay Bill Online",
            originator_conversation_id=prompt.merchant_request_id,
            conversation_id=asked.conversation_id,
            state="Completed" if payment else self._state_unpaid(prompt),
            amount=prompt.amount,
            initiated=eat.stamp(prompt.sent_at),
            finalised=eat.stamp(payment.paid_at) if payment else None,
            receipt=payment.receipt if payment else None,
        )

    def _state_unpaid(self, prompt: Prompt) -> str:
        code = self._book.results.get(prompt.checkout_request_id)
        if code is None or SCRIPTS[prompt.script].pays:
            return "Initiated"
        return _STATES.get(code, "Declined")

    def _pay_out(self, pay_out: PayOut) -> Found:
        settled = self._book.out.settled.get(pay_out.conversation_id)
        paid = settled is not None and settled.result_code == results.SUCCESS
        return Found(
            debit=f"{pay_out.payer} - Sandbox Merchant",
            credit=f"{pay_out.phone} - Sandbox Customer",
            account="Utility Account",
            reason="Transaction Reversal" if pay_out.original else "Business Payment to Customer via API",
            originator_conversation_id=pay_out.originator_conversation_id,
            conversation_id=pay_out.conversation_id,
            state="Initiated" if settled is None else "Completed" if paid else "Declined",
            amount=pay_out.amount,
            initiated=eat.stamp(pay_out.asked_at),
            finalised=eat.stamp(settled.settled_at) if settled else None,
            receipt=settled.receipt if settled and paid else None,
        )
