"""Who has just written reads what they wrote, though reading may happen where it has not arrived yet."""

import math
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from application.ports.positions import Position, Positions

#: In seconds. No copy that is read from is older than this.
REMEMBERED_FOR: Final = 60.0
_MOST_REMEMBERED: Final = 10_000


class OwnWrites:
    """
    Remembers for a minute, in this process, where everybody's last write stands.

    Of more writers than it can hold, the longest ago is forgotten, and everybody reads as if they had been that one.
    `clock` is monotonic, in seconds.
    """

    def __init__(
        self, positions: Positions, *, most: int = _MOST_REMEMBERED, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._positions = positions
        self._most = most
        self._clock = clock
        self._last: dict[UUID, tuple[Position, float]] = {}  # the longest ago first
        self._crowded_out = (Position(0), -math.inf)

    async def wrote(self, user_id: UUID) -> Position | None:
        """They have just written, and it is committed: where it stands. None where nobody need know."""
        position = await self._positions.position()
        if position is None:
            return None
        before, _ = self._last.pop(user_id, (position, 0.0))
        if len(self._last) >= self._most:
            self._crowded_out = self._last.pop(next(iter(self._last)))
        self._last[user_id] = (max(position, before), self._clock())  # of two at once, either may get here first
        return position

    def last(self, user_id: UUID) -> Position | None:
        """What they read must not be older than this; None where it may be."""
        since = self._clock() - REMEMBERED_FOR
        recent = [
            position for position, at in (self._last.get(user_id, self._crowded_out), self._crowded_out) if at >= since
        ]
        return max(recent, default=None)
