"""
What a server of ours keeps in its folder, besides the data.

    lock            held (flock) by the server itself: it is free exactly when no server runs, whoever was killed
    server.json     host, port and pid while it runs
    passwords.json  two random passwords, for our eyes only (0600)
    server.log      what PostgreSQL has to say
    elsewhere.txt   where the data is, if the server's account cannot enter this folder
"""

import fcntl
import json
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from adapters.postgres.errors import AlreadyRunning, ServerError
from adapters.postgres.server_account import Account

OWNER: Final = "payments_owner"
APPLICATION: Final = "payments_app"

#: How long a server that is ending (its parent was killed) may take before we say so.
_PATIENCE_S: Final = 5.0
_POLL_S: Final = 0.01
_LOG_LIMIT_BYTES: Final = 10_000_000
#: Where data goes that cannot stay in its folder: places that survive a restart of the machine.
_ELSEWHERE: Final = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108  mkdtemp makes an unguessable folder in it


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and which process it is."""

    host: str
    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class ServerFolder:
    path: Path

    @classmethod
    def made(cls, path: Path) -> "ServerFolder":
        """The folder, made if missing; one that we make may be entered by the server's account."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir()
            path.chmod(0o755)
        if not os.access(path, os.W_OK):
            raise ServerError(f"{path} belongs to somebody else. Choose another folder, or be its owner.")
        return cls(path.resolve())

    @property
    def log(self) -> Path:
        return self.path / "server.log"

    @property
    def home(self) -> Path:
        """Where the data's folder and copied binaries are: here, or elsewhere."""
        note = self.path / "elsewhere.txt"
        return Path(note.read_text("utf-8").strip()) if note.exists() else self.path

    @property
    def data(self) -> Path:
        return self.home / "data"

    def settle(self, account: Account | None) -> None:
        """Move out, before there is any data, if the account could not reach it here."""
        if account is None or account.can_enter(self.home):
            return
        if self.data.exists():
            raise ServerError(f"The server's account may not enter {self.home} any more. Open it (chmod o+x) again.")
        for root in _ELSEWHERE:
            with suppress(OSError):
                home = Path(tempfile.mkdtemp(prefix="payments-postgres-", dir=root))
                home.chmod(0o755)
                (self.path / "elsewhere.txt").write_text(f"{home}\n", "utf-8")
                return
        raise ServerError(f"The server's account may not enter {self.path}. Choose a folder that everybody can enter.")

    def passwords(self) -> dict[str, str]:
        """By role. Random, made once."""
        kept = self.path / "passwords.json"
        if not kept.exists():
            made = {role: secrets.token_urlsafe(24) for role in (OWNER, APPLICATION)}
            _write(kept, made, mode=0o600)
        elif not os.access(kept, os.R_OK):
            raise ServerError(f"{kept} belongs to somebody else. Start a server on a folder of your own.")
        passwords: dict[str, str] = json.loads(kept.read_bytes())
        return passwords

    @contextmanager
    def locked(self) -> Iterator[int]:
        """
        The lock, as a descriptor for the server to inherit and keep.

        Raises:
            AlreadyRunning: a server runs here, or one is being started or stopped and does not come to an end.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            deadline = time.monotonic() + _PATIENCE_S
            while not _flock(descriptor, fcntl.LOCK_EX):
                if running := self.running():
                    raise AlreadyRunning(
                        f"A server runs on {self.path} already: port {running.port}, pid {running.pid}. "
                        "Join it, or stop the command that started it."
                    )
                if time.monotonic() > deadline:
                    raise AlreadyRunning(f"A server on {self.path} is just being started or stopped. Try again.")
                time.sleep(_POLL_S)
            yield descriptor
        finally:
            os.close(descriptor)

    def running(self) -> Address | None:
        """The server that runs here and answers; None while it starts or stops, too."""
        with suppress(FileNotFoundError):
            descriptor = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if _flock(descriptor, fcntl.LOCK_SH):
                    return None
            finally:
                os.close(descriptor)
            address = Address(**json.loads((self.path / "server.json").read_bytes()))
            return address if self.state() == (address.pid, "ready") and _answers(address) else None
        return None

    def state(self) -> tuple[int, str] | None:
        """The pid and state ("starting", "ready", "stopping") that PostgreSQL itself has written down."""
        with suppress(FileNotFoundError, IndexError, ValueError):  # it appears before its lines do
            lines = (self.data / "postmaster.pid").read_text("utf-8").splitlines()
            return int(lines[0]), lines[-1].strip()
        return None

    def announce(self, address: Address) -> None:
        _write(self.path / "server.json", asdict(address), mode=0o644)

    def forget(self) -> None:
        """What a server left behind that was killed; call it with the lock held only."""
        (self.path / "server.json").unlink(missing_ok=True)
        # Since we hold the lock, the server named here is gone. If its number now belongs to something else (the
        # machine was restarted), PostgreSQL would take that for a running server, so that case is ours to see.
        if (left := self.state()) and not _is_postgres(left[0]):
            (self.data / "postmaster.pid").unlink()
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))


def _flock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _answers(address: Address) -> bool:
    """A killed server's sessions hold the lock a moment longer, and nobody has updated what it wrote down."""
    try:
        socket.create_connection((address.host, address.port), timeout=1).close()
    except OSError:
        return False
    return True


def _is_postgres(pid: int) -> bool:
    """Where the machine does not tell, PostgreSQL's own check has the last word."""
    if not Path("/proc/self/comm").exists():
        return True
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/comm").read_text("utf-8").strip() == "postgres"
    return False


def _write(path: Path, facts: object, *, mode: int) -> None:
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=2)
    Path(unfinished).chmod(mode)
    Path(unfinished).replace(path)
