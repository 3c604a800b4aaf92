"""`POST /mpesa/stkpush/v1/processrequest`: asks a customer, on the phone, for money."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from entrypoints.sandbox.daraja import eat, fields, identifiers, refusals, subscribers
from entrypoints.sandbox.daraja.access import Access
from entrypoints.sandbox.daraja.book import Book, Prompt
from entrypoints.sandbox.daraja.fields import Fields
from entrypoints.sandbox.daraja.merchant import Merchant
from entrypoints.sandbox.daraja.mischief import Mischief
from entrypoints.sandbox.daraja.prompts import Prompts
from entrypoints.sandbox.daraja.refusals import Refused, invalid
from entrypoints.sandbox.daraja.silence import Silence
from entrypoints.sandbox.daraja.subscribers import SCRIPTS, UNREACHED, Reply

PAYBILL: Final = "CustomerPayBillOnline"
TILL: Final = "CustomerBuyGoodsOnline"
LARGEST_AMOUNT: Final = 250_000
ACCOUNT_REFERENCE: Final = re.compile(r"[A-Za-z0-9]{1,12}")
DESCRIPTION: Final = re.compile(r".{1,13}")
#: M-Pesa takes the same amount from the same customer for a mistake this long.
TOO_SOON: Final = timedelta(minutes=2)


class StkPush:
    """Checks a push as Daraja does, sends the prompt, answers."""

    def __init__(self, book: Book, prompts: Prompts, access: Access, merchant: Merchant, mischief: Mischief) -> None:
        self._book = book
        self._prompts = prompts
        self._access = access
        self._merchant = merchant
        self._mischief = mischief
        self.silence = Silence()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The answer says only that a prompt is on its way; about money it says nothing."""
        self._access.check(request)
        body = await Fields.of(request, first="BusinessShortCode")
        amount = self._check(body)
        self._merchant.authenticate(body)
        phone = body.text("PhoneNumber")
        if nothing := UNREACHED.get(phone[-4:]):
            return nothing.answer()
        prompt = await self._send(body, phone, amount)
        return await self._reply(request, prompt)

    def _check(self, body: Fields) -> int:
        self._merchant.check_shape(body, shortcode=fields.SHORTCODE)
        body.one_of("TransactionType", PAYBILL, TILL)
        amount = int(body.text("Amount", fields.WHOLE_NUMBER))
        if amount > LARGEST_AMOUNT:
            raise invalid("Amount")
        body.text("PartyA", fields.PHONE)
        body.text("PartyB", fields.PARTY)
        body.text("PhoneNumber", fields.PHONE)
        body.url("CallBackURL")
        body.text("AccountReference", ACCOUNT_REFERENCE)
        body.optional("TransactionDesc", DESCRIPTION)
        return amount

    async def _send(self, body: Fields, phone: str, amount: int) -> Prompt:
        moment = eat.now()
        checkout_request_id = identifiers.checkout_request_id(moment, phone)
        while checkout_request_id in self._book.prompts:
            moment += timedelta(milliseconds=1)
            checkout_request_id = identifiers.checkout_request_id(moment, phone)
        if not self._book.lock(phone, checkout_request_id):
            raise Refused(refusals.SUBSCRIBER_LOCKED)
        await self._book.write(
            "prompt",
            checkout_request_id=checkout_request_id,
            merchant_request_id=identifiers.request_id(),
            phone=phone,
            amount=amount,
            account_reference=body.text("AccountReference"),
            callback_url=body.text("CallBackURL"),
            script=self._script(body, phone, amount, moment),
            sent_at=moment.isoformat(),
        )
        return self._book.prompts[checkout_request_id]

    def _script(self, body: Fields, phone: str, amount: int, moment: datetime) -> str:
        if body.text("TransactionType") == PAYBILL and body.text("PartyB") != self._merchant.shortcode:
            return subscribers.NOT_PERMITTED
        if self._mischief.result_17 and self._book.paid_since(moment - TOO_SOON, phone, amount):
            return subscribers.TOO_SOON
        return self._prompts.script_for(phone)

    async def _reply(self, request: web.Request, prompt: Prompt) -> web.StreamResponse:
        life = self._prompts.follow(prompt)
        match SCRIPTS[prompt.script].reply:
            case Reply.INTERNAL_ERROR:
                return refusals.INTERNAL_ERROR.answer()
            case Reply.NEVER:
                await self.silence.keep(request)
            case Reply.AFTER_THE_CALLBACK:
                await asyncio.shield(life)
            case Reply.ACCEPTED:
                pass
        return web.json_response(_accepted(prompt))


def _accepted(prompt: Prompt) -> dict[str, str]:
    return {
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": prompt.checkout_request_id,
        "ResponseCode": "0",
        "ResponseDescription": "Success. Request accepted for processing",
        "CustomerMessage": "Success. Request accepted for processing",
    }
