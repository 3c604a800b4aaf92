"""What is kept for a while only: answers under old keys, events that nobody waits for."""

from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.postgres.pools import Database

_EVENTS_KEPT_FOR: Final = timedelta(days=7)


class PostgresUpkeep:
    """Prunes a bounded number of rows at a time, so that it holds nobody up."""

    def __init__(self, database: Database, *, keys_kept_for: timedelta, inbox_kept_for: timedelta) -> None:
        self._database = database
        self._keys_kept_for = keys_kept_for
        self._inbox_kept_for = inbox_kept_for

        self._answers_gone_until = datetime.min.replace(tzinfo=UTC)

    # The key itself stays, as a tombstone: it is refused, never a second execution.
    _ANSWERS: Final = """
        UPDATE idempotency_keys SET answer = NULL
         WHERE ctid IN (SELECT ctid FROM idempotency_keys
                         WHERE created_at >= $1 AND created_at < $2 AND answer IS NOT NULL LIMIT 1000)
        RETURNING 1
    """
    _EVENTS: Final = """
        DELETE FROM outbox WHERE ctid IN (SELECT ctid FROM outbox WHERE created_at < $1 LIMIT 5000)
    """
    _INBOX_EVENTS: Final = """
        DELETE FROM inbox_events WHERE ctid IN (SELECT ctid FROM inbox_events WHERE arrived_at < $1 LIMIT 5000)
    """
    _PHONES: Final = "DELETE FROM held_phones WHERE until < $1"

    async def prune(self, now: datetime) -> None:
        await self._forget_answers(now - self._keys_kept_for)
        await self._database.rows(self._EVENTS, now - _EVENTS_KEPT_FOR)
        await self._database.rows(self._INBOX_EVENTS, now - self._inbox_kept_for)
        await self._database.rows(self._PHONES, now)

    async def _forget_answers(self, before: datetime) -> None:
        """Only what has grown old since the last time is looked through: tombstones stay for ever, and are many."""
        gone = await self._database.rows(self._ANSWERS, self._answers_gone_until, before)
        if not gone:
            self._answers_gone_until = before
