"""Tokens for development, as the auth service of production would make them."""

import time
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import jwt

from adapters.http.tokens import AUDIENCE, ISSUER
from entrypoints.local import DEVELOPMENT_TOKEN_AGE_S
from entrypoints.settings import AppEnv, ConfigurationError, Settings

#: The user of every example.
SOMEONE: Final = UUID("550e8400-e29b-41d4-a716-446655440000")
SCOPES: Final = (
    "payments:read",
    "payments:write",
    "refunds:read",
    "refunds:write",
    "methods:read",
    "methods:write",
    "history:write",
)


def development_token(settings: Settings, user: UUID, scopes: Sequence[str] = SCOPES) -> str:
    """
    A bearer token for `user`, good for a working day.

    Raises:
        ConfigurationError: this is production, or tokens are verified by published keys: the auth service makes them.
    """
    if settings.app_env is AppEnv.PRODUCTION or settings.jwt_secret is None:
        raise ConfigurationError("tokens are made here in development only, with JWT_SECRET")
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user),
        "iat": now,
        "exp": now + min(DEVELOPMENT_TOKEN_AGE_S, settings.jwt_max_age_seconds),
        "scopes": list(scopes),
    }
    return jwt.encode(claims, settings.jwt_secret, "HS256")
