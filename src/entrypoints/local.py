"""What development needs and nobody wants to configure: `.local/` with secrets, the embedded database, the sandbox."""

import json
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Final
from urllib.parse import unquote, urlsplit

import asyncpg
import msgspec

from adapters.postgres import migrate
from adapters.postgres.connection import Connection, connected
from adapters.postgres.embedded import EmbeddedPostgres, Running
from adapters.postgres.partitions import prepare
from adapters.system import SystemClock
from entrypoints.settings import AppEnv, ConfigurationError, Settings

#: The stand-in of Daraja knows one merchant; these open nothing but that process.
_SANDBOX_MERCHANT: Final = {
    "mpesa_consumer_key": "sandbox-consumer-key",
    "mpesa_consumer_secret": "sandbox-consumer-secret",
    # Published by Safaricom for its sandbox's shortcode.
    "mpesa_passkey": "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919",
    "mpesa_shortcode": "174379",
}
_SANDBOX_STRIPE_KEY: Final = "sk_test_sandbox"
_SANDBOX_INITIATOR: Final = {
    "mpesa_initiator_name": "sandbox-initiator",
    "mpesa_initiator_password": "sandbox-initiator-password",
    "mpesa_b2c_shortcode": "600992",
}
#: A token of development is good for a working day.
DEVELOPMENT_TOKEN_AGE_S: Final = 12 * 3600


def furnished(settings: Settings) -> Settings:
    """
    In development, whatever is missing: secrets from `.local/` (made once), and the sandbox for gateway keys.

    Elsewhere, the settings as they are.

    Raises:
        ConfigurationError: LOCAL_DIR cannot be one.
    """
    if settings.app_env is not AppEnv.DEVELOPMENT:
        return settings
    try:
        secrets = _secrets(settings.local_dir)
    except OSError as why:
        raise ConfigurationError(f"LOCAL_DIR must be a folder that we may write to: {why.strerror}") from None
    made = secrets | {"cors_origins": _docs_pages(settings)}
    missing: dict[str, object] = {name: value for name, value in made.items() if getattr(settings, name) is None}
    if settings.docs_url == Settings().docs_url:
        missing["docs_url"] = f"http://127.0.0.1:{settings.docs_port}"
    if settings.jwt_jwks is not None:
        missing.pop("jwt_secret", None)
    else:
        missing["jwt_max_age_seconds"] = max(settings.jwt_max_age_seconds, DEVELOPMENT_TOKEN_AGE_S)
    if not settings.has_stripe and not settings.has_mpesa:
        missing |= _SANDBOX_MERCHANT | {
            "stripe_secret_key": _SANDBOX_STRIPE_KEY,
            "stripe_base_url": f"http://127.0.0.1:{settings.sandbox_stripe_port}",
            "mpesa_base_url": f"http://127.0.0.1:{settings.sandbox_daraja_port}",
            "mpesa_callback_url": settings.mpesa_callback_url or f"http://127.0.0.1:{settings.port}",
        }
    return with_initiator(msgspec.structs.replace(settings, **missing))


def with_initiator(settings: Settings) -> Settings:
    """With the sandbox, once it has published its certificate: money can be given back to M-Pesa customers, too."""
    certificate = sandbox_certificate(settings)
    if not uses_sandbox(settings) or not certificate.exists():
        return settings
    return msgspec.structs.replace(settings, **_SANDBOX_INITIATOR, mpesa_certificate=certificate)


def sandbox_certificate(settings: Settings) -> Path:
    """Where the stand-in of Daraja puts what an initiator's password is encrypted for."""
    return settings.local_dir / "daraja.pem"


def uses_sandbox(settings: Settings) -> bool:
    """Whether the gateways are the stand-ins on this machine."""
    return settings.stripe_secret_key == _SANDBOX_STRIPE_KEY


@asynccontextmanager
async def reached(dsn: str) -> AsyncIterator[Connection]:
    """
    A connection to the database.

    Raises:
        ConfigurationError: there is no such server, or it does not let us in.
    """
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(connected(dsn))
        except (OSError, asyncpg.PostgresError) as why:
            parts = urlsplit(dsn)
            role = unquote(parts.username or "")
            said = getattr(why, "strerror", None) or str(why) or "no answer"
            raise ConfigurationError(
                f"the database at {parts.hostname}:{parts.port or 5432} cannot be used as {role} ({said}): "
                "look at DATABASE_URL, or DB_HOST and what follows it"
            ) from None
        yield connection


@contextmanager
def local_database(settings: Settings) -> Iterator[Settings]:
    """
    The settings with a database: the configured one, a running embedded one, or one started for as long as this lasts.

    Raises:
        ConfigurationError: none is configured, and this is not development.
        ServerError: the embedded one cannot be started.
    """
    if settings.dsn is not None:
        yield settings
        return
    if settings.app_env is not AppEnv.DEVELOPMENT:
        raise ConfigurationError("DATABASE_URL (or DB_HOST, DB_USER, DB_PASSWORD) must be set")
    folder = settings.local_dir / "postgres"
    running = EmbeddedPostgres.running(folder)
    if running is not None:
        yield _joined(settings, running)
        return
    with EmbeddedPostgres.start(folder) as server:
        yield _joined(settings, server)


async def prepare_database(settings: Settings) -> list[str]:
    """Applies what migrations are missing, and makes the coming months; returns the names of what was applied."""
    if settings.owner_dsn is None:
        raise ConfigurationError("DATABASE_URL (or DB_HOST, DB_USER, DB_PASSWORD) must be set")
    async with reached(settings.owner_dsn) as owner:
        applied = await migrate.migrate(owner, app_role=settings.app_role)
        await prepare(owner, today=SystemClock().now().date())
    return [one.name for one in applied]


def _joined(settings: Settings, server: Running) -> Settings:
    return msgspec.structs.replace(
        settings,
        database_url=server.dsn(),
        database_owner_url=server.dsn(owner=True),
    )


def _docs_pages(settings: Settings) -> str:
    """The origins of the documentation server's pages, which call the API."""
    return ",".join(f"http://{host}:{settings.docs_port}" for host in ("127.0.0.1", "localhost"))


def _secrets(folder: Path) -> dict[str, str]:
    file = folder / "secrets.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = {
            "jwt_secret": token_hex(32),
            "encryption_keys": f"local:{b64encode(token_bytes(32)).decode()}",
            "stripe_webhook_secret": f"whsec_{token_hex(24)}",
        }
        draft = folder / f"secrets.{os.getpid()}.json"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(made))
        with suppress(FileExistsError):  # whoever came first has made them
            os.link(draft, file)
        draft.unlink()
    read: dict[str, str] = json.loads(file.read_text())
    return read
