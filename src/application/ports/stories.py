"""Where the stories of payments are read."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from application.ports.positions import Position
from domain.history import Entry


@dataclass(frozen=True, slots=True)
class KeptStory:
    """All entries of one payment, oldest first, the head that stood on the payment at that moment, and whose it is."""

    user_id: UUID
    head: bytes
    entries: list[Entry]


class Stories(Protocol):
    """
    Reads what has happened; may be a moment behind.

    Raises, from every method:
        Unavailable: no database can serve now.
    """

    async def of(self, payment_id: UUID, *, after: Position | None = None) -> KeptStory | None:
        """The whole story, not older than `after`. A payment that is there is found, however new it is."""
        ...
