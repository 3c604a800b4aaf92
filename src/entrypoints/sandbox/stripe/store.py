"""
Everything the stand-in knows: an index over the ledger, which holds the objects themselves.

A request's changes are collected in a `Work` and committed as one group, so an answer, its objects, its events and its
idempotency record are all there after a kill, or none of them.
"""

import json
import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from entrypoints.sandbox.ledger import Entry, Ledger, Line, Place
from entrypoints.sandbox.stripe.errors import Json, encode, missing
from entrypoints.sandbox.stripe.ids import new_id

API_VERSION: Final = "2026-10-28.endive"
KEY_LIFETIME: Final = 24 * 3600

#: What lists of a kind can be narrowed by, kept in memory so that a list need not open every object.
_LABEL: Final = {
    "payment_intent": "customer",
    "payment_method": "customer",
    "customer": "email",
    "event": "type",
    "refund": "payment_intent",
}
_SHELF_OF_KIND: Final = {"charge_attempt": "charge", "charge_refunded": "charge"}
_OBJECTS: Final = ("payment_intent", "payment_method", "customer", "token", "charge", "refund", "event")


@dataclass(slots=True)
class Shelf:
    """Objects of one kind: where each stands, and their order in time."""

    places: dict[str, tuple[Place, int]] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    created: "array[int]" = field(default_factory=lambda: array("q"))
    labels: dict[int, str] = field(default_factory=dict)

    def add(self, key: str, place: Place, created: int, label: str | None) -> None:
        known = self.places.get(key)
        position = len(self.ids) if known is None else known[1]
        self.places[key] = (place, position)
        if known is None:
            self.ids.append(key)
            # Never backwards, whatever the clock does: lists are searched by it.
            self.created.append(max(created, self.created[-1]) if self.created else created)
        if label is not None:
            self.labels[position] = sys.intern(label)
        else:
            self.labels.pop(position, None)


@dataclass(frozen=True, slots=True)
class Saved:
    """The first answer under an idempotency key."""

    fingerprint: str
    status: int
    place: Place
    at: int


@dataclass(slots=True)
class Work:
    """What one request changes. Nothing of it is true before it is committed."""

    store: "Store"
    request_id: str
    key: str | None = None
    cause: str = ""
    now: int = field(default_factory=lambda: int(time.time()))
    objects: dict[tuple[str, str], tuple[str, Json, bytes, Json]] = field(default_factory=dict)
    events: list[tuple[str, str, bytes]] = field(default_factory=list)

    def keep(self, kind: str, thing: Json, **facts: Any) -> bytes:
        """What the object is now; returns it encoded. `facts` stand beside it in the ledger and are not shown."""
        text = encode(thing)
        shelf = _SHELF_OF_KIND.get(kind, kind)
        self.objects[shelf, thing["id"]] = (kind, thing, text, facts)
        return text

    def tell(self, event_type: str, thing: bytes) -> None:
        """An event: this happened to the object, which was then as encoded here."""
        event_id = new_id("evt")
        if not self.cause:
            self.cause = encode({"id": self.request_id, "idempotency_key": self.key}).decode()
        waiting = int(self.store.subscribed(event_type))
        # Assembled by hand: nothing in it but the cause needs escaping, and the object is encoded already.
        head = (
            f'{{"id":"{event_id}","object":"event","api_version":"{API_VERSION}","created":{self.now},"livemode":false,'
            f'"pending_webhooks":{waiting},"request":{self.cause},"type":"{event_type}","data":{{"object":'
        )
        self.events.append((event_id, event_type, b"".join((head.encode(), thing, b"}}"))))

    def find(self, kind: str, key: str) -> Json | None:
        """The object as this request sees it."""
        kept = self.objects.get((kind, key))
        return kept[1] if kept is not None else self.store.find(kind, key)

    def card_of(self, key: str) -> str | None:
        """The row in the table of cards behind a payment method."""
        kept = self.objects.get(("payment_method", key))
        facts = {} if kept is None else kept[3]
        card: str | None = facts.get("card") or self.store.cards.get(key)
        return card

    def get(self, kind: str, key: str) -> Json:
        """The same, or Stripe's 404."""
        found = self.find(kind, key)
        if found is None:
            raise missing(kind, key, "id" if kind != "payment_intent" else "intent")
        return found


