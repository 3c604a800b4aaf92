"""Reading again what is known already."""

from entrypoints.walk.expectations import Expected, data, header, made, no_body, status
from entrypoints.walk.shop import Shop
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import Answer, Lost, Sent, get, post


async def payments(tour: Tour, shop: Shop) -> None:
    asked = await tour.check("a payment", post("/payments", shop.purchase()), status(201))
    found = get(f"/payments/{asked.id}")
    await tour.until("it is paid", found, data(status="SUCCEEDED"))
    await _again(tour, found)


async def refunds(tour: Tour, shop: Shop) -> None:
    paid = await tour.check("a card is charged at once", post("/payments", shop.card()), made(status="SUCCEEDED"))
    back = await tour.check("it is given back", post("/refunds", {"payment_id": paid.id}), status(201))
    found = get(f"/refunds/{back.id}")
    await tour.until("it is back", found, data(status="SUCCEEDED"))
    await _again(tour, found)


async def _again(tour: Tour, found: Sent) -> None:
    await tour.check("it has a tag", found, status(200), header("etag"))
    await tour.after("the same as long as nothing changes", found, lambda first: (found, [status(200), _tag(first)]))
    await tour.after(
        "who has it is not sent it again",
        found,
        lambda first: (
            found.with_(headers={"If-None-Match": first.headers.get("etag", "")}),
            [status(304), no_body(), _tag(first)],
        ),
    )
    await tour.check(
        "who has another one is", found.with_(headers={"If-None-Match": '"another"'}), status(200), header("etag")
    )
    await tour.after(
        "its HEAD says the same",
        found,
        lambda first: (found.with_(method="HEAD"), [status(200), no_body(), _tag(first)]),
    )


def _tag(first: Answer) -> Expected:
    """
    Raises:
        Lost: the first has none.
    """
    if "etag" not in first.headers:
        raise Lost("an answer has no ETag")
    return header("etag", first.headers["etag"])
