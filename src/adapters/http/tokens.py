"""One token: is it ours, is it in time, whom does it name?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import jwt
import msgspec

from adapters.http.keys import Keys
from adapters.http.refusals import Unauthenticated
from adapters.http.resource_id import CANONICAL

ISSUER: Final = "auth-service"
AUDIENCE: Final = "payment-service"
#: How far the issuer's clock may be from ours, in seconds.
LEEWAY: Final = 5.0

_TYPES: Final = frozenset({"jwt", "at+jwt"})
#: Headers that change how a token is read, and that no token of ours has.
_REFUSED_HEADERS: Final = ("b64", "crit", "zip")
#: A time after the year 5000 is a mistake.
_LATEST: Final = 100_000_000_000

#: Times are checked here: PyJWT takes them as text, too, and of any size.
_OPTIONS: Final[Any] = {
    "require": ["iss", "aud", "sub", "exp", "iat", "scopes"],
    "strict_aud": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}

_WHY: Final[Mapping[type[jwt.PyJWTError], str]] = {
    jwt.InvalidSignatureError: "signature of the token is wrong",
    jwt.InvalidAlgorithmError: "token's algorithm (alg) is not that of its key",
    jwt.InvalidKeyError: "token's algorithm (alg) is not that of its key",
    jwt.InvalidIssuerError: "token's issuer (iss) is not the one we trust",
    jwt.InvalidAudienceError: "token's audience (aud) is not this service",
    jwt.MissingRequiredClaimError: "token lacks a claim: it needs iss, aud, sub, exp, iat and scopes",
    jwt.PyJWTError: "token cannot be read",
}


class _Claims(msgspec.Struct):
    sub: str
    scopes: list[str]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a valid token says."""

    user_id: UUID
    scopes: frozenset[str]
    expires_at: float


async def verify(token: str, keys: Keys, *, now: float, max_age: float) -> Verified:
    """
    What `token` says, if a key of ours signed it and it is in time.

    Raises:
        Unauthenticated: not so; says why, without repeating any of it.
        Unavailable: there are no keys to verify it by.
    """
    try:
        header = jwt.get_unverified_header(token)
        _check_header(header)
        key = await keys.find(header.get("kid"))
        if key is None:
            raise Unauthenticated("token's key (kid) is unknown")
        claims = jwt.decode(
            token, key.material, algorithms=[key.algorithm], issuer=ISSUER, audience=AUDIENCE, options=_OPTIONS
        )
    except jwt.PyJWTError as error:
        raise Unauthenticated(next(_WHY[cls] for cls in type(error).__mro__ if cls in _WHY)) from error
    expires_at = _check_times(claims, now=now, max_age=max_age)
    try:
        typed = msgspec.convert(claims, _Claims, strict=True)
    except msgspec.ValidationError as error:
        raise Unauthenticated("token's sub must be a string and its scopes a list of strings") from error
    if not CANONICAL.fullmatch(typed.sub):
        raise Unauthenticated("token's subject (sub) is not a UUID in lower case")
    return Verified(UUID(typed.sub), frozenset(typed.scopes), expires_at)


def _check_header(header: Mapping[str, Any]) -> None:
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise Unauthenticated("token's type (typ) is not JWT")
    if any(name in header for name in _REFUSED_HEADERS):
        raise Unauthenticated("token has headers that are not understood here")


def _check_times(claims: Mapping[str, Any], *, now: float, max_age: float) -> float:
    times = [claims[name] for name in ("exp", "iat", "nbf") if name in claims]
    if not all(type(moment) in {int, float} and 0 <= moment < _LATEST for moment in times):
        raise Unauthenticated("token's times (exp, iat, nbf) are not numbers of seconds")
    expires_at, issued_at = float(claims["exp"]), float(claims["iat"])
    if now >= expires_at + LEEWAY:
        raise Unauthenticated("token has expired")
    if max(issued_at, claims.get("nbf", 0)) > now + LEEWAY:
        raise Unauthenticated("token is not yet valid")
    if not 0 < expires_at - issued_at <= max_age:
        raise Unauthenticated("token lives longer than is allowed here")
    return expires_at
