"""Remarks in a payment's story. One statement, like every durable step."""

from datetime import datetime, timedelta
from typing import Final

import asyncpg

from adapters.encryption import Vault
from adapters.postgres.answers import answer_in, sealed_answer
from adapters.postgres.pools import Database
from application.ports.notes import Remark
from application.ports.payments import Answer, Key
from domain.errors import KeyExpired, KeyReused

#: SQLSTATE of our own, raised by refuse().
_STALE: Final = "PY004"


class PostgresNotes:
    """Keeps the promises of `application.ports.notes.Notes` in PostgreSQL."""

    def __init__(self, database: Database, vault: Vault, *, keys_kept_for: timedelta) -> None:
        self._database = database
        self._vault = vault
        self._keys_kept_for = keys_kept_for

    # No two answers are sealed into the same bytes: where another one stands under the key, it is a twin's.
    _ADD: Final = """
        WITH claimed AS (
            INSERT INTO idempotency_keys AS mine
                   (caller, route, key, fingerprint, payment_id, created_at, status, answer)
            SELECT $10, $11, $12, $13, $1, $4, $14, $15 WHERE $10::text IS NOT NULL
                ON CONFLICT (caller, route, key) DO UPDATE SET key = mine.key  -- a twin waits, then reads this row
            RETURNING fingerprint, status, answer, created_at, answer IS DISTINCT FROM $15 AS is_another
        ), moved AS (
            UPDATE payments SET updated_at = $4, history_head = $6, version = $5
             WHERE id = $1 AND created_at = $2 AND version = $3 AND NOT EXISTS (SELECT FROM claimed WHERE is_another)
            RETURNING id
        ), told AS (
            INSERT INTO payment_history (payment_id, payment_created_at, seq, body, hash, user_id, at)
            SELECT id, $2, $5, $7, $6, $9, $4 FROM moved
        ), heard AS (
            INSERT INTO outbox (payment_id, payment_created_at, seq, type, created_at)
            SELECT id, $2, $5, $8, $4 FROM moved
        )
        SELECT CASE WHEN twin.is_another IS NULL AND NOT EXISTS (SELECT FROM moved)
                    THEN refuse('PY004', $1)  -- gives the key up again, too
               END,
               twin.*
          FROM (SELECT) AS once LEFT JOIN claimed AS twin ON is_another
    """

    async def add(self, remark: Remark) -> Answer | None:
        before, after, entry, key, answer = remark.before, remark.after, remark.entry, remark.key, remark.answer
        values = (
            after.id,
            after.created_at,
            before.payment.version,
            after.updated_at,
            after.version,
            entry.hash,
            entry.body,
            entry.event,
            after.user_id,
            *((key.caller, key.route, key.key, key.fingerprint) if key else (None,) * 4),
            answer.status,
            sealed_answer(answer, key, self._vault),
        )
        try:
            twin = await self._database.row(self._ADD, *values)
        except asyncpg.PostgresError as refusal:
            if refusal.sqlstate == _STALE:
                return None
            raise
        if key is None or twin is None or twin["is_another"] is None:
            return answer
        return self._first(twin, key, after.updated_at)

    def _first(self, twin: asyncpg.Record, key: Key, now: datetime) -> Answer:
        first = answer_in(twin, key, self._vault)
        if first is None or now - twin["created_at"] > self._keys_kept_for:
            raise KeyExpired
        if twin["fingerprint"] != key.fingerprint:
            raise KeyReused
        return first
