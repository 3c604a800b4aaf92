"""A gateway's access token, shared by all processes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """The token all processes use, until `expires_at`. `generation` counts the tokens, from 1."""

    token: str = field(repr=False)
    expires_at: datetime
    generation: int


class SharedToken(Protocol):
    """
    Keeps the token where all processes see it. It opens the shop's account at the gateway: encrypted at rest.

    Raises, from every method:
        Unavailable: it cannot be reached now.
    """

    async def read(self) -> Stored | None:
        """The token of the latest generation, alive or not; None before the first."""
        ...

    async def claim(self, generation: int, hold_for: timedelta) -> bool:
        """
        The right to fetch the token that follows `generation` (0: the first), for `hold_for`.

        False where somebody else holds it, or where `generation` is no longer the latest.
        """
        ...

    async def store(self, token: str, expires_at: datetime, generation: int) -> None:
        """The token of this generation; ends the claim. Nothing happens where that generation is there already."""
        ...
