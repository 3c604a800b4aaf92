"""What gateways say: whoever only pretends to be one moves nothing."""

import asyncio
import json
import secrets
import time
from typing import Final

from entrypoints.walk.expectations import member, problem, status, told
from entrypoints.walk.shop import CANCELS, MPESA, Shop
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import Sent, get, post

#: Long enough for a worker to act on a hint.
_A_MOMENT_S: Final = 2.0


async def forged(tour: Tour, shop: Shop) -> None:
    paid = await tour.check("a payment", post("/payments", shop.purchase()), status(201))
    event = {
        "id": f"evt_{secrets.token_hex(8)}",
        "object": "event",
        "type": "payment_intent.payment_failed",
        "data": {"object": {"object": "payment_intent", "metadata": {"payment_id": paid.id}}},
    }
    signature = f"t={int(time.time())},v1={secrets.token_hex(32)}"
    stripe = _said("/webhooks/stripe", event)
    await tour.check(
        "a forged signature proves nothing",
        stripe.with_(headers={**stripe.headers, "Stripe-Signature": signature}),
        problem(400, "invalid-signature"),
    )
    await tour.check("none proves nothing", stripe, problem(400, "invalid-signature"))
    for end in ("", "/result", "/timeout"):
        await tour.check(
            "a path that was made for no payment is none",
            _said(f"/webhooks/mm/{secrets.token_hex(32)}{end}", _callback("ws_CO_1")),
            problem(404, "not-found"),
        )
    await tour.check("nor one of another form", _said("/webhooks/mm/1", {}), problem(404, "not-found"))
    thanks = (status(200), member("ResultCode", 0))
    await tour.check("the well-known path thanks anybody", _said("/webhooks/mpesa", _callback("ws_CO_1")), *thanks)
    await tour.check(
        "whatever it is told",
        Sent(method="POST", path="/webhooks/mpesa", content=b"<html>", token=False),
        *thanks,
    )
    await tour.until(
        "nothing has changed",
        get(f"/payments/{paid.id}"),
        told(status="SUCCEEDED", amount_captured=2500),
    )


async def hints(tour: Tour, shop: Shop) -> None:
    asked = await tour.check(
        "the phone is asked", post("/payments", shop.mpesa(CANCELS)), member("data.gateway", MPESA)
    )
    await tour.until(
        "its owner calls it off", get(f"/payments/{asked.id}"), told(status="CANCELLED", amount_captured=0)
    )
    await tour.check(
        "anybody may claim that it was paid",
        _said("/webhooks/mpesa", _callback(asked.id, amount=25)),
        status(200),
        member("ResultCode", 0),
    )
    await asyncio.sleep(_A_MOMENT_S)
    await tour.check(
        "nobody believes it",
        get(f"/payments/{asked.id}"),
        told(status="CANCELLED", amount_captured=0),
    )


def _said(path: str, body: object) -> Sent:
    return Sent(
        method="POST",
        path=path,
        content=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        token=False,
    )


def _callback(checkout_request: str, *, amount: int = 1) -> dict[str, object]:
    """A paid one, as Daraja spells it."""
    items = [{"Name": "Amount", "Value": amount}, {"Name": "MpesaReceiptNumber", "Value": "NLJ7RT61SV"}]
    stk = {
        "MerchantRequestID": "29115-34620561-1",
        "CheckoutRequestID": checkout_request,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {"Item": items},
    }
    return {"Body": {"stkCallback": stk}}
