"""The worker: applies webhooks, finds the truth of what is open, keeps the months coming. Any number may run."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, Generic, Protocol, TypeVar

import structlog

from adapters.postgres import partitions
from adapters.postgres.connection import connected
from adapters.postgres.retention import drop_old_webhooks
from application.apply_inbox import ApplyInbox
from application.ports.payments import Kept
from domain.errors import Unavailable
from entrypoints.container import Container, opened
from entrypoints.process import run
from entrypoints.settings import Settings

log = structlog.get_logger()

#: A message is applied within a second of its arrival; looking costs one indexed query.
_PAUSE_S: Final = 0.25
_SWEEP_EVERY_S: Final = 30.0
_MONTHS_EVERY_S: Final = 3600.0
#: Longer than the slowest gateway call.
_LAST_ANSWERS_S: Final = 25.0
#: How many gateways' answers are waited for at once: a slow one holds up nobody else.
_LOOKS_AT_ONCE: Final = 32


async def work(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; what is under way is finished first."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with opened(settings) as container:
        log.info("worker.started")
        looks = Looks(container.reconcile_payments())
        refunds = Looks(container.reconcile_refunds())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(every(_PAUSE_S, apply(container.apply_inbox()), stop, "inbox"))
            tasks.create_task(every(_PAUSE_S, looks.round, stop, "reconcile"))
            tasks.create_task(every(_PAUSE_S, container.detach_methods().execute, stop, "detach"))
            tasks.create_task(every(_PAUSE_S, refunds.round, stop, "reconcile_refunds"))
            tasks.create_task(every(_SWEEP_EVERY_S, sweep(container), stop, "sweep"))
            tasks.create_task(every(_MONTHS_EVERY_S, months(settings), stop, "months"))
        await asyncio.gather(looks.finish(), refunds.finish())
        log.info("worker.stopped")


async def every(pause: float, round_: Callable[[], Awaitable[bool]], stop: asyncio.Event, job: str) -> None:
    """Does `round_` again and again, `pause` seconds after it found nothing more to do, until `stop`."""
    while not stop.is_set():
        more = False
        try:
            more = await round_()
        except Unavailable:
            log.warning("job.postponed", job=job)
        except Exception:  # one job's trouble is not the others'
            log.exception("job.failed", job=job)
            more = False
        if not more:
            try:
                async with asyncio.timeout(pause):
                    await stop.wait()
            except TimeoutError:
                continue


def apply(apply_inbox: ApplyInbox) -> Callable[[], Awaitable[bool]]:
    async def round_() -> bool:
        return await apply_inbox.execute() > 0

    return round_


class Open(Protocol):
    """Work on a payment."""

    @property
    def kept(self) -> Kept: ...


WorkT = TypeVar("WorkT", bound=Open)


class Reconcile(Protocol[WorkT]):
    """Takes what is due, and finds out about each."""

    async def take(self, limit: int) -> list[WorkT]: ...

    async def execute(self, due: WorkT) -> None: ...


class Looks(Generic[WorkT]):
    """Looks at what is open, many at once; each under its own lease."""

    def __init__(self, reconcile: Reconcile[WorkT]) -> None:
        self._reconcile = reconcile
        self._under_way: set[asyncio.Task[None]] = set()

    async def round(self) -> bool:
        """Takes what is due as far as there is room; True where there may be more."""
        room = _LOOKS_AT_ONCE - len(self._under_way)
        if room < 1:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            return True
        due = await self._reconcile.take(room)
        for one in due:
            look = asyncio.create_task(self._look(one))
            self._under_way.add(look)
            look.add_done_callback(self._under_way.discard)
        return len(due) == room

    async def finish(self) -> None:
        """Waits for the gateways' answers that are still out: what they say must become durable."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_LAST_ANSWERS_S)

    async def _look(self, due: WorkT) -> None:
        try:
            await self._reconcile.execute(due)
        except Unavailable:
            log.warning("payment.postponed", payment_id=str(due.kept.payment.id))
        except Exception:  # one payment's trouble is not its neighbours': its lease brings it back
            log.exception("payment.not_reconciled", payment_id=str(due.kept.payment.id))


def sweep(container: Container) -> Callable[[], Awaitable[bool]]:
    open_payments, upkeep = container.open_payments(), container.upkeep()
    clock = container.clock()

    async def round_() -> bool:
        let_go = await open_payments.let_go(clock.now())
        await upkeep.prune(clock.now())
        return let_go > 0

    return round_


def months(settings: Settings) -> Callable[[], Awaitable[bool]]:
    async def round_() -> bool:
        if settings.owner_dsn is None:
            return False
        async with connected(settings.owner_dsn) as owner:
            now = datetime.now(UTC)
            today = now.date()
            for name in await drop_old_webhooks(owner, before=now - settings.inbox_kept_for):
                log.info("partition.dropped", name=name)
            for name in await partitions.prepare(owner, today=today):
                log.info("partition.prepared", name=name)
            for coverage in await partitions.coverage(owner, today=today):
                if coverage.is_alarming:
                    log.error("partitions.missing", parent=coverage.parent, months_ahead=coverage.months_ahead)
        return False

    return round_


def main() -> None:
    run(work)


if __name__ == "__main__":
    main()
