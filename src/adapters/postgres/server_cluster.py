"""A new data folder: `initdb`, then two roles and one empty database. It gets its name when it is finished."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from adapters.postgres.errors import ServerError
from adapters.postgres.server_account import Account
from adapters.postgres.server_binaries import Binaries
from adapters.postgres.server_folder import APPLICATION, OWNER

DATABASE: Final = "payments"
#: The first version that brings a locale of its own, the same on every machine.
_BUILTIN_LOCALE: Final = 17

#: Passwords over TCP for everybody; nobody logs in as the superuser, which exists for PostgreSQL's own sake.
_WHO_MAY_ENTER: Final = """\
host  all  postgres  all           reject
host  all  all       127.0.0.1/32  scram-sha-256
"""


def initialise(
    data: Path,
    binaries: Binaries,
    *,
    account: Account | None,
    passwords: Mapping[str, str],
    durable: bool,
) -> None:
    """
    Make the data folder. Killed at any point, the next call starts afresh.

    Raises:
        ServerError: PostgreSQL refused; its own words are in the message.
    """
    unfinished = data.with_name(f"{data.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if account:
        os.chown(unfinished, account.uid, account.gid)
    unsynced = [] if durable else ["--no-sync"]
    _run([str(binaries.initdb), "-D", str(unfinished), *_choices(binaries), *unsynced], account)
    (unfinished / "pg_hba.conf").write_text(_WHO_MAY_ENTER, "utf-8")
    single_user = [str(binaries.postgres), "--single", "-D", str(unfinished), "-c", "exit_on_error=on"]
    _run([*single_user, "-c", f"fsync={'on' if durable else 'off'}", "postgres"], account, _roles(passwords))
    unfinished.rename(data)


def _choices(binaries: Binaries) -> list[str]:
    # No superuser password exists, hence `reject`; our own pg_hba.conf replaces what initdb writes.
    always = ["--username=postgres", "--auth=reject", "--encoding=UTF8", "--locale=C", "--data-checksums"]
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return always + (builtin if binaries.major >= _BUILTIN_LOCALE else [])


def _roles(passwords: Mapping[str, str]) -> str:
    """One statement a line, as single-user mode wants it. The passwords are of our making and need no quoting."""
    return (
        f"CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE PASSWORD '{passwords[OWNER]}';\n"
        f"GRANT pg_monitor, pg_signal_backend TO {OWNER};\n"  # tests and alarms look at sessions, and end them
        f"CREATE ROLE {APPLICATION} LOGIN PASSWORD '{passwords[APPLICATION]}';\n"
        f"CREATE DATABASE {DATABASE} OWNER {OWNER} STRATEGY file_copy;\n"
    )


def _run(command: Sequence[str], account: Account | None, text: str = "") -> None:
    done = subprocess.run(  # noqa: S603  no shell, our own arguments
        command,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        umask=0o077,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if done.returncode:
        raise ServerError(f"{Path(command[0]).name} failed: {done.stderr.strip() or done.stdout.strip()}")
