"""Money by M-Pesa: a prompt on a phone, which is answered, refused or left alone."""

from entrypoints.walk.expectations import data, header, made, member, problem, status, there, told
from entrypoints.walk.shop import ANSWER_LOST, CANCELS, HAS_NO_MONEY, LEAVES_IT, Shop
from entrypoints.walk.topics.service import timing
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import get, post


async def paying(tour: Tour, shop: Shop) -> None:
    prompted = await tour.check(
        "the phone is asked",
        post("/payments", shop.mpesa()),
        made(status="REQUIRES_ACTION", amount_captured=0, gateway="mpesa"),
        member("data.next_action.type", "confirm_on_phone"),
        timing("gateway", "total"),
    )
    await tour.until(
        "its owner has paid, and M-Pesa's receipt is there",
        get(f"/payments/{prompted.id}"),
        told(status="SUCCEEDED", amount_captured=2500, next_action=None),
        there("data.receipt"),
    )
    for rule, does, ended, reason in (
        ("who has no money has not paid", HAS_NO_MONEY, "FAILED", "insufficient_funds"),
        ("who calls it off has not paid", CANCELS, "CANCELLED", "cancelled_by_payer"),
    ):
        asked = await tour.check(
            "the phone is asked", post("/payments", shop.mpesa(does)), made(status="REQUIRES_ACTION")
        )
        await tour.until(
            rule, get(f"/payments/{asked.id}"), told(status=ended, reason=reason, amount_captured=0, receipt=None)
        )


async def waiting(tour: Tour, shop: Shop) -> None:
    body = shop.mpesa(LEAVES_IT)
    open_ = await tour.check("the phone is asked", post("/payments", body), made(status="REQUIRES_ACTION"))
    await tour.check(
        "a phone shows one prompt at a time",
        post("/payments", shop.mpesa(paymentMethod=body["paymentMethod"])),
        problem(409, "phone-busy"),
        header("retry-after"),
    )
    await tour.check(
        "a prompt cannot be taken back", post(f"/payments/{open_.id}/cancel", {}), problem(409, "not-cancellable")
    )
    await tour.check(
        "nothing is held on a phone", post(f"/payments/{open_.id}/capture", {}), problem(409, "not-capturable")
    )
    await tour.check(
        "what is not paid cannot be refunded",
        post("/refunds", {"payment_id": open_.id}),
        problem(409, "not-refundable"),
    )
    lost = await tour.check(
        "an answer that M-Pesa never gave is not guessed",
        post("/payments", shop.mpesa(ANSWER_LOST)),
        status(202),
        data(status="UNKNOWN", amount_captured=0),
        header("retry-after"),
    )
    await tour.until("its end is found", get(f"/payments/{lost.id}"), told(status="SUCCEEDED", amount_captured=2500))
    await tour.check(
        "money cannot be held",
        post("/payments", shop.mpesa(capture_method="manual")),
        problem(422, "invalid-request", field="capture_method"),
    )
    await tour.check(
        "only shillings move",
        post("/payments", shop.mpesa(currency="USD")),
        problem(422, "invalid-request", field="currency"),
    )
    await tour.check(
        "only whole shillings move, and nothing is rounded",
        post("/payments", shop.mpesa(amount=1050)),
        problem(422, "invalid-request", field="amount"),
    )
    kes = next(iter(shop.types["MPESA"]["currencies"]))
    await tour.check(
        "no more than the limit moves",
        post("/payments", shop.mpesa(amount=kes["max_amount"] + kes["multiple_of"])),
        problem(422, "invalid-request", field="amount"),
    )
    elsewhere = {"type": "MPESA", "phoneNumber": "+4915112345678"}
    await tour.check(
        "a phone of another country is refused",
        post("/payments", shop.mpesa(paymentMethod=elsewhere)),
        problem(422, "invalid-request", field="paymentMethod.phoneNumber"),
    )
