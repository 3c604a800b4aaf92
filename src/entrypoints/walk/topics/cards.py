"""Money by card: charged, declined, held, taken, released; with 3-D Secure, by wallet, by bank transfer."""

from entrypoints.walk.expectations import data, header, made, member, problem, status, there, told
from entrypoints.walk.shop import Shop
from entrypoints.walk.topics.service import timing
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import get, post


async def paying(tour: Tour, shop: Shop) -> None:
    body = shop.card(description="Walked", metadata={"order": {"items": ["Premium Plan"]}})
    paid = await tour.check(
        "a card is charged at once",
        post("/payments", body),
        made(status="SUCCEEDED", amount_captured=2500, amount_refundable=2500, metadata=body["metadata"]),
        member("data.paymentMethod.last4", "4242"),
        timing("gateway", "total"),
    )
    await tour.check(
        "it can be looked at", get(f"/payments/{paid.id}"), told(id=paid.id, status="SUCCEEDED", user_id=shop.user)
    )
    declined = await tour.check(
        "a declined card is told as such",
        post("/payments", shop.card("tok_chargeDeclined")),
        problem(402, "payment-declined"),
        data(status="FAILED", reason="declined", amount_captured=0),
    )
    await tour.check(
        "a declined payment is kept", get(f"/payments/{declined.id}"), told(status="FAILED", reason="declined")
    )
    await tour.check(
        "why it was declined is told",
        post("/payments", shop.card("tok_chargeDeclinedInsufficientFunds")),
        problem(402, "payment-declined"),
        data(reason="insufficient_funds"),
    )
    wallet = {"type": "WALLET", "token": "pm_card_visa"}
    await tour.check(
        "a wallet is charged at once", post("/payments", shop.card(paymentMethod=wallet)), made(status="SUCCEEDED")
    )


async def waiting(tour: Tour, shop: Shop) -> None:
    secured = await tour.check(
        "a bank that asks the customer first is waited for",
        post("/payments", shop.card("pm_card_authenticationRequired", return_url="https://shop.example/back")),
        made(status="REQUIRES_ACTION", amount_captured=0),
        member("data.next_action.type", "three_d_secure"),
        there("data.next_action.client_secret"),
    )
    await tour.check(
        "what waits for the customer is given up",
        post(f"/payments/{secured.id}/cancel", {}),
        told(status="CANCELLED", next_action=None),
    )
    transfer = {"type": "BANK_TRANSFER", "country": "DE"}
    announced = await tour.check(
        "a bank transfer comes with instructions",
        post("/payments", shop.card(paymentMethod=transfer, currency="EUR")),
        made(status="REQUIRES_ACTION"),
        member("data.next_action.type", "bank_transfer"),
        there("data.next_action.instructions"),
    )
    await tour.check(
        "so is a transfer that never came", post(f"/payments/{announced.id}/cancel"), told(status="CANCELLED")
    )


async def holding(tour: Tour, shop: Shop) -> None:
    rule = "money is held, not taken"
    held = post("/payments", shop.card(capture_method="manual"))
    partly = await tour.check(
        rule, held, made(status="AUTHORIZED", amount_captured=0), header("location"), there("data.capture_before")
    )
    capture = f"/payments/{partly.id}/capture"
    await tour.check(
        "no more is taken than is held",
        post(capture, {"amount": 2501}),
        problem(422, "invalid-request", field="amount"),
    )
    taken = post(capture, {"amount": 1000})
    await tour.check("a part of it is taken", taken, told(status="SUCCEEDED", amount_captured=1000))
    await tour.check("the same again says the same", taken, told(status="SUCCEEDED", amount_captured=1000))
    await tour.check("the rest is gone", post(capture, {"amount": 1500}), problem(409, "not-capturable"))
    await tour.check(
        "money that is taken is not cancelled",
        post(f"/payments/{partly.id}/cancel", {}),
        problem(409, "not-cancellable"),
    )
    wholly = await tour.check(
        rule, held.with_(body=shop.card(capture_method="manual")), made(status="AUTHORIZED", amount_captured=0)
    )
    await tour.check(
        "without an amount all of it is taken",
        post(f"/payments/{wholly.id}/capture"),
        told(status="SUCCEEDED", amount_captured=2500),
    )
    released = await tour.check(rule, held.with_(body=shop.card(capture_method="manual")), made(status="AUTHORIZED"))
    cancel = post(f"/payments/{released.id}/cancel", {})
    await tour.check("what is held is released", cancel, told(status="CANCELLED", amount_captured=0))
    await tour.check("again says the same", cancel, told(status="CANCELLED"))
    await tour.check(
        "what was released is not taken", post(f"/payments/{released.id}/capture", {}), problem(409, "not-capturable")
    )
    at_once = await tour.check("a card is charged at once", post("/payments", shop.card()), made(status="SUCCEEDED"))
    await tour.check(
        "what was never held is not captured", post(f"/payments/{at_once.id}/capture"), problem(409, "not-capturable")
    )
    await tour.check("it stays as it is", get(f"/payments/{at_once.id}"), status(200), data(amount_captured=2500))
