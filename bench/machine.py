"""Everything that is measured, on free ports of this machine and in a folder that goes away."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import msgspec

from adapters.postgres.connection import connected
from adapters.postgres.embedded import EmbeddedPostgres
from bench import bare_route, generator, programs, stand_in
from bench.listed import Listed
from bench.options import Options
from bench.pgbench import Pgbench
from bench.pgbench_script import Script, translate
from bench.processes import Child, child
from bench.recorded import Recording, record
from bench.requests import NewPayments
from entrypoints.local import furnished, prepare_database
from entrypoints.settings import Settings
from entrypoints.tokens import development_token

_USERS: Final = 100
#: pgbench has a database of its own, made by the same migrations: its rows are not to be taken for payments.
_PEER: Final = "peer"
#: Lists have one, too: what is only listed was never paid.
_LISTED: Final = "listed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """
    What runs: process ids, and how to reach it. `settings` are the product's, `peer` the same with
    the peer's database; `recorded` are the payments by which its script was written.
    """

    settings: Settings
    peer: Settings
    database: int
    gateway: int
    gateway_url: str
    api: int
    bare: Child
    generator: Child
    pgbench: Pgbench
    listed: Listed
    listing_api: int
    listing_pgbench: Pgbench
    recorded: tuple[UUID, ...]


@contextmanager
def running(options: Options) -> Iterator[Machine]:
    """
    All of it for as long as the block runs.

    Raises:
        StartError, ServerError: one of them did not come up.
        RecordingError: the service does not take payments.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(_a_folder())
        server = stack.enter_context(EmbeddedPostgres.start(folder / "postgres"))
        settings = furnished(
            Settings(
                local_dir=folder,
                port=_free_port(),
                database_url=server.dsn(),
                database_owner_url=server.dsn(owner=True),
                stripe_secret_key="sk_test_bench",  # noqa: S106 - opens nothing
            )
        )
        gateway, url = stack.enter_context(programs.sandbox(settings, folder) if options.sandbox else _instant())
        settings = msgspec.structs.replace(settings, stripe_base_url=url)
        peer = msgspec.structs.replace(
            settings, database_url=server.dsn(_PEER), database_owner_url=server.dsn(_PEER, owner=True)
        )
        tokens = {user: development_token(settings, user) for user in (uuid4() for _ in range(_USERS))}
        recordings = asyncio.run(_prepare(server.dsn("postgres", owner=True), settings, peer, tokens))
        listed = Listed.by(
            msgspec.structs.replace(
                settings,
                port=_free_port(),
                database_url=server.dsn(_LISTED),
                database_owner_url=server.dsn(_LISTED, owner=True),
            ),
            *next(iter(tokens.items())),
        )
        pages, listing = asyncio.run(_prepare_list(server.dsn("postgres", owner=True), listed))
        if options.worker:
            stack.enter_context(programs.worker(settings, folder))
        yield Machine(
            settings=settings,
            peer=peer,
            database=server.pid,
            gateway=gateway,
            gateway_url=url,
            api=stack.enter_context(programs.api(settings, folder)),
            bare=stack.enter_context(child(bare_route.serve, server.dsn(), options.connections)),
            generator=stack.enter_context(child(generator.serve, tokens, *pages)),
            pgbench=Pgbench(
                script=translate(*recordings),
                dsn=server.dsn(_PEER),
                server=server.pid,
                folder=folder,
                connections=options.connections,
            ),
            listed=listed,
            listing_api=stack.enter_context(programs.api(listed.settings, folder, "listing-api")),
            listing_pgbench=Pgbench(
                script=listing,
                dsn=server.dsn(_LISTED),
                server=server.pid,
                folder=folder,
                connections=options.connections,
            ),
            recorded=tuple(one.payment_id for one in recordings),
        )


async def _prepare_list(maintenance: str, listed: Listed) -> tuple[tuple[bytes, bytes], Script]:
    """A database for lists with few payments; how its pages are asked for, and how pgbench asks for the first."""
    async with connected(maintenance) as owner:
        await owner.execute(f"CREATE DATABASE {_LISTED}")
    await listed.begin()
    return await listed.requests(), await listed.script()


async def _prepare(maintenance: str, settings: Settings, peer: Settings, tokens: dict[UUID, str]) -> list[Recording]:
    """Both databases migrated, and two payments recorded in the peer's."""
    async with connected(maintenance) as owner:
        await owner.execute(f"CREATE DATABASE {_PEER}")
    for each in (settings, peer):
        await prepare_database(each)
    return await record(peer, NewPayments(tokens), times=2)


@contextmanager
def _instant() -> Iterator[tuple[int, str]]:
    with child(stand_in.serve) as process:
        yield process.pid, process.said


@contextmanager
def _a_folder() -> Iterator[Path]:
    """One that the server's account can enter, whoever that is."""
    folder = Path(tempfile.mkdtemp(prefix="payments-bench-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
