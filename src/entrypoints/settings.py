"""Every knob, typed, with its unit in its name. The only place that reads the environment."""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from os import environ
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any, Final
from urllib.parse import quote, unquote, urlsplit

import msgspec
from dotenv import dotenv_values

from adapters.daraja.translation import Confirm
from entrypoints import settings_rules

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Seconds = Annotated[int, msgspec.Meta(ge=1)]
Days = Annotated[int, msgspec.Meta(ge=1)]


class AppEnv(StrEnum):
    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class ConfigurationError(Exception):
    """The configuration is wrong; the message names the variable and says what it should be."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The environment variables, in lower case. `env.example` explains each."""

    app_env: AppEnv = AppEnv.DEVELOPMENT
    local_dir: Path = Path(".local")

    host: str = "127.0.0.1"
    port: Port = 8888
    api_url: str | None = None
    docs_port: Port = 8889
    cors_origins: str | None = None
    docs_url: str = "http://127.0.0.1:8889"

    database_url: str | None = None
    database_owner_url: str | None = None
    db_host: str | None = None
    db_port: Port = 5432
    db_name: str = "payment_service"
    db_user: str | None = None
    db_password: str | None = None
    db_owner_user: str | None = None
    db_owner_password: str | None = None
    database_read_url: str | None = None
    db_read_host: str | None = None
    db_read_port: Port | None = None
    db_read_name: str | None = None
    db_read_user: str | None = None
    db_read_password: str | None = None
    db_pool_size: Annotated[int, msgspec.Meta(ge=2, le=200)] = 16

    stripe_secret_key: str | None = None
    stripe_webhook_secret: str | None = None
    stripe_base_url: str | None = None
    stripe_timeout_seconds: Seconds = 10

    mpesa_base_url: str | None = None
    mpesa_consumer_key: str | None = None
    mpesa_consumer_secret: str | None = None
    mpesa_passkey: str | None = None
    mpesa_shortcode: str | None = None
    mpesa_callback_url: str | None = None
    mpesa_confirm: Confirm = Confirm.QUERY
    mpesa_initiator_name: str | None = None
    mpesa_initiator_password: str | None = None
    mpesa_certificate: Path | None = None
    mpesa_b2c_shortcode: str | None = None
    mpesa_timeout_seconds: Seconds = 20

    jwt_jwks: str | None = None
    jwt_secret: str | None = None
    jwt_max_age_seconds: Seconds = 3600
    encryption_keys: str | None = None

    lease_seconds: Seconds = 60
    check_after_seconds: str = "25,45,90,180,300,900,3600"
    duplicate_window_seconds: Seconds = 600
    idempotency_keys_days: Days = 30
    inbox_retention_days: Days = 90

    sandbox_stripe_port: Port = 12111
    sandbox_daraja_port: Port = 12112

    def __repr__(self) -> str:
        """Half of it is secrets."""
        return f"Settings(app_env={self.app_env.value!r}, …)"

    @property
    def api_address(self) -> str:
        """Where callers reach the API, without a slash at its end; unless it is said, on this machine."""
        here = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - it is recognised
        return (self.api_url or f"http://{here}:{self.port}").rstrip("/")

    @property
    def origins(self) -> list[str]:
        """Whose pages may read the API's answers."""
        return [origin.strip() for origin in (self.cors_origins or "").split(",") if origin.strip()]

    @property
    def checks(self) -> tuple[timedelta, ...]:
        """When an open payment is looked at, after it began."""
        return tuple(timedelta(seconds=float(part)) for part in self.check_after_seconds.split(","))

    @property
    def duplicate_window(self) -> timedelta:
        return timedelta(seconds=self.duplicate_window_seconds)

    @property
    def keys_kept_for(self) -> timedelta:
        return timedelta(days=self.idempotency_keys_days)

    @property
    def inbox_kept_for(self) -> timedelta:
        return timedelta(days=self.inbox_retention_days)

    @property
    def lease_for(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)

    @property
    def stripe_webhook_secrets(self) -> list[str]:
        """Several while they are rotated; never none."""
        configured = [secret.strip() for secret in (self.stripe_webhook_secret or "").split(",") if secret.strip()]
        return configured or [token_hex(32)]  # without Stripe, no signature is right

    @property
    def stripe_livemode(self) -> bool:
        return (self.stripe_secret_key or "").startswith(("sk_live_", "rk_live_"))

    @property
    def may_move_real_money(self) -> bool:
        """In production; and where M-Pesa is not a stand-in: prompts of Safaricom's own sandbox reach real phones."""
        return self.app_env is AppEnv.PRODUCTION or (self.mpesa_base_url or "").startswith("https://")

    @property
    def stripe_account(self) -> str:
        """Customers of test mode are none in live mode, and those of a stand-in none at Stripe."""
        return self.stripe_base_url or ("live" if self.stripe_livemode else "test")

    @property
    def dsn(self) -> str | None:
        """The database, as the application's role."""
        return self.database_url or self._dsn(self.db_user, self.db_password)

    @property
    def owner_dsn(self) -> str | None:
        """The database, as the role that owns it: for migrations and partitions."""
        return self.database_owner_url or self._dsn(self.db_owner_user, self.db_owner_password) or self.dsn

    @property
    def read_dsn(self) -> str | None:
        """The replica, if there is one; what is not said of it is as it is of the database."""
        if self.dsn is None or self.db_read_host is None:
            return self.database_read_url
        written = urlsplit(self.dsn)
        user = self.db_read_user or unquote(written.username or "")
        password = self.db_read_password or unquote(written.password or "")
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
        port = self.db_read_port or written.port or 5432
        name = f"/{self.db_read_name}" if self.db_read_name else written.path
        return written._replace(netloc=f"{login}@{self.db_read_host}:{port}", path=name).geturl()

    @property
    def app_role(self) -> str | None:
        """The role to be granted what the service needs; None where it is the owner itself."""
        if self.dsn is None or self.owner_dsn == self.dsn:
            return None
        return unquote(urlsplit(self.dsn).username or "") or None

    @property
    def has_stripe(self) -> bool:
        return self.stripe_secret_key is not None

    @property
    def has_mpesa(self) -> bool:
        return self.mpesa_consumer_key is not None

    def environment(self) -> dict[str, str]:
        """The same settings as variables, for processes started from this one."""
        values = msgspec.to_builtins(self, enc_hook=str)
        return {name.upper(): str(value) for name, value in values.items() if value is not None}

    def _dsn(self, user: str | None, password: str | None) -> str | None:
        if not self.db_host or not user:
            return None
        secret = f":{quote(password, safe='')}" if password else ""
        return f"postgres://{quote(user, safe='')}{secret}@{self.db_host}:{self.db_port}/{self.db_name}"