class Store:
    """The index. Rebuilt from the ledger at every start."""

    def __init__(self, path: Path, subscribed: Callable[[str], bool]) -> None:
        self.subscribed = subscribed
        self.shelves = {kind: Shelf() for kind in _OBJECTS}
        self.keys: dict[tuple[str, str], Saved] = {}
        self.key_facts: list[Json] = []
        #: What a payment method or token does when charged: the row in the table of cards.
        self.cards: dict[str, str] = {}
        #: A payment method without a customer pays for one intent only: which one.
        self.used: dict[str, str] = {}
        #: Refunds that will not stay as they are, and when they turn (Unix seconds).
        self.turning: dict[str, float] = {}
        self.undelivered: dict[str, Place] = {}
        self.ledger = Ledger(path, self._remember)

    def find(self, kind: str, key: str) -> Json | None:
        text = self.text(kind, key)
        if text is None:
            return None
        found: Json = json.loads(text)
        return found

    def text(self, kind: str, key: str) -> bytes | None:
        """The object exactly as it was kept."""
        known = self.shelves[kind].places.get(key)
        return None if known is None else self.ledger.read(known[0])

    def all(self, kind: str) -> list[Json]:
        return [json.loads(self.ledger.read(place)) for place, _ in self.shelves[kind].places.values()]

    def commit(self, work: Work, answer: tuple[Json, bytes] | None) -> list[tuple[str, Place]]:
        """One group: objects, events, and the answer to remember. Returns the events that a webhook waits for."""
        lines: list[Line] = [
            (kind, {"id": thing["id"], **facts}, text) for kind, thing, text, facts in work.objects.values()
        ]
        for event_id, event_type, text in work.events:
            lines.append(("event", {"id": event_id, "type": event_type, "due": self.subscribed(event_type)}, text))
        if answer is not None:
            lines.append(("idempotency", *answer))
        if not lines:
            return []
        places = self.ledger.put(lines)
        for (kind, facts, _), place in zip(lines, places, strict=True):
            self._index(kind, facts, place, work)
        return [
            (event_id, self.undelivered[event_id]) for event_id, _, _ in work.events if event_id in self.undelivered
        ]

    async def delivered(self, event_id: str, *, accepted: bool) -> None:
        """The event's webhook is done with: accepted, or given up."""
        if self.undelivered.pop(event_id, None) is not None:
            await self.ledger.write("delivery", id=event_id, accepted=accepted)

    def _index(self, kind: str, facts: Json, place: Place | None, work: Work) -> None:
        assert place is not None  # noqa: S101  # for the type checker: all our lines but deliveries carry a document
        if kind == "idempotency":
            self._remember_key(facts, place)
        elif kind == "event":
            self._remember_object(kind, facts, place, work.now, facts["type"])
        else:
            thing = work.objects[_SHELF_OF_KIND.get(kind, kind), facts["id"]][1]
            self._remember_object(kind, facts, place, thing["created"], thing.get(_LABEL.get(kind, "")))

    def _remember(self, entry: Entry, place: Place | None) -> None:
        """An entry found at the start."""
        kind = entry["kind"]
        if kind == "delivery":
            self.undelivered.pop(entry["id"], None)
        elif place is not None and kind == "idempotency":
            self._remember_key(entry, place)
        elif place is not None:
            thing = entry["document"]
            self._remember_object(kind, entry, place, thing["created"], thing.get(_LABEL.get(kind, "")))

    def _remember_object(self, kind: str, facts: Json, place: Place, created: int, label: str | None) -> None:
        key = facts["id"]
        self.shelves[_SHELF_OF_KIND.get(kind, kind)].add(key, place, created, label)
        if facts.get("due"):
            self.undelivered[key] = place
        if "turns_at" in facts:
            self.turning[key] = facts["turns_at"]
        elif kind == "refund":
            self.turning.pop(key, None)
        if "card" in facts:
            self.cards[key] = sys.intern(facts["card"])
        if kind == "payment_intent" and facts.get("used"):
            self.used[facts["used"]] = key
        if kind == "payment_method" and facts.get("detached"):
            self.used[key] = "detached"

    def _remember_key(self, facts: Json, place: Place) -> None:
        saved = Saved(facts["fingerprint"], facts["status"], place, facts["created"])
        self.keys[facts["account"], facts["key"]] = saved
        self.key_facts.append({name: facts[name] for name in ("key", "path", "status", "created")})
