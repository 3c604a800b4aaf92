"""A token for one process alone."""

import asyncio
from datetime import datetime, timedelta

from application.ports.shared_token import Stored


class UnsharedToken:
    """A `SharedToken` in memory: for tests, and for a tool that runs where no service does."""

    def __init__(self) -> None:
        self._stored: Stored | None = None
        self._claimed: int | None = None
        self._claimed_until = 0.0

    async def read(self) -> Stored | None:
        return self._stored

    async def claim(self, generation: int, hold_for: timedelta) -> bool:
        now = asyncio.get_running_loop().time()
        is_held = self._claimed == generation and now < self._claimed_until
        if is_held or generation != self._latest():
            return False
        self._claimed, self._claimed_until = generation, now + hold_for.total_seconds()
        return True

    async def store(self, token: str, expires_at: datetime, generation: int) -> None:
        if generation > self._latest():
            self._stored = Stored(token, expires_at, generation)

    def _latest(self) -> int:
        return self._stored.generation if self._stored is not None else 0
