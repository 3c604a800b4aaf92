"""What one sandbox is told on its command line."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Development's own: no real gateway knows them.
CONSUMER_KEY: Final = "sandbox-consumer-key"
CONSUMER_SECRET: Final = "sandbox-consumer-secret"  # noqa: S105 - opens nothing but this process
INITIATOR_PASSWORD: Final = "sandbox-initiator-password"  # noqa: S105 - the same
#: Safaricom publishes this one for the shortcode everybody tries first.
SHORTCODE: Final = "174379"
#: Another one of those it publishes for everybody's use.
B2C_SHORTCODE: Final = "600992"
PASSKEY: Final = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One shop's account with M-Pesa, and how its customers spend their time. Durations are in seconds."""

    host: str
    port: int
    ledger: Path
    consumer_key: str
    consumer_secret: str
    passkey: str
    shortcode: str
    b2c_shortcode: str
    pay_after: float
    prompt_life: float
    token_life: int
    initiator_password: str
    certificate_out: Path | None


def from_command_line(arguments: list[str] | None = None) -> Settings:
    """Reads the command line; `--help` and mistakes end the process as argparse does."""
    told = _parser().parse_args(arguments)
    return Settings(
        host=told.host,
        port=told.port,
        ledger=told.ledger,
        consumer_key=told.consumer_key,
        consumer_secret=told.consumer_secret,
        passkey=told.passkey,
        shortcode=told.shortcode,
        b2c_shortcode=told.b2c_shortcode,
        pay_after=told.pay_after_ms / 1000,
        prompt_life=told.prompt_life_ms / 1000,
        token_life=told.token_life_s,
        initiator_password=told.initiator_password,
        certificate_out=told.certificate_out,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m entrypoints.sandbox.daraja",
        description="A stand-in for Safaricom's Daraja (M-Pesa): real HTTP, a durable ledger, mischief on demand.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=12112, help="port to listen on; 0 takes a free one and prints it")
    add("--ledger", type=Path, required=True, metavar="FILE", help="where the truth about money is kept")
    add("--consumer-key", default=CONSUMER_KEY, help="Basic user name for a token")
    add("--consumer-secret", default=CONSUMER_SECRET, help="Basic password for a token")
    add("--passkey", default=PASSKEY, help="goes into the Password of a push; default: Safaricom's published one")
    add("--shortcode", default=SHORTCODE, help="the only merchant there is")
    add("--b2c-shortcode", default=B2C_SHORTCODE, help="the account that customers are paid from")
    add(
        "--pay-after-ms",
        type=_duration,
        default=1000,
        metavar="MS",
        help="what a customer takes to pay, and M-Pesa to act",
    )
    add("--prompt-life-ms", type=_duration, default=60000, metavar="MS", help="how long a prompt stays on the phone")
    add("--token-life-s", type=_duration, default=3599, metavar="S", help="how long an access token is good for")
    add(
        "--certificate-out",
        type=Path,
        metavar="FILE",
        help="write a certificate here (PEM) and demand SecurityCredentials encrypted with it",
    )
    add("--initiator-password", default=INITIATOR_PASSWORD, help="what a SecurityCredential must hold")
    return parser


def _duration(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value
