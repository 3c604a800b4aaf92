"""The HTTP surface: which path is answered by what, and what lives as long as the process."""

from collections.abc import AsyncIterator

from aiohttp import web

from entrypoints.sandbox import behaviour
from entrypoints.sandbox.daraja import mischief, view
from entrypoints.sandbox.daraja.access import Access
from entrypoints.sandbox.daraja.b2c import B2C
from entrypoints.sandbox.daraja.background import Background
from entrypoints.sandbox.daraja.book import Book
from entrypoints.sandbox.daraja.courier import Courier
from entrypoints.sandbox.daraja.initiator import Initiator
from entrypoints.sandbox.daraja.merchant import Merchant
from entrypoints.sandbox.daraja.mischief import Mischief
from entrypoints.sandbox.daraja.pay_outs import PayOuts
from entrypoints.sandbox.daraja.prompts import Prompts
from entrypoints.sandbox.daraja.reversal import Reversal
from entrypoints.sandbox.daraja.settings import Settings
from entrypoints.sandbox.daraja.stk_push import StkPush
from entrypoints.sandbox.daraja.stk_query import StkQuery
from entrypoints.sandbox.daraja.transaction_status import TransactionStatus


def application(settings: Settings) -> web.Application:
    """The sandbox, ready to be served."""
    book = Book(settings.ledger)
    background = Background()
    ordered = Mischief()
    courier = Courier(book, ordered.behaviour, background)
    access = Access(book, settings)
    merchant = Merchant(settings)
    initiator = Initiator(settings.initiator_password)
    prompts = Prompts(book, courier, background, settings)
    push = StkPush(book, prompts, access, merchant, ordered)
    query = StkQuery(book, access, merchant, ordered)
    status = TransactionStatus(
        book=book,
        courier=courier,
        background=background,
        access=access,
        initiator=initiator,
        mischief=ordered,
        settings=settings,
    )
    pay_outs = PayOuts(book=book, courier=courier, background=background, mischief=ordered, settings=settings)
    reversal = Reversal(book, pay_outs, access, initiator)
    b2c = B2C(book, pay_outs, access, initiator)
    steer = behaviour.steering(ordered.behaviour)

    async def behave(request: web.Request) -> web.Response:
        answer = await steer(request)
        if ordered.takes_token_invalidation():
            await access.revoke()
        return answer

    async def reverse_outside(request: web.Request) -> web.Response:
        receipt = await pay_outs.reverse_outside(request.match_info["receipt"])
        return web.json_response({"receipt": receipt}, status=404 if receipt is None else 200)

    async def ledger(_: web.Request) -> web.Response:
        return web.json_response(view.of(book))

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def life(_: web.Application) -> AsyncIterator[None]:
        if settings.certificate_out:
            await initiator.hand_out_certificate(book, settings.certificate_out)
        courier.open()
        prompts.resume()
        status.resume()
        pay_outs.resume()
        yield
        await background.stop()
        await courier.close()
        book.close()

    app = web.Application(middlewares=[behaviour.misbehaving(ordered.behaviour, mischief.failure), ordered.gateway])
    app.cleanup_ctx.append(life)
    app.on_shutdown.append(push.silence.end)
    app.add_routes(
        [
            web.get("/oauth/v1/generate", access.generate, allow_head=False),
            web.post("/mpesa/stkpush/v1/processrequest", push.handle),
            web.post("/mpesa/stkpushquery/v1/query", query.handle),
            web.post("/mpesa/transactionstatus/v1/query", status.handle),
            web.post("/mpesa/reversal/v1/request", reversal.handle),
            web.post("/mpesa/b2c/v3/paymentrequest", b2c.handle),
            web.get("/_ledger", ledger),
            web.get("/_health", health),
            web.post("/_behave", behave),
            web.post("/_reverse/{receipt}", reverse_outside),
        ]
    )
    return app
