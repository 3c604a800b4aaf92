"""Lists, history and reports come from a replica, and nobody can tell by what they miss: a real one, made to lag."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from adapters.encryption import MasterKeys, Vault
from adapters.postgres import data_keys
from adapters.postgres.payments import PostgresPayments
from adapters.postgres.pools import Database
from adapters.postgres.reading import MAY_LAG, TRY_AGAIN_AFTER, Reading
from adapters.postgres.stories import PostgresStories
from application.own_writes import REMEMBERED_FOR, OwnWrites
from application.ports.payments import Kept
from application.ports.positions import LATEST, Position
from domain.errors import Unavailable
from domain.history import verify
from domain.payment import Report
from tests.builders import SOMEONE, SOMEONE_ELSE, a_payment, a_promise, paid, usd
from tests.contracts.payments_contract import a_step
from tests.databases import FAST
from tests.e2e.eventually import eventually
from tests.replicas import Replicated, needs_basebackup, replicated

pytestmark = needs_basebackup

WHO = "SELECT pg_is_in_recovery() AS a_replica"
SLEEPS = "SELECT true FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
#: No test waits this long: it is what a slow machine may take.
PATIENT = 10.0


@dataclass
class Stopwatch:
    """Monotonic seconds that pass when a test says so."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Process:
    """As much of one process of the service as writes and reads."""

    primary: Database
    reading: Reading
    payments: PostgresPayments
    clock: Stopwatch
    own_writes: OwnWrites = field(init=False)
    stories: PostgresStories = field(init=False)

    def __post_init__(self) -> None:
        self.own_writes = OwnWrites(self.reading, clock=self.clock)
        self.stories = PostgresStories(self.reading)

    async def asks_the_replica(self, *, after: Position | None = None) -> bool:
        row = await self.reading.row(WHO, after=after)
        assert row is not None
        return bool(row["a_replica"])

    async def opens(self) -> Kept:
        promise = a_promise(a_payment())
        await self.payments.open(promise)
        return Kept(promise.payment, promise.entry.hash)

    async def settles(self, kept: Kept) -> Position:
        """Where the second entry of the payment's story stands."""
        await self.payments.record(a_step(kept, Report(evidence=(paid(usd(2500)),))))
        position = await self.own_writes.wrote(SOMEONE)
        assert position is not None
        return position

    async def length(self, payment_id: UUID, *, after: Position | None = None) -> int:
        """How many entries of the story it sees; what it sees is whole in itself."""
        story = await self.stories.of(payment_id, after=after)
        assert story is not None
        assert verify(story.entries, story.head) is None
        return len(story.entries)


@asynccontextmanager
async def a_process(
    both: Replicated, read_dsn: str | None = None, *, patience: float = PATIENT
) -> AsyncIterator[Process]:
    clock = Stopwatch()
    async with (
        Database(both.database.dsn, size=4, set_aside=1, wait=PATIENT) as primary,
        Database(read_dsn or both.read_dsn, size=8, set_aside=0, wait=patience, lazy=True) as replica,
    ):
        vault = Vault(await data_keys.load(primary, MasterKeys({"test": bytes(32)})))
        reading = Reading(primary, replica, patience=patience, clock=clock)
        payments = PostgresPayments(primary, vault, keys_kept_for=timedelta(days=30))
        yield Process(primary, reading, payments, clock)


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[Replicated]:
    async with replicated(FAST) as both:
        yield both


@pytest.fixture
async def both(shared: Replicated) -> AsyncIterator[Replicated]:
    """To be paused, stopped and started; whole again after each test."""
    await shared.caught_up()
    yield shared
    await shared.heal()


@pytest.fixture
async def process(both: Replicated) -> AsyncIterator[Process]:
    """One that has been reading for a while."""
    async with a_process(both) as process:
        await eventually(process.asks_the_replica)
        yield process


class TestWhoServes:
    async def test_the_replica_serves_what_may_be_read_from_it(self, process: Process) -> None:
        """Lists, history and reports cost the primary nothing."""
        assert await process.asks_the_replica()
        assert await process.reading.rows("SELECT id FROM payments WHERE id = $1", SOMEONE) == []

    async def test_without_a_replica_the_primary_serves(self, process: Process) -> None:
        """And nobody is told where anything stands: it would cost a question, and nobody needs the answer."""
        reading = Reading(process.primary)

        row = await reading.row(WHO, after=Position(7))

        assert row is not None
        assert not row["a_replica"]
        assert await reading.position() is None

    async def test_a_story_comes_whole_from_one_side(self, both: Replicated, process: Process) -> None:
        """A replica that is behind tells an older story; beside the newer head it would look altered."""
        kept = await process.opens()
        await both.pause()
        await process.settles(kept)

        assert await process.length(kept.payment.id) == 1

    async def test_a_payment_that_has_not_arrived_is_found(self, both: Replicated, process: Process) -> None:
        """Whoever has its id knows that it exists: a replica's lag is no 404."""
        await both.pause()
        kept = await process.opens()

        assert await process.length(kept.payment.id) == 1


