"""Events: what happened, for those whose webhook never arrived."""

from typing import Final

from entrypoints.sandbox.stripe.answers import PAGING, page
from entrypoints.sandbox.stripe.api import Answer, Call
from entrypoints.sandbox.stripe.errors import invalid
from entrypoints.sandbox.stripe.forms import FLAG, LIST, TEXT, Shape, shaped

_LIST: Final[Shape] = {**PAGING, "type": TEXT, "types": LIST, "delivery_success": FLAG}
_MOST_TYPES: Final = 20


def listing(call: Call) -> Answer:
    """GET /v1/events, newest first; `type` may end in `*`."""
    params = shaped(call.params, _LIST)
    types = params.get("types")
    if types is not None and "type" in params:
        raise invalid("You may only specify one of these parameters: type, types.", "type")
    if types is not None and len(types) > _MOST_TYPES:
        raise invalid(f"You can only specify up to {_MOST_TYPES} types.", "types")
    wanted = types if types is not None else [params["type"]] if "type" in params else None

    def wants(event_type: str | None) -> bool:
        name = event_type or ""
        return wanted is None or any(name == one or (one[-1:] == "*" and name.startswith(one[:-1])) for one in wanted)

    return page(call, "event", wants, params)
