"""Waiting for what other processes do: looked for again and again, until a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

#: Far more than anything takes here: who waits this long waits for something that does not come.
PATIENCE_S: Final = 20.0
_LOOK_AGAIN_S: Final = 0.03


async def eventually(look: Callable[[], Awaitable[T]], *, within: float = PATIENCE_S) -> T:
    """What `look` finds, as soon as it is something; what it found last, if that is nothing, fails the test."""
    deadline = time.monotonic() + within
    found = await look()
    while not found:
        assert time.monotonic() < deadline, f"not within {within:.0f} s; last seen: {found!r}"
        await asyncio.sleep(_LOOK_AGAIN_S)
        found = await look()
    return found
