"""What happens by itself, a moment after it was answered."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from entrypoints.sandbox.stripe import refunds
from entrypoints.sandbox.stripe.api import Api, Call
from entrypoints.sandbox.stripe.store import Work

_LOOKS_EVERY: Final = 0.1


@dataclass
class Later:
    """Turns the refunds that do not stay as they were. What is due stands in the ledger, so a kill delays it only."""

    api: Api
    _task: "asyncio.Task[None] | None" = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._turn_forever())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _turn_forever(self) -> None:
        store = self.api.store
        while True:
            for refund_id in [one for one, due in store.turning.items() if due <= time.time()]:
                if refund_id not in store.turning:  # settled by hand meanwhile
                    continue
                await self.api.steer(refunds.turn, Call(Work(store, "req_later"), {}, {"id": refund_id}, ""))
            await asyncio.sleep(_LOOKS_EVERY)