class TestOnesOwnWrites:
    async def test_who_shows_the_position_sees_the_write_in_any_process(
        self, both: Replicated, process: Process
    ) -> None:
        """The replica stands still; others may see what was, the writer never."""
        kept = await process.opens()
        async with a_process(both) as other:
            await eventually(other.asks_the_replica)
            await both.pause()
            position = await process.settles(kept)

            assert await other.length(kept.payment.id) == 1
            assert await other.length(kept.payment.id, after=position) == 2

    async def test_in_the_same_process_the_writer_need_show_nothing(self, both: Replicated, process: Process) -> None:
        """The process remembers who has written, and until where."""
        kept = await process.opens()
        await both.pause()
        await process.settles(kept)

        assert await process.length(kept.payment.id, after=process.own_writes.last(SOMEONE)) == 2
        assert await process.length(kept.payment.id, after=process.own_writes.last(SOMEONE_ELSE)) == 1

    async def test_the_replica_serves_the_writer_as_soon_as_it_is_there(
        self, both: Replicated, process: Process
    ) -> None:
        """The position is the commit's own, not one that the replica reaches only with later ones."""
        position = await process.settles(await process.opens())
        await both.caught_up()

        assert await process.asks_the_replica(after=position)

    async def test_a_position_that_never_was_goes_to_the_primary(self, process: Process) -> None:
        """Of the future, of another database, or made up: it is only behind."""
        for position in (LATEST, Position(LATEST - 1)):
            assert not await process.asks_the_replica(after=position)
        assert await process.asks_the_replica()

    async def test_where_nobody_knows_the_position_only_the_primary_will_do(
        self, both: Replicated, process: Process
    ) -> None:
        """The primary went away between a commit and the question."""
        both.primary.stop()

        assert await process.own_writes.wrote(SOMEONE) == LATEST
        with pytest.raises(Unavailable):
            await process.asks_the_replica(after=process.own_writes.last(SOMEONE))


class TestLag:
    async def test_what_is_shown_to_anyone_is_younger_than_a_minute(self, both: Replicated, process: Process) -> None:
        """A replica that does not follow is left alone until it does; and writers are forgotten only later."""
        kept = await process.opens()
        await both.pause()
        await process.settles(kept)
        assert await process.length(kept.payment.id) == 1

        with capture_logs() as logs:
            process.clock.pass_(MAY_LAG)
            assert await process.length(kept.payment.id) == 1  # it was good then: what it has not, is younger
            process.clock.pass_(MAY_LAG)
            assert await process.length(kept.payment.id) == 2
            await both.resume()
            process.clock.pass_(TRY_AGAIN_AFTER)
            assert await process.asks_the_replica()

        assert 3 * MAY_LAG < REMEMBERED_FOR
        assert [(line["event"], line.get("why")) for line in logs] == [
            ("replica.lost", "too-far-behind"),
            ("replica.back", None),
        ]

    async def test_after_a_silence_nobody_sees_what_is_older(self, both: Replicated, process: Process) -> None:
        """What was noted last says nothing about the time since; that the replica needs a moment is no loss."""
        kept = await process.opens()
        await both.caught_up()
        assert await process.asks_the_replica()
        await both.pause()
        await process.settles(kept)
        process.clock.pass_(3600)

        with capture_logs() as logs:
            assert await process.length(kept.payment.id) == 2
            await both.resume()
            assert await process.asks_the_replica()

        assert logs == []


