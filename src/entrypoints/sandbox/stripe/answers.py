"""What endpoints answer with: an object, a page of a list, or either with some ids replaced by their objects."""

import itertools
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import Any, Final

from entrypoints.sandbox.stripe.api import Answer, Call
from entrypoints.sandbox.stripe.errors import Json, encode, invalid, missing
from entrypoints.sandbox.stripe.forms import LIST, TEXT, WHOLE, Shape, shaped
from entrypoints.sandbox.stripe.store import Shelf, Work

#: The fields that hold an id, and what it is the id of.
_EXPANDABLE: Final = {
    "latest_charge": "charge",
    "charge": "charge",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
    "customer": "customer",
}
_MOST: Final = 100

PAGING: Final[Shape] = {
    "limit": WHOLE,
    "starting_after": TEXT,
    "ending_before": TEXT,
    "created": {"gt": WHOLE, "gte": WHOLE, "lt": WHOLE, "lte": WHOLE},
    "expand": LIST,
}


def answered(call: Call, text: bytes, expand: list[str] | None) -> Answer:
    """This object, expanded if asked."""
    if not expand:
        return Answer(200, text)
    return Answer(200, encode(expanded(call.work, json.loads(text), expand)))


def expanded(work: Work, thing: Json, paths: list[str]) -> Json:
    """The object with the ids on these paths replaced by what they name."""
    for path in paths:
        name, _, rest = path.partition(".")
        kind = _EXPANDABLE.get(name)
        if kind is None or name not in thing:
            raise invalid(f"This property cannot be expanded ({path}).", "expand")
        if isinstance(thing[name], str):
            thing[name] = work.find(kind, thing[name])
        if rest and isinstance(thing[name], dict):
            expanded(work, thing[name], [rest])
    return thing


def retrieve(kind: str, shape: Shape | None = None) -> Callable[[Call], Answer]:
    """GET /v1/<kind>s/{id}."""
    known = shape or {"expand": LIST}

    def endpoint(call: Call) -> Answer:
        expand = shaped(call.params, known).get("expand")
        text = call.store.text(kind, call.ids["id"])
        if text is None:
            raise missing(kind, call.ids["id"], "intent" if kind == "payment_intent" else "id")
        return answered(call, text, expand)

    return endpoint


def page(call: Call, kind: str, wanted: Callable[[str | None], bool], params: Json) -> Answer:
    """
    A page, newest first, of the objects whose label (see the store) is wanted.

    `starting_after` gives what is older than it, `ending_before` what is newer, in each case the nearest.
    """
    shelf = call.store.shelves[kind]
    limit = params.get("limit", 10)
    if not 1 <= limit <= _MOST:
        raise invalid(f"This value must be between 1 and {_MOST}.", "limit", "parameter_invalid_integer")
    if "starting_after" in params and "ending_before" in params:
        raise invalid("You cannot parameterize both starting_after and ending_before.")
    found = list(
        itertools.islice((p for p in _positions(shelf, kind, params) if wanted(shelf.labels.get(p))), limit + 1)
    )
    has_more, found = len(found) > limit, found[:limit]
    if "ending_before" in params:
        found.reverse()
    things = [_at(call, kind, shelf, position) for position in found]
    for path in params.get("expand", []):
        _expand_all(call, things, path)
    return Answer(200, encode({"object": "list", "data": things, "has_more": has_more, "url": f"/v1/{kind}s"}))


def listing(kind: str, label: str | None = None) -> Callable[[Call], Answer]:
    """GET /v1/<kind>s, perhaps narrowed by one label."""
    shape = PAGING if label is None else {**PAGING, label: TEXT}

    def endpoint(call: Call) -> Answer:
        params = shaped(call.params, shape)
        value = params.get(label) if label is not None else None
        return page(call, kind, lambda found: value is None or found == value, params)

    return endpoint


def _positions(shelf: Shelf, kind: str, params: Json) -> Iterator[int]:
    created: dict[str, int] = params.get("created", {})
    first, end = 0, len(shelf.ids)
    bounds: dict[str, Any] = {"gt": bisect_right, "gte": bisect_left, "lt": bisect_left, "lte": bisect_right}
    for name, moment in created.items():
        position = bounds[name](shelf.created, moment)
        first, end = (max(first, position), end) if name in {"gt", "gte"} else (first, min(end, position))
    if "ending_before" in params:
        first = max(first, _position(shelf, kind, params, "ending_before") + 1)
        return iter(range(first, end))
    if "starting_after" in params:
        end = min(end, _position(shelf, kind, params, "starting_after"))
    return iter(range(end - 1, first - 1, -1))


def _position(shelf: Shelf, kind: str, params: Json, cursor: str) -> int:
    known = shelf.places.get(params[cursor])
    if known is None:
        raise missing(kind, params[cursor], cursor, 400)
    return known[1]


def _at(call: Call, kind: str, shelf: Shelf, position: int) -> Json:
    found = call.store.find(kind, shelf.ids[position])
    return found if found is not None else {}


def _expand_all(call: Call, things: list[Json], path: str) -> None:
    name, _, rest = path.partition(".")
    if name != "data" or not rest:
        raise invalid(
            f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}'.", "expand"
        )
    for thing in things:
        expanded(call.work, thing, [rest])
