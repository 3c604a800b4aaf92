"""`POST /mpesa/b2c/v3/paymentrequest`: pays a customer out of the shop's own account."""

import re
from typing import Final

from aiohttp import web

from entrypoints.sandbox.daraja import fields, refusals
from entrypoints.sandbox.daraja.access import Access
from entrypoints.sandbox.daraja.book import Book
from entrypoints.sandbox.daraja.fields import Fields
from entrypoints.sandbox.daraja.initiator import Initiator
from entrypoints.sandbox.daraja.pay_outs import PayOuts
from entrypoints.sandbox.daraja.refusals import Refused

#: The portal's table says less than 20, its own sample has 25.
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,25}")
_REMARKS: Final = re.compile(r".{2,100}", re.DOTALL)
_OCCASION: Final = re.compile(r".{1,100}", re.DOTALL)


class B2C:
    """Checks the request's form; M-Pesa's own books decide later. No two requests may have one name."""

    def __init__(self, book: Book, pay_outs: PayOuts, access: Access, initiator: Initiator) -> None:
        self._book = book
        self._pay_outs = pay_outs
        self._access = access
        self._initiator = initiator

    async def handle(self, request: web.Request) -> web.Response:
        """The merchant's own name comes back with everything that is told about it."""
        self._access.check(request)
        body = await Fields.of(request, first="InitiatorName")
        self._check(body)
        name = body.text("OriginatorConversationID")
        if not self._book.out.take_name(name):
            raise Refused(refusals.DUPLICATE_NAME)
        return await self._pay_outs.take(
            originator_conversation_id=name,
            original="",
            payer=body.text("PartyA"),
            phone=body.text("PartyB"),
            amount=int(body.text("Amount")),
            credential_is_valid=self._initiator.accepts(body.text("SecurityCredential")),
            result_url=body.url("ResultURL"),
            timeout_url=body.url("QueueTimeOutURL"),
        )

    def _check(self, body: Fields) -> None:
        body.text("OriginatorConversationID", _NAME)
        body.text("InitiatorName")
        body.text("SecurityCredential", fields.BASE64)
        body.one_of("CommandID", "SalaryPayment", "BusinessPayment", "PromotionPayment")
        body.text("Amount", fields.WHOLE_NUMBER)
        body.text("PartyA", fields.SHORTCODE)
        body.text("PartyB", fields.PHONE)
        body.text("Remarks", _REMARKS)
        body.url("QueueTimeOutURL")
        body.url("ResultURL")
        body.optional("Occassion", _OCCASION)
