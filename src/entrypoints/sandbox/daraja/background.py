"""Work that goes on after the answer was given."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """Holds on to tasks, lest they be collected half done, and ends them with the process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs it beside everything else."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def stop(self) -> None:
        """What is unfinished is resumed from the ledger by the next process."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            context = {"message": "work in the background failed", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)
