"""Before the first step: is this our server, in test mode, and does it take the token?"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from entrypoints.walk.shop import Shop
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import get

_SCOPES: Final = frozenset(
    {
        "payments:read",
        "payments:write",
        "refunds:read",
        "refunds:write",
        "methods:read",
        "methods:write",
        "history:write",
    }
)
_OK: Final = 200


class CannotBegin(Exception):
    """There is nothing to walk; the message says why."""


def claims(token: str) -> Mapping[str, Any]:
    """
    What a token says of itself; it is the server's to verify it.

    Raises:
        CannotBegin: it is no JWT of a user, or lacks scopes that the walk needs.
    """
    try:
        _, payload, _ = token.split(".")
        said = json.loads(base64.urlsafe_b64decode(payload + "=="))
        user, scopes = str(said["sub"]), frozenset(said["scopes"])
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise CannotBegin("API_KEY is no bearer token of this service: a JWT with `sub` and `scopes`") from None
    if missing := _SCOPES - scopes:
        raise CannotBegin(f"the token in API_KEY lacks {', '.join(sorted(missing))}")
    return {"sub": user, "scopes": scopes}


async def begin(tour: Tour, said: Mapping[str, Any]) -> Shop:
    """
    The shop, as this server serves it.

    Raises:
        CannotBegin: nobody answers, it is another service, it moves real money, or it refuses the token.
    """
    home = await tour.send(get("/").with_(token=False))
    if not home.status:
        raise CannotBegin(f"nobody answers: {home.content.decode()}")
    if home.status != _OK or home.at("service") != "payment-service":
        raise CannotBegin("what answers there is not a payment service: GET / says nothing of one")
    if home.at("mode") != "test":
        raise CannotBegin("it does not say that it is in test mode (GET /): it may move real money, and is not walked")
    types = await tour.send(get("/payment/types"))
    if types.status != _OK:
        raise CannotBegin(f"GET /payment/types: {types.status} {types.at('detail')}")
    return Shop(
        user=said["sub"],
        is_admin="admin" in said["scopes"],
        types={str(kind.get("type")): kind for kind in types.items},
    )