class TestAReplicaThatFails:
    async def test_while_it_is_away_the_primary_serves(self, both: Replicated, process: Process) -> None:
        """It is told once that it is lost, tried again after some seconds, and told once that it is back."""
        assert await process.asks_the_replica()

        with capture_logs() as logs:
            both.standby.stop()
            assert [await process.asks_the_replica() for _ in range(3)] == [False] * 3
            process.clock.pass_(TRY_AGAIN_AFTER)
            assert not await process.asks_the_replica()
            both.start_standby()
            assert not await process.asks_the_replica()
            process.clock.pass_(TRY_AGAIN_AFTER)
            assert [await process.asks_the_replica() for _ in range(2)] == [True] * 2

        assert [line["event"] for line in logs] == ["replica.lost", "replica.back"]

    async def test_a_process_starts_without_it(self, both: Replicated) -> None:
        """And uses it once it is there."""
        both.standby.stop()
        async with a_process(both) as process:
            assert not await process.asks_the_replica()
            both.start_standby()
            process.clock.pass_(TRY_AGAIN_AFTER)
            assert await process.asks_the_replica()

    async def test_one_that_does_not_let_us_in_is_as_good_as_none(self, both: Replicated) -> None:
        """Its password was changed there: the log says what it was."""
        login, _, server = urlsplit(both.read_dsn).netloc.rpartition("@")
        wrong = urlsplit(both.read_dsn)._replace(netloc=f"{login}x@{server}").geturl()

        async with a_process(both, wrong) as process:
            with capture_logs() as logs:
                assert not await process.asks_the_replica()

        assert [(line["event"], line["why"]) for line in logs] == [("replica.lost", "InvalidPasswordError")]

    async def test_of_many_readers_one_tries_it(self, both: Replicated) -> None:
        """A dead address costs one reader its patience, and all others nothing."""
        knocks = []
        server = await asyncio.start_server(lambda *ends: knocks.append(ends), "127.0.0.1", 0)
        dead = urlsplit(both.read_dsn)
        port = server.sockets[0].getsockname()[1]
        dsn = dead._replace(netloc=f"{dead.netloc.rpartition(':')[0]}:{port}").geturl()
        try:
            async with a_process(both, dsn, patience=0.2) as process:
                assert not any(await asyncio.gather(*(process.asks_the_replica() for _ in range(20))))
                assert len(knocks) == 1
                process.clock.pass_(TRY_AGAIN_AFTER)
                assert not any(await asyncio.gather(*(process.asks_the_replica() for _ in range(20))))
                assert len(knocks) == 2
        finally:
            for _, writer in knocks:
                writer.close()
            server.close()

    async def test_one_that_hangs_is_not_waited_for(self, both: Replicated) -> None:
        """A connection that says nothing any more is thrown away; the next is a new one."""
        async with a_process(both, patience=0.5) as process:
            await eventually(lambda: replica_is_used(process))
            stuck = await both.ask(
                both.standby,
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'payments' AND usename <> current_user",
            )
            assert isinstance(stuck, int)
            os.kill(stuck, signal.SIGSTOP)
            try:
                assert not await process.asks_the_replica()
            finally:
                os.kill(stuck, signal.SIGCONT)
            await eventually(lambda: replica_is_used(process))

    async def test_a_statement_that_gives_way_to_replay_is_asked_of_the_primary(self) -> None:
        """The replica cancels what stands in the way of what it must replay, and is none the worse for it."""
        at_once = {"max_standby_streaming_delay": "0", "autovacuum": "off"}
        slow = """
            SELECT count(*) AS rows, pg_is_in_recovery() AS a_replica
              FROM in_the_way WHERE NOT pg_is_in_recovery() OR pg_sleep(1) IS NOT NULL
        """
        async with replicated({**FAST, **at_once}) as both, a_process(both) as process:
            await both.ask(both.primary, "CREATE TABLE in_the_way AS SELECT n FROM generate_series(1, 9) n")
            await both.ask(both.primary, f"GRANT SELECT ON in_the_way TO {both.primary.application}")
            await both.caught_up()
            with capture_logs() as logs:
                read = asyncio.create_task(process.reading.rows(slow))
                await eventually(lambda: both.ask(both.standby, SLEEPS))
                await both.ask(both.primary, "DELETE FROM in_the_way")
                await both.ask(both.primary, "VACUUM in_the_way")
                (row,) = await read

            assert (row["rows"], row["a_replica"]) == (0, False)
            assert await process.asks_the_replica()
            assert logs == []

    async def test_while_the_primary_is_away_the_replica_goes_on(self, both: Replicated, process: Process) -> None:
        """Who may see what was sees it; nothing is written anyway."""
        kept = await process.opens()
        await both.caught_up()
        assert await process.length(kept.payment.id) == 1
        both.primary.stop()

        assert await process.length(kept.payment.id) == 1
        process.clock.pass_(MAY_LAG)
        assert await process.length(kept.payment.id) == 1

    async def test_one_that_was_promoted_is_none_any_more(self) -> None:
        """It goes its own way, and would never again show what is written: the primary serves."""
        async with replicated(FAST) as both, a_process(both) as process:
            kept = await process.opens()
            await both.caught_up()
            assert await process.asks_the_replica()
            await both.promote()
            await process.settles(kept)

            with capture_logs() as logs:
                assert await process.length(kept.payment.id) == 2

        assert [(line["event"], line["why"]) for line in logs] == [("replica.lost", "not-in-recovery")]


async def replica_is_used(process: Process) -> bool:
    process.clock.pass_(TRY_AGAIN_AFTER)
    return await process.asks_the_replica()
