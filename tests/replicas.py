"""A primary of our own and a streaming replica of it, whose replay a test can stop and let go on."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from adapters.postgres import server_binaries, server_cluster
from adapters.postgres.connection import connected
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrate import migrate
from adapters.postgres.partitions import prepare
from adapters.postgres.server_account import Account
from adapters.postgres.server_folder import OWNER, ServerFolder
from tests.databases import Database, a_folder
from tests.e2e.eventually import eventually

#: The wheel has it; of a machine's own server it is another package.
needs_basebackup: Final = pytest.mark.skipif(
    not (server_binaries.find().folder / "pg_basebackup").exists(), reason="there is no pg_basebackup"
)
_STREAMER: Final = "streamer"
_PASSWORD: Final = "only-this-test"
_MAY_STREAM: Final = f"host  replication  {_STREAMER}  127.0.0.1/32  scram-sha-256\n"
_MAKE_STREAMER: Final = f"CREATE ROLE {_STREAMER} LOGIN REPLICATION PASSWORD '{_PASSWORD}';\n"
#: One statement a line, as single-user mode wants it.
_LET_OWNER_STEER: Final = "".join(
    f"GRANT EXECUTE ON FUNCTION {function} TO {OWNER};\n"
    for function in ("pg_wal_replay_pause()", "pg_wal_replay_resume()", "pg_promote(boolean, integer)")
)
#: A replica that lost its primary looks for it again soon.
_STANDBY: Final = {"wal_retrieve_retry_interval": "50ms"}


@dataclass
class Replicated:
    """A migrated database on `primary`, and its copy on `standby`."""

    primary: EmbeddedPostgres
    standby: EmbeddedPostgres
    folder: Path
    settings: Mapping[str, str]

    @property
    def database(self) -> Database:
        server = self.primary
        return Database("payments", server.application, server.dsn(owner=True), server.dsn())

    @property
    def read_dsn(self) -> str:
        """The replica, as the application's role."""
        return self.standby.dsn()

    async def caught_up(self) -> None:
        """The replica has replayed all that is committed by now."""
        written = await self.ask(self.primary, "SELECT pg_current_wal_flush_lsn()::text")

        async def arrived() -> bool:
            return bool(await self.ask(self.standby, "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", written))

        await eventually(arrived)

    async def pause(self) -> None:
        """The replica shows what it has, and goes no further."""
        await self.caught_up()
        await self.ask(self.standby, "SELECT pg_wal_replay_pause()")

        async def stands() -> bool:
            return await self.ask(self.standby, "SELECT pg_get_wal_replay_pause_state()") == "paused"

        await eventually(stands)

    async def resume(self) -> None:
        await self.ask(self.standby, "SELECT pg_wal_replay_resume()")
        await self.caught_up()

    async def promote(self) -> None:
        """The replica becomes a primary of its own."""
        assert await self.ask(self.standby, "SELECT pg_promote(true, 60)")

    def start_standby(self) -> None:
        """On the port that it had."""
        self.standby = EmbeddedPostgres.start(
            self.folder / "standby", port=self.standby.port, settings={**self.settings, **_STANDBY}
        )

    def start_primary(self) -> None:
        """On the port that it had."""
        self.primary = EmbeddedPostgres.start(self.folder / "primary", port=self.primary.port, settings=self.settings)

    async def heal(self) -> None:
        """Both run, and the replica replays."""
        if EmbeddedPostgres.running(self.folder / "primary") is None:
            self.start_primary()
        if EmbeddedPostgres.running(self.folder / "standby") is None:
            self.start_standby()
        await self.resume()

    async def ask(self, server: EmbeddedPostgres, question: str, *values: object) -> object:
        async with connected(server.dsn(owner=True)) as owner:
            return await owner.fetchval(question, *values)


@asynccontextmanager
async def replicated(settings: Mapping[str, str]) -> AsyncIterator[Replicated]:
    """Both servers, with these settings of PostgreSQL's, for as long as the block runs."""
    with a_folder() as folder:
        _prepare(folder / "primary", settings)
        with EmbeddedPostgres.start(folder / "primary", settings=settings) as primary:
            async with connected(primary.dsn(owner=True)) as owner:
                await migrate(owner, app_role=primary.application)
                await prepare(owner, today=datetime.now(UTC).date())
            _copy(primary, folder)
            standby = EmbeddedPostgres.start(folder / "standby", settings={**settings, **_STANDBY})
            both = Replicated(primary, standby, folder, settings)
            try:
                await both.caught_up()
                yield both
            finally:
                both.standby.stop()
                both.primary.stop()


def _prepare(folder: Path, settings: Mapping[str, str]) -> None:
    """A role that may stream, and an owner who may steer: only a superuser gives that, and none can log in."""
    EmbeddedPostgres.start(folder, settings=settings).stop()
    home = ServerFolder(folder.resolve())
    account = Account.for_data(home.data)
    postgres = server_binaries.find().for_account(account, home.home).postgres
    alone = [str(postgres), "--single", "-D", str(home.data), "-c", "exit_on_error=on"]
    server_cluster._run([*alone, server_cluster.DATABASE], account, _MAKE_STREAMER + _LET_OWNER_STEER)
    with (home.data / "pg_hba.conf").open("a", encoding="utf-8") as who_may_enter:
        who_may_enter.write(_MAY_STREAM)


def _copy(primary: EmbeddedPostgres, folder: Path) -> None:
    home = ServerFolder.made(folder / "standby")
    source = f"host={primary.host} port={primary.port} user={_STREAMER} password={_PASSWORD}"
    program = server_binaries.find().folder / "pg_basebackup"
    subprocess.run(
        [program, "--dbname", source, "--pgdata", home.data, "--write-recovery-conf", "--checkpoint=fast"], check=True
    )
    shutil.copy2(folder / "primary" / "passwords.json", home.path)  # roles are copied, and so are their passwords
    account = Account.for_data(folder / "primary" / "data")
    if account is not None:
        for place in (home.data, *home.data.rglob("*")):
            os.chown(place, account.uid, account.gid)
