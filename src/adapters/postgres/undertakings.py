"""Captures and cancels, as they begin. A durable step is one statement."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from adapters.encryption import Vault
from adapters.postgres import rows
from adapters.postgres.answers import answer_in
from adapters.postgres.pools import Database
from application.ports.payments import Kept, Key, Lease, Repeated
from application.ports.undertakings import Undertaking
from domain.errors import KeyExpired, KeyReused, PaymentBusy
from domain.ids import created_at

#: SQLSTATEs of our own, raised by refuse().
_STALE: Final = "PY004"
_BUSY: Final = "PY005"


class PostgresUndertakings:
    """Keeps the promises of `application.ports.undertakings.Undertakings` in PostgreSQL."""

    def __init__(self, database: Database, vault: Vault, *, keys_kept_for: timedelta) -> None:
        self._database = database
        self._vault = vault
        self._keys_kept_for = keys_kept_for

    _CONSIDER: Final = """
        SELECT payments.*, keys.fingerprint, keys.made_id, keys.created_at AS claimed_at,
               keys.status AS answer_status, keys.answer,
               EXISTS (SELECT FROM open_payments WHERE payment_id = $1 AND lease_until > $6) AS running
          FROM payments
               LEFT JOIN idempotency_keys AS keys ON (caller, route, key) = ($3, $4, $5)
         WHERE payments.id = $1 AND payments.created_at = $2
    """

    async def consider(self, payment_id: UUID, key: Key | None, now: datetime) -> Kept | Repeated | None:
        moment = created_at(payment_id)
        if moment is None:
            return None
        named = (key.caller, key.route, key.key) if key else (None, None, None)
        row = await self._database.row(self._CONSIDER, payment_id, moment, *named, now)
        if row is None:
            return None
        kept = rows.kept(row, self._vault)
        if key is None or row["made_id"] is None:
            return kept
        if now - row["claimed_at"] > self._keys_kept_for:
            raise KeyExpired
        if row["fingerprint"] != key.fingerprint:
            raise KeyReused
        answer = answer_in(row, key, self._vault, status="answer_status")
        return Repeated(kept, answer, running=row["running"])

    _BEGIN: Final = """
        WITH claimed AS (
            INSERT INTO idempotency_keys AS mine (caller, route, key, fingerprint, payment_id, made_id, created_at)
            SELECT $11, $12, $13, $14, $1, $10, $4 WHERE $11::text IS NOT NULL
                ON CONFLICT (caller, route, key) DO UPDATE SET key = mine.key  -- a twin waits, then reads this row
            RETURNING made_id
        ), admitted AS (
            SELECT $1::uuid AS id WHERE NOT EXISTS (SELECT FROM claimed WHERE made_id IS DISTINCT FROM $10)
        ), leased AS (
            UPDATE open_payments
               SET lease_epoch = lease_epoch + 1, lease_until = $15, next_check_at = $15, operation = $16
             WHERE payment_id = (SELECT id FROM admitted) AND lease_until <= $4
            RETURNING payment_id, lease_epoch
        ), moved AS (
            UPDATE payments
               SET updated_at = $4, amount_to_capture = $5, cancel_requested = $6, history_head = $7, version = $3 + 1
             WHERE id = (SELECT payment_id FROM leased) AND created_at = $2 AND version = $3
            RETURNING id, user_id
        ), told AS (
            INSERT INTO payment_history (payment_id, payment_created_at, seq, body, hash, user_id, at)
            SELECT id, $2, $3 + 1, $8, $7, user_id, $4 FROM moved
        ), heard AS (
            INSERT INTO outbox (payment_id, payment_created_at, seq, type, created_at)
            SELECT id, $2, $3 + 1, $9, $4 FROM moved
        )
        SELECT CASE WHEN EXISTS (SELECT FROM moved)        THEN (SELECT lease_epoch FROM leased)
                    WHEN NOT EXISTS (SELECT FROM admitted) THEN NULL
                    WHEN EXISTS (SELECT FROM leased)       THEN length(refuse('PY004', $1)::text)
                    ELSE length(refuse('PY005', $1)::text)
               END AS epoch
    """

    async def begin(self, undertaking: Undertaking) -> Lease | None:
        after, entry, key = undertaking.after, undertaking.entry, undertaking.key
        until = after.updated_at + undertaking.lease_for
        values = (
            after.id,
            after.created_at,
            undertaking.before.payment.version,
            after.updated_at,
            after.amount_to_capture,
            after.cancel_requested,
            entry.hash,
            entry.body,
            entry.event,
            undertaking.id,
            *((key.caller, key.route, key.key, key.fingerprint) if key else (None,) * 4),
            until,
            rows.seal_operation(undertaking.operation, after.id, self._vault),
        )
        try:
            row = await self._database.row(self._BEGIN, *values)
        except asyncpg.PostgresError as refusal:
            if refusal.sqlstate == _STALE:
                return None
            if refusal.sqlstate == _BUSY:
                raise PaymentBusy from refusal
            raise
        return Lease(row["epoch"], until) if row and row["epoch"] is not None else None
