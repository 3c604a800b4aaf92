"""`POST /mpesa/stkpushquery/v1/query`: what became of a prompt, without amount or receipt."""

from typing import Final

from aiohttp import web

from entrypoints.sandbox.daraja import fields, refusals, results
from entrypoints.sandbox.daraja.access import Access
from entrypoints.sandbox.daraja.book import Book, Prompt
from entrypoints.sandbox.daraja.fields import Fields
from entrypoints.sandbox.daraja.merchant import Merchant
from entrypoints.sandbox.daraja.mischief import Mischief
from entrypoints.sandbox.daraja.refusals import Refused
from entrypoints.sandbox.daraja.subscribers import SCRIPTS

#: What a lying query says of a paid prompt.
_LIE: Final = results.CANCELLED


class StkQuery:
    """Reads a prompt's result out of the book."""

    def __init__(self, book: Book, access: Access, merchant: Merchant, mischief: Mischief) -> None:
        self._book = book
        self._access = access
        self._merchant = merchant
        self._mischief = mischief

    async def handle(self, request: web.Request) -> web.Response:
        """`ResponseCode` 0 means that the query was understood; `ResultCode`, a string here, is the answer."""
        self._access.check(request)
        body = await Fields.of(request, first="BusinessShortCode")
        self._merchant.check_shape(body, shortcode=fields.PARTY)
        checkout_request_id = body.text("CheckoutRequestID")
        self._merchant.authenticate(body)
        await self._book.write("query", checkout_request_id=checkout_request_id)
        prompt = self._book.prompts.get(checkout_request_id)
        if prompt is None:
            raise Refused(refusals.UNKNOWN_CHECKOUT)
        return web.json_response(self._answer(prompt))

    def _answer(self, prompt: Prompt) -> dict[str, str]:
        code = self._book.results.get(prompt.checkout_request_id)
        if code is None:
            if not SCRIPTS[prompt.script].says_4999:
                raise Refused(refusals.BEING_PROCESSED)
            code = results.STILL_PROCESSING
        if code == results.SUCCESS and self._mischief.query_lies:
            code = _LIE
        return {
            "ResponseCode": "0",
            "ResponseDescription": "The service request has been accepted successfully",
            "MerchantRequestID": prompt.merchant_request_id,
            "CheckoutRequestID": prompt.checkout_request_id,
            "ResultCode": code,
            "ResultDesc": results.description(code),
        }
