"""A gateway's answer that the database would not take just now: kept in memory and tried again, for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from application.ports.platform import Clock
from domain.errors import Unavailable

log = structlog.get_logger()


class Recordings:
    """Recordings that are under way beside the requests that began them; tried again every `again_after` seconds."""

    def __init__(self, clock: Clock, *, again_after: float = 0.5) -> None:
        self._clock = clock
        self._again_after = again_after
        self._tasks: set[asyncio.Task[None]] = set()

    def later(self, record: Callable[[], Awaitable[object]], *, until: datetime, **about: str) -> None:
        """Has `record` tried again until it is done or its lease is over; `about` is for the log."""
        task = asyncio.create_task(self._keep_trying(record, until, about))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_trying(
        self, record: Callable[[], Awaitable[object]], until: datetime, about: dict[str, str]
    ) -> None:
        while self._clock.now() < until:
            await asyncio.sleep(self._again_after)
            try:
                await record()
            except Unavailable:
                continue
            except Exception:
                log.exception("answer.not_recorded", **about)
            return
