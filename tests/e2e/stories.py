"""A payment's history, checked by hand: the product's own word for "verified" is not taken for it."""

import json
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from adapters.postgres.connection import connected

_GENESIS: Final = "00" * 32
#: What is told with an entry and is no part of it.
_BESIDE: Final = {"hash", "previous_hash", "note", "metadata"}


def check_told(answer: dict[str, Any]) -> list[Any]:
    """What the API tells of a story is a whole chain, and it says so; gives the entries."""
    entries: list[Any] = answer["data"]
    assert answer["metadata"]["verified"] is True
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert entries[0]["previous_hash"] == _GENESIS
    assert all(before["hash"] == after["previous_hash"] for before, after in pairwise(entries))
    assert all(before["status"] == after["was"] for before, after in pairwise(entries))
    for entry in entries:
        told = {name: value for name, value in entry.items() if name not in _BESIDE}
        body = json.dumps(told, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
        assert sha256(bytes.fromhex(entry["previous_hash"]) + body).hexdigest() == entry["hash"]
    return entries


async def check_kept(owner_dsn: str, payment_id: UUID | str) -> int:
    """What the database keeps is the same chain, its head and its events; gives the number of entries."""
    # One snapshot: an entry may join while we look.
    async with connected(owner_dsn) as owner, owner.transaction(isolation="repeatable_read", readonly=True):
        rows = await owner.fetch(
            "SELECT seq, body, hash FROM payment_history WHERE payment_id = $1 ORDER BY 1", payment_id
        )
        kept = await owner.fetchrow("SELECT history_head, version, status FROM payments WHERE id = $1", payment_id)
        events = await owner.fetch("SELECT seq FROM outbox WHERE payment_id = $1 ORDER BY 1", payment_id)
    assert kept is not None
    head = bytes(32)
    for row in rows:
        head = sha256(head + row["body"]).digest()
        assert row["hash"] == head
    assert (kept["history_head"], kept["version"]) == (head, len(rows))
    assert json.loads(rows[-1]["body"])["status"] == kept["status"]
    assert [row["seq"] for row in rows] == [event["seq"] for event in events] == list(range(1, len(rows) + 1))
    return len(rows)


async def ids_of(owner_dsn: str, user: UUID) -> list[str]:
    """All payments that were ever made for this user, oldest first."""
    # One snapshot: an entry may join while we look.
    async with connected(owner_dsn) as owner, owner.transaction(isolation="repeatable_read", readonly=True):
        rows = await owner.fetch("SELECT id FROM payments WHERE user_id = $1 ORDER BY id", user)
    return [str(row["id"]) for row in rows]


async def state_of(owner_dsn: str, event_id: str) -> str | None:
    """What became of a webhook: `waiting`, `done`, `parked`, or it never came."""
    async with connected(owner_dsn) as owner:
        state: str | None = await owner.fetchval("SELECT state FROM webhook_inbox WHERE event_id = $1", event_id)
    return state


async def status_of(owner_dsn: str, payment_id: str) -> str:
    """The payment's status as it is kept, while there is no API to ask."""
    async with connected(owner_dsn) as owner:
        status: str = await owner.fetchval("SELECT status FROM payments WHERE id = $1", payment_id)
    return status