def load(given: Mapping[str, str] | None = None, *, to_serve: bool = True, to_store: bool = True) -> Settings:
    """
    The environment over `.env` over the defaults.

    `to_serve` False: for work on the database, which needs no keys. `to_store` False: for what needs none either.

    Raises:
        ConfigurationError: a variable has a value that it cannot have, or is missing; names it.
    """
    if given is None:
        from_file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
        given = from_file | dict(environ)
    names = {field.name.upper(): field.name for field in msgspec.structs.fields(Settings)}
    values: dict[str, Any] = {
        names[name]: value.strip() for name, value in given.items() if name in names and value.strip()
    }
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as why:
        raise ConfigurationError(_in_words(str(why))) from None
    problems = settings_rules.broken(settings, to_serve=to_serve, to_store=to_store)
    if problems:
        raise ConfigurationError("; ".join(problems))
    return settings


def _path(kind: type[Any], value: Any) -> Any:
    return kind(value)


_AT: Final = re.compile(r".* - at `\$\.(\w+)`", re.DOTALL)


def _in_words(problem: str) -> str:
    """msgspec's message as ours: which variable, and what it must be. Every field has one of these kinds."""
    at = _AT.fullmatch(problem)
    if at is None:
        return problem
    kinds = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    match msgspec.inspect.type_info(kinds[at[1]]):
        case msgspec.inspect.EnumType(cls=values):
            asked = f"one of: {', '.join(values)}"
        case msgspec.inspect.IntType(ge=least, le=None):
            asked = f"a whole number, at least {least}"
        case msgspec.inspect.IntType(ge=least, le=most):
            asked = f"a whole number from {least} to {most}"
        case _:
            asked = "a text"
    return f"{at[1].upper()} must be {asked}"
