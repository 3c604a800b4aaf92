"""What every route asks of a request before it looks at it: it takes JSON, and its query says nothing unknown."""

from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request

from adapters.http.headers import values
from adapters.http.refusals import NotAcceptable, UnknownParameter

#: From the least to the most specific: the most specific that a caller names decides.
_RANGES: Final = ("*/*", "application/*", "application/problem+json", "application/json")
_MOST_PARAMETERS: Final = 50


async def check_manners(request: Request[Any, Any, Any]) -> None:
    """
    Litestar's `before_request`. A route names its query parameters in `opt["parameters"]`. OPTIONS asks about a route
    and not of it: a browser sends the query of the request that it has in mind.

    Raises:
        UnknownParameter: the query has another one, or one twice.
        NotAcceptable: the caller takes no JSON.
    """
    if request.method == "OPTIONS":
        return
    query = request.scope["query_string"]
    if query:
        _check_query(query, request.route_handler.opt.get("parameters", frozenset()))
    accepted = values(request.scope, b"accept")
    if accepted and not takes_json(b",".join(accepted)):
        raise NotAcceptable


def _check_query(query: bytes, known: frozenset[str]) -> None:
    try:
        names = [
            name
            for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
        ]
    except ValueError as error:
        raise UnknownParameter from error
    if len(set(names)) < len(names) or not known.issuperset(names) or not names:
        raise UnknownParameter


@lru_cache(maxsize=256)
def takes_json(accept: bytes) -> bool:
    """Whether an Accept header takes `application/json` or a problem (RFC 9110 12.5.1)."""
    weights = dict(_weighed(part) for part in accept.decode("latin-1").lower().split(","))
    named = [weights[media] for media in _RANGES if media in weights]
    return bool(named) and named[-1] > 0


def _weighed(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip() for piece in part.split(";"))
    quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    try:
        return media, float(quality)
    except ValueError:
        return media, 0.0
