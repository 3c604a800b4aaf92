"""What settings may not be, as tables: each rule names the variable to mend, and never repeats its value."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from adapters.daraja.callback_base import FORBIDDEN_WORDS, CallbackBase
from adapters.daraja.translation import Confirm
from adapters.encryption import MasterKeys
from adapters.http.key_sets import KeysUnreadable, key_source, read_key_set
from adapters.http.keys import SHORTEST_SECRET

if TYPE_CHECKING:  # settings are checked by these rules, and the rules are about settings
    from entrypoints.settings import Settings

Rule = tuple[str, Callable[["Settings"], bool]]

#: A look later than this after a payment began is not planned but a mistake, in seconds.
_LATEST_CHECK: Final = 30 * 24 * 3600
_LIVE_DARAJA: Final = "api.safaricom.co.ke"
#: Where no address of Daraja's is set, the sandbox on this machine is meant: it calls plain http.
_STAND_IN: Final = "http://127.0.0.1"
#: How many different ones there must be.
_PORTS: Final = 4
_ORIGIN: Final = re.compile(
    r"(?P<scheme>https?)://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::(?P<port>[1-9][0-9]{0,4}))?", re.ASCII
)
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}

EVERYWHERE: Final[Sequence[Rule]] = (
    (
        "LEASE_SECONDS must be more than twice the longest gateway time-out",
        lambda s: s.lease_seconds > 2 * max(s.stripe_timeout_seconds, s.mpesa_timeout_seconds),
    ),
    ("JWT_JWKS and JWT_SECRET cannot both be set", lambda s: not (s.jwt_jwks and s.jwt_secret)),
    (
        f"JWT_SECRET must have at least {SHORTEST_SECRET} bytes",
        lambda s: s.jwt_secret is None or len(s.jwt_secret.encode()) >= SHORTEST_SECRET,
    ),
    ("API_URL must be an http or https URL", lambda s: s.api_url is None or _is_web(s.api_url)),
    ("DOCS_URL must be an http or https URL", lambda s: _is_web(s.docs_url)),
    (
        "CORS_ORIGINS must be origins such as https://shop.example, as browsers spell them, separated by commas",
        lambda s: all(_is_origin(origin) for origin in s.origins),
    ),
    (
        "STRIPE_SECRET_KEY must begin with sk_ or rk_",
        lambda s: s.stripe_secret_key is None or s.stripe_secret_key.startswith(("sk_", "rk_")),
    ),
    (
        "CHECK_AFTER_SECONDS must be seconds, rising, separated by commas",
        lambda s: _rises(s.check_after_seconds),
    ),
    (
        "ENCRYPTION_KEYS must be name:base64 of 32 bytes, comma separated, each under a name of its own",
        lambda s: s.encryption_keys is None or _are_master_keys(s.encryption_keys),
    ),
    (
        "MPESA_CONSUMER_KEY, MPESA_CONSUMER_SECRET, MPESA_PASSKEY and MPESA_SHORTCODE must be set together",
        lambda s: _all_or_none(s.mpesa_consumer_key, s.mpesa_consumer_secret, s.mpesa_passkey, s.mpesa_shortcode),
    ),
    (
        "MPESA_BASE_URL and MPESA_CALLBACK_URL must be set with MPESA_CONSUMER_KEY",
        lambda s: not s.has_mpesa or bool(s.mpesa_base_url and s.mpesa_callback_url),
    ),
    (
        "MPESA_INITIATOR_NAME, MPESA_INITIATOR_PASSWORD and MPESA_CERTIFICATE must be set together",
        lambda s: _all_or_none(s.mpesa_initiator_name, s.mpesa_initiator_password, s.mpesa_certificate),
    ),
    (
        "MPESA_CONFIRM=status and MPESA_B2C_SHORTCODE need MPESA_INITIATOR_NAME and MPESA_CERTIFICATE",
        lambda s: (
            not (s.mpesa_confirm is Confirm.STATUS or s.mpesa_b2c_shortcode) or s.mpesa_initiator_name is not None
        ),
    ),
    ("DATABASE_URL must be postgres://user:password@host:port/name", lambda s: _is_dsn(s.database_url)),
    ("DATABASE_OWNER_URL must be postgres://user:password@host:port/name", lambda s: _is_dsn(s.database_owner_url)),
    ("DATABASE_URL and DB_HOST cannot both be set", lambda s: not (s.database_url and s.db_host)),
    ("DB_USER must be set with DB_HOST", lambda s: not s.db_host or bool(s.db_user)),
    ("DATABASE_READ_URL must be postgres://user:password@host:port/name", lambda s: _is_dsn(s.database_read_url)),
    (
        "DATABASE_READ_URL and DB_READ_HOST cannot both be set",
        lambda s: not (s.database_read_url and s.db_read_host),
    ),
    (
        "DB_READ_HOST must be set with DB_READ_PORT, DB_READ_NAME, DB_READ_USER and DB_READ_PASSWORD",
        lambda s: bool(s.db_read_host) or not any((s.db_read_port, s.db_read_name, s.db_read_user, s.db_read_password)),
    ),
    (
        "DATABASE_URL (or DB_HOST) must be set with DATABASE_READ_URL or DB_READ_HOST",
        lambda s: s.dsn is not None or not (s.database_read_url or s.db_read_host),
    ),
)

#: What every serving process needs, wherever it runs.
SERVING: Final[Sequence[Rule]] = (
    (
        "JWT_JWKS must be an https URL (http on this machine), or the path of a file with a JWK set",
        lambda s: s.jwt_jwks is None or _is_key_set(s.jwt_jwks),
    ),
    (
        f"MPESA_CALLBACK_URL must be https (http for a sandbox), and Daraja refuses: {', '.join(FORBIDDEN_WORDS)}",
        lambda s: s.mpesa_callback_url is None or _is_callback(s.mpesa_callback_url, s.mpesa_base_url),
    ),
)

OUTSIDE_PRODUCTION: Final[Sequence[Rule]] = (
    (
        "STRIPE_SECRET_KEY is a live key, which moves real money: it needs APP_ENV=production",
        lambda s: not s.stripe_livemode,
    ),
    (
        "MPESA_BASE_URL is the address for real money: it needs APP_ENV=production",
        lambda s: urlsplit(s.mpesa_base_url or "").hostname != _LIVE_DARAJA,
    ),
    (
        "PORT, DOCS_PORT, SANDBOX_STRIPE_PORT and SANDBOX_DARAJA_PORT must be different ports",
        lambda s: len({s.port, s.docs_port, s.sandbox_stripe_port, s.sandbox_daraja_port}) == _PORTS,
    ),
)

PRODUCTION_DATABASE: Final[Sequence[Rule]] = (
    ("DATABASE_URL (or DB_HOST, DB_USER, DB_PASSWORD) must be set", lambda s: s.dsn is not None),
)

PRODUCTION: Final[Sequence[Rule]] = (
    ("ENCRYPTION_KEYS must be set", lambda s: s.encryption_keys is not None),
    ("JWT_JWKS must be set", lambda s: s.jwt_jwks is not None),
    ("JWT_SECRET is for development; production verifies with JWT_JWKS", lambda s: s.jwt_secret is None),
    ("STRIPE_SECRET_KEY or MPESA_CONSUMER_KEY must be set", lambda s: s.has_stripe or s.has_mpesa),
    ("STRIPE_SECRET_KEY must be a live key", lambda s: not s.has_stripe or s.stripe_livemode),
    (
        "STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET must be set together",
        lambda s: s.has_stripe == bool((s.stripe_webhook_secret or "").strip(", ")),
    ),
    ("STRIPE_BASE_URL must be https", lambda s: _is_https(s.stripe_base_url)),
    ("MPESA_BASE_URL must be https, and not Safaricom's sandbox", lambda s: _is_live_daraja(s.mpesa_base_url)),
    ("MPESA_CALLBACK_URL must be this service's public https address", lambda s: _is_https(s.mpesa_callback_url)),
    ("CORS_ORIGINS must be https", lambda s: all(_is_https(origin) for origin in s.origins)),
)


def broken(settings: "Settings", *, to_serve: bool, to_store: bool) -> list[str]:
    """
    Every rule that does not hold. `to_serve` False leaves out what only a serving process needs, `to_store` False the
    database.
    """
    in_production = settings.app_env == "production"
    rules = [*EVERYWHERE, *(PRODUCTION_DATABASE if in_production and to_store else ())]
    if to_serve:
        rules += [*SERVING, *(PRODUCTION if in_production else OUTSIDE_PRODUCTION)]
    return [message for message, holds in rules if not holds(settings)]


def _rises(checks: str) -> bool:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,3})?(,\d{1,9}(\.\d{1,3})?)*", checks):
        return False
    moments = [float(part) for part in checks.split(",")]
    return moments[0] > 0 and moments[-1] <= _LATEST_CHECK and all(one < next_ for one, next_ in pairwise(moments))


def _are_master_keys(keys: str) -> bool:
    names = [part.partition(":")[0].strip() for part in keys.split(",") if part.strip()]
    try:
        MasterKeys.parse(keys)
    except ValueError:
        return False
    return len(names) == len(set(names))


def _all_or_none(*values: object) -> bool:
    return all(values) or not any(values)


def _is_dsn(url: str | None) -> bool:
    if url is None:
        return True
    try:
        parts = urlsplit(url)
        return parts.scheme in {"postgres", "postgresql"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # a password with an unescaped character, mostly
        return False


def _is_https(url: str | None) -> bool:
    return url is None or (url.startswith("https://") and bool(urlsplit(url).hostname))


def _is_live_daraja(url: str | None) -> bool:
    return _is_https(url) and "sandbox" not in (url or "")


def _is_callback(url: str, daraja: str | None) -> bool:
    try:
        CallbackBase.of(url, daraja=daraja or _STAND_IN)
    except ValueError:
        return False
    return True


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_origin(text: str) -> bool:
    """Scheme, host and port in the one spelling that browsers have: lower case, a default port left out."""
    found = _ORIGIN.fullmatch(text)
    return found is not None and found["port"] != _DEFAULT_PORTS[found["scheme"]]


def _is_key_set(location: str) -> bool:
    try:
        key_source(location)
        if "://" not in location:
            read_key_set(Path(location).read_bytes())
    except (ValueError, OSError, KeysUnreadable, httpx.InvalidURL):
        return False
    return True
