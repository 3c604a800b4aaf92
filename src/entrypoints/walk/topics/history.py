"""The story of a payment: whole, in order, provable; and what people add to it."""

import json
from hashlib import sha256
from typing import Any, Final

from entrypoints.walk.expectations import Expected, header, member, problem, status, that, there
from entrypoints.walk.shop import Shop, fresh, unknown_id
from entrypoints.walk.topics.repeats import same_bytes
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import Answer, get, post

_GENESIS: Final = "00" * 32
#: What is told with an entry and is no part of it.
_BESIDE: Final = {"hash", "previous_hash", "note", "metadata"}


async def of_a_payment(tour: Tour, shop: Shop) -> None:
    paid = await _paid(tour, shop)
    story = get(f"/payment-history/{paid}")
    await tour.check(
        "all that happened, oldest first",
        story,
        status(200),
        member("data.0.seq", 1),
        member("data.0.was", None),
        member("data.0.payment_id", paid),
        there("data.0.cause.kind", "data.0.at"),
        _ends("SUCCEEDED"),
        member("metadata.verified", True),
    )
    await tour.check("each entry hashes all before it", story, _chain())
    await _notes(tour, paid)
    await tour.check("the chain holds with the notes in it", story, member("metadata.verified", True), _chain())
    await tour.check("of an unknown payment", get(f"/payment-history/{unknown_id()}"), problem(404, "not-found"))
    await tour.check("an id that is none", get("/payment-history/1"), problem(400, "malformed-id"))


async def of_a_user(tour: Tour, shop: Shop) -> None:
    await _paid(tour, shop)
    path = f"/payment-history/user/{shop.user}"
    first = await tour.check(
        "what happened to all of one's payments, newest first",
        get(path, limit=2),
        status(200),
        _newest_first(),
        member("metadata.limit", 2),
        there("metadata.next_cursor"),
    )
    cursor = str(first.need("metadata.next_cursor"))
    seen = [(item.get("payment_id"), item.get("seq")) for item in first.items]
    await tour.check(
        "the cursor leads on",
        get(path, limit=1, cursor=cursor),
        status(200),
        that(
            "another entry",
            lambda answer: (
                [(item.get("payment_id"), item.get("seq")) not in seen for item in answer.items] == [True],
                f"{len(answer.items)} entry of {_payments(answer)}",
            ),
        ),
    )
    await tour.check("and nowhere else", get("/payments", cursor=cursor), problem(400, "invalid-cursor"))
    await tour.check("a forged cursor is refused", get(path, cursor=cursor[::-1]), problem(400, "invalid-cursor"))
    await tour.check("no page of 101", get(path, limit=101), problem(400, "invalid-parameter", field="limit"))
    await tour.check("by time", get(path, start_date="2999-01-01"), status(200), member("data", []))


async def _notes(tour: Tour, paid: str) -> None:
    before = await tour.send(get(f"/payments/{paid}"))
    body = {"payment_id": paid, "note": "Paid at the counter, too: call back", "metadata": {"agent": "Eve"}}
    noted = post("/payment-history", body, key=fresh("key"))
    first = await tour.check(
        "a note joins the story",
        noted,
        status(201),
        member("data.note", body["note"]),
        member("data.metadata", body["metadata"]),
        member("data.payment_id", paid),
        header("location"),
    )
    await tour.check(
        "the same again is the first answer",
        noted,
        status(201),
        same_bytes(first),
        header("idempotent-replayed", "true"),
    )
    await tour.check(
        "it is told in its place, once",
        get(f"/payment-history/{paid}"),
        that("one note", lambda answer: (_notes_in(answer) == [body["note"]], f"{len(_notes_in(answer))} note(s)")),
    )
    await tour.check(
        "it changes nothing else",
        get(f"/payments/{paid}"),
        *(member(f"data.{name}", before.at(f"data.{name}")) for name in ("status", "amount_captured", "amount")),
    )
    for rule, fault, field in (
        ("it has no place for a status", {"status": "FAILED"}, "status"),
        ("it must say something", {"note": ""}, "note"),
        ("it must say whose it is", {"payment_id": "1"}, "payment_id"),
    ):
        await tour.check(rule, post("/payment-history", body | fault), problem(422, "invalid-request", field=field))
    await tour.check(
        "of an unknown payment",
        post("/payment-history", body | {"payment_id": unknown_id()}),
        problem(404, "not-found"),
    )


async def _paid(tour: Tour, shop: Shop) -> str:
    made = await tour.check("a payment", post("/payments", shop.purchase()), status(201))
    await tour.until("it is paid", get(f"/payments/{made.id}"), member("data.status", "SUCCEEDED"))
    return made.id


def _chain() -> Expected:
    def seen(answer: Answer) -> tuple[bool, str]:
        wrong = _broken_at(answer.items)
        if not answer.items:
            return False, "no entries"
        return wrong is None, f"broken at {wrong}" if wrong else f"{len(answer.items)} entries, all of them right"

    return that("every hash, computed again", seen)


def _broken_at(entries: list[dict[str, Any]]) -> int | None:
    """The place of the first entry that is missing or altered."""
    head, status_before = _GENESIS, None
    for place, entry in enumerate(entries, start=1):
        bare = {name: value for name, value in entry.items() if name not in _BESIDE}
        text = json.dumps(bare, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        digest = sha256(bytes.fromhex(head) + text.encode()).hexdigest()
        linked = (entry.get("previous_hash"), entry.get("hash")) == (head, digest)
        if not linked or (entry.get("seq"), entry.get("was")) != (place, status_before):
            return place
        head, status_before = digest, entry.get("status")
    return None


def _ends(wanted: str) -> Expected:
    def seen(answer: Answer) -> tuple[bool, str]:
        last = answer.items[-1].get("status") if answer.items else None
        return last == wanted, f"ends {last}"

    return that(f"ends {wanted}", seen)


def _newest_first() -> Expected:
    def seen(answer: Answer) -> tuple[bool, str]:
        times = [str(item.get("at")) for item in answer.items]
        return bool(times) and times == sorted(times, reverse=True), ", ".join(times)

    return that("newest first", seen)


def _notes_in(answer: Answer) -> list[str]:
    return [item["note"] for item in answer.items if "note" in item]


def _payments(answer: Answer) -> str:
    return ", ".join(str(item.get("payment_id"))[:8] for item in answer.items)
