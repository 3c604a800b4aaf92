"""The stories of payments, from the read side."""

from typing import Final
from uuid import UUID

from adapters.postgres.reading import Reading
from application.ports.positions import LATEST, Position
from application.ports.stories import KeptStory
from domain.history import Entry
from domain.ids import created_at


class PostgresStories:
    """Keeps the promises of `application.ports.stories.Stories` in PostgreSQL."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    # One snapshot: entries of a replica would look broken beside a head of the primary's.
    _OF: Final = """
        SELECT payments.user_id, history_head, seq, body, hash
          FROM payments LEFT JOIN payment_history ON payment_id = id AND payment_created_at = $2
         WHERE id = $1 AND created_at = $2
         ORDER BY seq
    """

    async def of(self, payment_id: UUID, *, after: Position | None = None) -> KeptStory | None:
        moment = created_at(payment_id)
        if moment is None:
            return None
        found = await self._reading.rows(self._OF, payment_id, moment, after=after)
        if not found and self._reading.has_replica:  # where it may not have arrived yet
            found = await self._reading.rows(self._OF, payment_id, moment, after=LATEST)
        if not found:
            return None
        entries = [
            Entry(payment_id=payment_id, seq=row["seq"], body=row["body"], hash=row["hash"])
            for row in found
            if row["seq"] is not None
        ]
        return KeptStory(UUID(int=found[0]["user_id"].int), found[0]["history_head"], entries)
