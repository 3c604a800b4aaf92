"""`POST /mpesa/reversal/v1/request`: gives a whole payment back."""

import re
from typing import Final

from aiohttp import web

from entrypoints.sandbox.daraja import fields, identifiers
from entrypoints.sandbox.daraja.access import Access
from entrypoints.sandbox.daraja.book import Book
from entrypoints.sandbox.daraja.fields import Fields
from entrypoints.sandbox.daraja.initiator import Initiator
from entrypoints.sandbox.daraja.pay_outs import PayOuts

_REMARKS: Final = re.compile(r".{2,100}", re.DOTALL)
_OCCASION: Final = re.compile(r".{1,100}", re.DOTALL)
#: An organisation's shortcode, as this API counts.
_SHORTCODE: Final = "11"


class Reversal:
    """Checks the request's form; M-Pesa's own books decide later. It takes no name of the merchant's own."""

    def __init__(self, book: Book, pay_outs: PayOuts, access: Access, initiator: Initiator) -> None:
        self._book = book
        self._pay_outs = pay_outs
        self._access = access
        self._initiator = initiator

    async def handle(self, request: web.Request) -> web.Response:
        """The key is `RecieverIdentifierType`: spelt correctly it is missing."""
        self._access.check(request)
        body = await Fields.of(request, first="RecieverIdentifierType")
        self._check(body)
        original = body.text("TransactionID")
        payment = self._book.receipt(original)
        return await self._pay_outs.take(
            originator_conversation_id=identifiers.request_id(),
            original=original,
            payer=body.text("ReceiverParty"),
            phone=payment.phone if payment else "",
            amount=int(body.text("Amount")),
            credential_is_valid=self._initiator.accepts(body.text("SecurityCredential")),
            result_url=body.url("ResultURL"),
            timeout_url=body.url("QueueTimeOutURL"),
        )

    def _check(self, body: Fields) -> None:
        body.text("Initiator")
        body.text("SecurityCredential", fields.BASE64)
        body.one_of("CommandID", "TransactionReversal")
        body.text("TransactionID")
        body.text("Amount", fields.WHOLE_NUMBER)
        body.text("ReceiverParty", fields.PARTY)
        body.one_of("RecieverIdentifierType", _SHORTCODE)
        body.url("ResultURL")
        body.url("QueueTimeOutURL")
        body.text("Remarks", _REMARKS)
        body.optional("Occasion", _OCCASION)
