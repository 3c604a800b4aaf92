"""A PostgreSQL server of our own, for development and tests: nothing to install, nothing to clean up after."""

import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self

from adapters.postgres import server_binaries
from adapters.postgres.die_with_parent import FAST_SHUTDOWN, spawn
from adapters.postgres.errors import ServerError
from adapters.postgres.server_account import Account
from adapters.postgres.server_binaries import Binaries
from adapters.postgres.server_cluster import DATABASE, initialise
from adapters.postgres.server_folder import APPLICATION, OWNER, Address, ServerFolder

_HOST: Final = "127.0.0.1"
_NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})
_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "listen_addresses": _HOST,
        "unix_socket_directories": "",
        "max_connections": "100",
        "shared_buffers": "128MB",
        "password_encryption": "scram-sha-256",
        "TimeZone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_error_verbosity": "terse",  # an error's DETAIL quotes rows, and rows are people
    }
)

#: Crash recovery after a power cut is part of a start.
_START_LIMIT_S: Final = 60.0
_STOP_LIMIT_S: Final = 30.0
_POLL_S: Final = 0.005
#: A free port may be taken between our look and the server's.
_PORT_ATTEMPTS: Final = 5


class Running:
    """A server that answers, whoever started it: all that is needed to connect."""

    #: The roles, as `migrate` wants to know them.
    owner: Final = OWNER
    application: Final = APPLICATION

    host: str
    port: int
    pid: int

    def __init__(self, folder: ServerFolder, address: Address) -> None:
        self.host, self.port, self.pid = address.host, address.port, address.pid
        self._passwords = folder.passwords()

    def dsn(self, database: str = DATABASE, *, owner: bool = False) -> str:
        """A URL for the application's role, which may only do what it was granted, or for the owner's."""
        role = self.owner if owner else self.application
        return f"postgres://{role}:{self._passwords[role]}@{self.host}:{self.port}/{database}"


class EmbeddedPostgres(Running):
    """
    A PostgreSQL server of our own, for development and tests: started and stopped by us, data in one folder.

    It listens on 127.0.0.1 with passwords, and dies with the process that started it, however that one ends. Its first
    start makes the role `payments_owner` (makes databases and roles; no superuser), the role `payments_app` (may do
    nothing but what it is granted) and the empty database `payments`. Started by root, it runs as `nobody`.
    """

    def __init__(self, folder: ServerFolder, address: Address, process: subprocess.Popen[bytes]) -> None:
        super().__init__(folder, address)
        self._folder = folder
        self._process = process

    @classmethod
    def start(cls, folder: Path, *, port: int | None = None, settings: Mapping[str, str] = _NO_SETTINGS) -> Self:
        """
        Start on `folder`, which is made and filled if need be; returns when the server answers.

        `port` is a free one by default. `settings` are PostgreSQL's own and win over ours, as in `{"fsync": "off"}`.
        Blocks for 0.1 s, the first time for 0.5 s; a crash to recover from takes longer.

        Raises:
            AlreadyRunning: a server runs on this folder; the message has its port and pid. `running` joins it.
            NoBinaries: there is no PostgreSQL to start.
            ServerError: it did not start; the message has the end of its log.
        """
        home = ServerFolder.made(folder)
        with home.locked() as lock:
            home.forget()
            account = Account.for_data(home.data)
            home.settle(account)
            binaries = server_binaries.find().for_account(account, home.home)
            if home.data.exists():
                _refuse_another_version(home.data, binaries)
            else:
                durable = settings.get("fsync", "on") != "off"
                initialise(home.data, binaries, account=account, passwords=home.passwords(), durable=durable)
            return cls(
                home, *_launch(home, binaries, account, port=port, settings={**_SETTINGS, **settings}, lock=lock)
            )

    @staticmethod
    def running(folder: Path) -> Running | None:
        """The server on this folder, whoever started it; None if there is none that answers."""
        home = ServerFolder(folder.resolve())
        address = home.running()
        return Running(home, address) if address else None

    def stop(self) -> None:
        """
        End every session, write everything down, and wait for it (at most 30 s, then the hard way). May be repeated.

        Raises:
            ServerError: it would not go.
        """
        for request in (FAST_SHUTDOWN, signal.SIGQUIT):
            self._process.send_signal(request)
            try:
                self._process.wait(_STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                continue
            return
        raise ServerError(f"PostgreSQL (pid {self.pid}) does not stop. Look into {self._folder.log}.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _refuse_another_version(data: Path, binaries: Binaries) -> None:
    version = (data / "PG_VERSION").read_text("utf-8").strip()
    if version != str(binaries.major):
        raise ServerError(
            f"{data} was made by PostgreSQL {version}, but {binaries.folder} is {binaries.version}. "
            "Dump it with the old version, or delete the folder to start afresh."
        )


def _launch(
    home: ServerFolder,
    binaries: Binaries,
    account: Account | None,
    *,
    port: int | None,
    settings: Mapping[str, str],
    lock: int,
) -> tuple[Address, subprocess.Popen[bytes]]:
    for attempt in range(1, _PORT_ATTEMPTS + 1):
        chosen = port or _free_port()
        options = [f"--{name}={value}" for name, value in {**settings, "port": str(chosen)}.items()]
        home.log.touch(mode=0o600)  # statements that failed stand in it
        with home.log.open("ab") as log:
            before = log.tell()
            process = spawn(
                [str(binaries.postgres), "-D", str(home.data), *options],
                account=(account.uid, account.gid) if account else None,
                log=log,
                keep_open=[lock],
            )
        if _answers(home, process):
            address = Address(_HOST, chosen, process.pid)
            home.announce(address)
            return address, process
        said = home.log.read_bytes()[before:].decode(errors="replace").strip()
        if port is None and attempt < _PORT_ATTEMPTS and "could not bind" in said:
            continue
        raise ServerError(f"PostgreSQL did not start on port {chosen}. {home.log} ends with:\n{said[-1500:]}")
    raise AssertionError("the last attempt returns or raises")


def _answers(home: ServerFolder, process: subprocess.Popen[bytes]) -> bool:
    """Wait until it is ready; False if it ended instead, or had to be ended because it took too long."""
    deadline = time.monotonic() + _START_LIMIT_S
    try:
        while process.poll() is None and time.monotonic() < deadline:
            if home.state() == (process.pid, "ready"):
                return True
            time.sleep(_POLL_S)
    except BaseException:  # Ctrl-C while it starts
        process.send_signal(signal.SIGQUIT)
        raise
    process.send_signal(signal.SIGQUIT)
    process.wait(_STOP_LIMIT_S)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
