"""`payments …`: every process, and the verbs an operator needs, as one command."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Coroutine
from importlib import import_module
from typing import Any, Final, TypeVar
from uuid import UUID

import rich_click as click
from rich.console import Console
from rich.table import Table

from entrypoints import VERSION, database
from entrypoints.local import furnished
from entrypoints.settings import AppEnv, ConfigurationError, load
from entrypoints.tokens import SCOPES, development_token

console = Console(stderr=True)
T = TypeVar("T")

#: Every option is another program's, `--help` too.
_PASSED_ON: Final = {"ignore_unknown_options": True, "help_option_names": []}


class Payments(click.RichGroup):
    """Says what is wrong in one line, where an operator can mend it."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigurationError, *database.TROUBLE) as why:
            raise click.ClickException(str(why) or type(why).__name__) from why


@click.group(cls=Payments, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION)
def main() -> None:
    """Take money by Stripe and M-Pesa, give it back, and prove everything that happened."""


@main.command()
def up() -> None:
    """Everything on one machine, in the foreground: database, sandbox, worker, documentation, API. Ctrl-C ends it."""
    module = import_module("entrypoints.up")
    try:
        sys.exit(asyncio.run(module.up(load(), console)))
    except module.StartError as why:
        raise click.ClickException(str(why)) from why


@main.command()
def serve() -> None:
    """The API. Any number may run, with the same configuration."""
    import_module("entrypoints.api").main()


@main.command()
def worker() -> None:
    """The worker: webhooks, open payments, upkeep. Any number may run."""
    import_module("entrypoints.worker").main()


@main.command()
def docs() -> None:
    """The documentation server: guides, the API to try, errors, states. Needs no database."""
    import_module("entrypoints.docs").main()


@main.group()
def sandbox() -> None:
    """A stand-in of one gateway: `payments sandbox stripe --help` tells its options."""


@sandbox.command("stripe", context_settings=_PASSED_ON)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def sandbox_stripe(options: tuple[str, ...]) -> None:
    """Cards, wallets, bank transfers."""
    _stand_in("stripe", options)


@sandbox.command("daraja", context_settings=_PASSED_ON)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def sandbox_daraja(options: tuple[str, ...]) -> None:
    """M-Pesa."""
    _stand_in("daraja", options)


@main.command()
@click.option("--user", type=click.UUID, required=True, help="Whose token: a user's id.")
@click.option("--scope", "scopes", multiple=True, help="May be given several times. All but admin by default.")
@click.option("--admin", is_flag=True, help="Sees and uses everybody's things.")
def token(user: UUID, scopes: tuple[str, ...], admin: bool) -> None:
    """A bearer token for development."""
    chosen = [*(scopes or SCOPES), *(["admin"] if admin else [])]
    click.echo(development_token(furnished(load()), user, chosen))


@main.command()
@click.option("--url", help="Where the server is. [default: as HOST and PORT say, http://127.0.0.1:8888]")
@click.option("--api-key", envvar="API_KEY", show_envvar=True, hidden=True)
@click.option("--json", "as_json", is_flag=True, help="For a script.")
def e2e(url: str | None, api_key: str | None, as_json: bool) -> None:
    """
    Walk every endpoint of a running server in test mode, with the bearer token in API_KEY, and print what was seen.

    Exit code 0: all is as the contract says. 1: something is not. 2: it cannot even begin.
    """
    module = import_module("entrypoints.walk.command")
    sys.exit(module.e2e(url or _here(), api_key, as_json=as_json))


@main.group()
def db() -> None:
    """The database: migrations and what they did."""


@db.command("migrate")
@click.option("--json", "as_json", is_flag=True, help="For a script.")
def db_migrate(as_json: bool) -> None:
    """Apply what migrations are missing, grant the service its rights, make the coming months."""
    applied = _run(database.migrate())
    if as_json:
        click.echo(json.dumps(applied))
    else:
        console.print("\n".join(f"applied {name}" for name in applied) or "nothing to apply")


@db.command("status")
@click.option("--json", "as_json", is_flag=True, help="For a script.")
def db_status(as_json: bool) -> None:
    """Which migrations are applied. Exit code 1 where the schema is not what this code needs."""
    rows = _run(database.status())
    if as_json:
        click.echo(json.dumps(rows))
    else:
        table = Table("Migration", "Applied at", "Problem")
        for row in rows:
            table.add_row(row["name"], row["applied_at"] or "—", row["problem"] or "")
        Console().print(table)
    sys.exit(any(row["problem"] for row in rows))


@db.command("reset")
@click.option("--yes", is_flag=True, help="Do not ask.")
def db_reset(yes: bool) -> None:
    """Drop everything and migrate from nothing. Never in production."""
    if load(to_serve=False).app_env is AppEnv.PRODUCTION:
        raise click.ClickException("a production database is never reset")
    if not yes:
        click.confirm("This deletes every payment in the database. Go on?", abort=True)
    _run(database.reset())
    console.print("the database is new")


def _here() -> str:
    settings = load(to_serve=False)
    return f"http://{settings.host}:{settings.port}"


def _stand_in(gateway: str, options: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", f"entrypoints.sandbox.{gateway}", *options]
    sys.exit(subprocess.call(command))  # noqa: S603 - our own module, the caller's own options


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


if __name__ == "__main__":
    main()
