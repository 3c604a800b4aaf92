"""Payments, their open work, their append-only history and their events. A durable step is one statement."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog

from adapters.encryption import Vault
from adapters.postgres import rows
from adapters.postgres.answers import answer_in, sealed_answer
from adapters.postgres.pools import Database
from application.ports.gateway import Operation
from application.ports.payments import (
    Addressee,
    Answer,
    Kept,
    Key,
    Lease,
    Opened,
    Outcome,
    Promise,
    Purpose,
    Recorded,
    Repeated,
    Step,
)
from domain.errors import DuplicatePayment, KeyExpired, KeyReused, PhoneBusy, Refused, Unavailable
from domain.ids import born, created_at
from domain.payment import Payment, ReferenceKind

log = structlog.get_logger()

#: SQLSTATEs of our own, raised by refuse().
_DUPLICATE: Final = "PY001"
_PHONE_BUSY: Final = "PY002"
_NAME_TAKEN: Final = "PY003"


class PostgresPayments:
    """Keeps the promises of `application.ports.payments.Payments` in PostgreSQL."""

    def __init__(self, database: Database, vault: Vault, *, keys_kept_for: timedelta) -> None:
        self._database = database
        self._vault = vault
        self._keys_kept_for = keys_kept_for

    _OPEN: Final = """
        WITH claimed AS (
            INSERT INTO idempotency_keys AS mine (caller, route, key, fingerprint, payment_id, created_at)
            SELECT $20, $21, $22, $23, $1, $2 WHERE $20::text IS NOT NULL
                ON CONFLICT (caller, route, key) DO UPDATE SET key = mine.key  -- a twin waits, then reads this row
            RETURNING payment_id, fingerprint, status, answer, created_at
        ), admitted AS (
            SELECT $1::uuid AS id WHERE NOT EXISTS (SELECT FROM claimed WHERE payment_id <> $1)
        ), opened AS (
            INSERT INTO open_payments AS other
                   (payment_id, payment_created_at, likeness, lease_until, next_check_at, operation)
            SELECT id, $2, $15, $16, $16, $17 FROM admitted
                ON CONFLICT (likeness) DO UPDATE SET likeness = other.likeness
            RETURNING CASE WHEN payment_id = $1 THEN payment_id ELSE refuse('PY001', payment_id) END AS id
        ), held AS (
            INSERT INTO held_phones AS busy (phone, payment_id, until)
            SELECT $18, id, $19 FROM opened WHERE $18::bytea IS NOT NULL
                ON CONFLICT (phone) DO UPDATE
                   SET payment_id = CASE WHEN busy.until <= $2 THEN excluded.payment_id ELSE busy.payment_id END,
                       until      = CASE WHEN busy.until <= $2 THEN excluded.until      ELSE busy.until      END
            RETURNING CASE WHEN payment_id = $1 THEN payment_id ELSE refuse('PY002', payment_id) END AS id
        ), made AS (
            INSERT INTO payments (id, created_at, updated_at, user_id, order_id, gateway, method, amount, currency,
                                  capture_method, status, known, refs, private, history_head, version)
            SELECT id, $2, $2, $3, $4, $5, $6, $7, $8, $9, 'PROCESSING', '[]', $10, $11, $12, 1 FROM opened
        ), told AS (
            INSERT INTO payment_history (payment_id, payment_created_at, seq, body, hash, user_id, at)
            SELECT id, $2, 1, $13, $12, $3, $2 FROM opened
        ), heard AS (
            INSERT INTO outbox (payment_id, payment_created_at, seq, type, created_at)
            SELECT id, $2, 1, $14, $2 FROM opened
        ), named AS (
            INSERT INTO gateway_references AS taken (kind, reference, payment_id)
            SELECT kind, reference, id FROM opened, unnest($24::text[], $25::text[]) AS name (kind, reference)
        ), called_back AS (
            INSERT INTO callback_tokens (token_hash, payment_id, purpose)
            SELECT $26, id, 'prompt' FROM opened WHERE $26::bytea IS NOT NULL
        )
        SELECT payment_id, fingerprint, status, answer, created_at FROM claimed WHERE payment_id <> $1
    """

    async def open(self, promise: Promise) -> Opened | Repeated:
        return await self._open(promise, tries=2)

    async def _open(self, promise: Promise, *, tries: int) -> Opened | Repeated:
        payment, key = promise.payment, promise.key
        until = payment.created_at + promise.lease_for
        names = list(payment.references.items())
        values = (
            payment.id,
            payment.created_at,
            payment.user_id,
            payment.order_id,
            payment.gateway,
            rows.method_json(payment.method),
            payment.money.amount,
            payment.money.currency,
            payment.capture_method,
            rows.references_json(payment.references),
            rows.seal_private(payment, self._vault),
            promise.entry.hash,
            promise.entry.body,
            promise.entry.event,
            promise.likeness,
            until,
            rows.seal_operation(promise.operation, payment.id, self._vault),
            promise.phone,
            promise.phone_until,
            *((key.caller, key.route, key.key, key.fingerprint) if key else (None,) * 4),
            [kind for kind, _ in names],
            [rows.registered(*name, self._vault) for name in names],
            promise.callback_token_hash,
        )
        try:
            twin = await self._database.row(self._OPEN, *values)
        except asyncpg.PostgresError as refusal:
            if refusal.sqlstate == _DUPLICATE:
                return await self._after_duplicate(promise, UUID(refusal.detail), tries=tries - 1)
            if refusal.sqlstate == _PHONE_BUSY:
                raise PhoneBusy from refusal
            raise
        if twin is None or key is None:
            return Opened(Lease(1, until))
        return await self._repeated(twin, key, payment.created_at)

    async def _after_duplicate(self, promise: Promise, holder: UUID, *, tries: int) -> Opened | Repeated:
        """The holder's window may be over though nobody has swept yet, or somebody just has: then its place is free."""
        if not tries:
            raise DuplicatePayment(holder)
        await self._database.rows(self._LET_GO_OF, holder, promise.payment.created_at)
        return await self._open(promise, tries=tries)

    _CLAIMED: Final = """
        SELECT payment_id, fingerprint, status, answer, created_at FROM idempotency_keys
         WHERE caller = $1 AND route = $2 AND key = $3
    """

    async def repeated(self, key: Key, now: datetime) -> Repeated | None:
        twin = await self._database.row(self._CLAIMED, key.caller, key.route, key.key)
        return await self._repeated(twin, key, now) if twin else None

    async def _repeated(self, twin: asyncpg.Record, key: Key, now: datetime) -> Repeated:
        if now - twin["created_at"] > self._keys_kept_for:
            raise KeyExpired
        if twin["fingerprint"] != key.fingerprint:
            raise KeyReused
        payment_id = twin["payment_id"]
        row = await self._database.row(self._FIND_TWIN, payment_id, born(payment_id), now)
        if row is None:
            raise Unavailable
        return Repeated(rows.kept(row, self._vault), answer_in(twin, key, self._vault), running=row["running"])

    # One snapshot: between two, the first could end, and would look as if it neither ran nor had an outcome.
    _FIND_TWIN: Final = """
        SELECT *, EXISTS (SELECT FROM open_payments
                           WHERE payment_id = $1 AND lease_until > $3 AND lease_epoch = 1) AS running
          FROM payments WHERE id = $1 AND created_at = $2
    """

    _LET_GO_OF: Final = """
        DELETE FROM open_payments WHERE payment_id = $1 AND settled AND next_check_at <= $2 RETURNING payment_id
    """

    _RECORD: Final = """
        WITH lease AS (
            -- From here on nobody takes it over; and all who move a payment take these two rows in this order.
            SELECT lease_epoch FROM open_payments WHERE payment_id = $1 FOR UPDATE
        ), moved AS (
            UPDATE payments
               SET updated_at = $4, status = $5, reason = $6, method = $7, known = $8, refs = $9, private = $10,
                   capture_before = $11, amount_captured = $12, late = $13, order_overpaid = $14,
                   history_head = $15, version = $16, amount_to_capture = $39, cancel_requested = $40
             WHERE id = $1 AND created_at = $2 AND version = $3
               AND NOT EXISTS (SELECT FROM lease WHERE lease_epoch <> $17)
            RETURNING id
        ), told AS (
            INSERT INTO payment_history (payment_id, payment_created_at, seq, body, hash, user_id, at)
            SELECT id, $2, $16, $18, $15, $37, $4 FROM moved WHERE $18::bytea IS NOT NULL
        ), heard AS (
            INSERT INTO outbox (payment_id, payment_created_at, seq, type, created_at)
            SELECT id, $2, $16, $19, $4 FROM moved WHERE $18::bytea IS NOT NULL
        ), named AS (
            INSERT INTO gateway_references AS taken (kind, reference, payment_id)
            SELECT kind, reference, id FROM moved, unnest($20::text[], $21::text[]) AS name (kind, reference)
                ON CONFLICT (kind, reference) DO UPDATE SET kind = taken.kind
            RETURNING CASE WHEN payment_id = $1 THEN payment_id ELSE refuse('PY003', payment_id) END
        ), answered AS (
            UPDATE idempotency_keys
               SET status = coalesce(status, $22), answer = coalesce(answer, $23)  -- the first answer stays
             WHERE NOT $35 AND caller = $24 AND route = $25 AND key = $26 AND payment_id = $1
               AND EXISTS (SELECT FROM moved)
            RETURNING status, answer
        ), released AS (
            DELETE FROM idempotency_keys
             WHERE $35 AND caller = $24 AND route = $25 AND key = $26 AND payment_id = $1 AND EXISTS (SELECT FROM moved)
        ), paid_late AS (
            INSERT INTO orders_paid_late (user_id, order_id, payment_id)
            SELECT $37, $38, id FROM moved WHERE $13 AND $5 = 'SUCCEEDED' ON CONFLICT DO NOTHING
        ), order_paid_twice AS (
            SELECT FROM orders_paid_late WHERE $36 AND user_id = $37 AND order_id = $38 AND payment_id <> $1
        ), kept_open AS (
            INSERT INTO open_payments AS work
                   (payment_id, payment_created_at, lease_until, next_check_at, settled, operation)
            SELECT id, $2, $4,
                   CASE WHEN EXISTS (SELECT FROM order_paid_twice) THEN $4 ELSE $30 END,
                   $31 AND NOT EXISTS (SELECT FROM order_paid_twice), $32
              FROM moved WHERE $30::timestamptz IS NOT NULL
                ON CONFLICT (payment_id) DO UPDATE
                   SET next_check_at = excluded.next_check_at,
                       settled       = excluded.settled,
                       likeness      = CASE WHEN $33 THEN work.likeness END,
                       lease_until   = CASE WHEN $34 THEN excluded.lease_until ELSE work.lease_until END
                 WHERE $17::integer IS NULL OR work.lease_epoch = $17  -- taken over in this moment: it is theirs now
        ), closed AS (
            DELETE FROM open_payments
             WHERE $30::timestamptz IS NULL AND payment_id IN (SELECT id FROM moved)
               AND ($17::integer IS NULL OR lease_epoch = $17)
        ), hung_up AS (
            DELETE FROM held_phones WHERE $27 AND payment_id = $1 AND EXISTS (SELECT FROM moved)
        ), applied AS (
            UPDATE webhook_inbox SET state = 'done', outcome = 'applied'
             WHERE id = $28 AND arrived_at = $29 AND EXISTS (SELECT FROM moved)
        )
        SELECT id, status, answer FROM moved LEFT JOIN answered ON true
    """

    async def record(self, step: Step) -> Recorded:
        before, after, entry, key, work = step.before.payment, step.after, step.entry, step.key, step.work
        names = [name for name in after.references.items() if name not in before.references.items()]
        answer = step.answer
        values = (
            after.id,
            after.created_at,
            before.version,
            after.updated_at,
            after.status,
            after.reason,
            rows.method_json(after.method),
            rows.known_json(after.known),
            rows.references_json(after.references),
            rows.seal_private(after, self._vault),
            after.capture_before,
            after.amount_captured,
            after.late,
            after.order_overpaid,
            entry.hash if entry else step.before.head,
            after.version,
            step.lease.epoch if step.lease else None,
            entry.body if entry else None,
            entry.event if entry else None,
            [kind for kind, _ in names],
            [rows.registered(*name, self._vault) for name in names],
            answer.status if answer else None,
            sealed_answer(answer, key, self._vault),
            *((key.caller, key.route, key.key) if key else (None,) * 3),
            after.status.is_closed and after.method.phone is not None,
            step.inbox_id,
            born(step.inbox_id) if step.inbox_id else None,
            work.next_check_at if work else None,
            work.settled if work else False,
            rows.seal_operation(Operation(started_at=after.created_at), after.id, self._vault),
            work.holds_likeness if work else False,
            step.lease is not None,
            step.release_key,
            work.unless_paid_late if work else False,
            after.user_id,
            after.order_id,
            after.amount_to_capture,
            after.cancel_requested,
        )
        try:
            moved = await self._database.row(self._RECORD, *values, urgent=True)
        except asyncpg.PostgresError as refusal:
            if refusal.sqlstate == _NAME_TAKEN:
                raise Refused("a name the gateway gave belongs to another payment", holder=refusal.detail) from refusal
            raise
        if moved is None:
            return Recorded(await self._why_not(step))
        return Recorded(Outcome.DONE, answer_in(moved, key, self._vault) if key else None)

    _FENCE: Final = "SELECT 1 FROM open_payments WHERE payment_id = $1 AND lease_epoch <> $2"

    async def _why_not(self, step: Step) -> Outcome:
        if step.lease is None:
            return Outcome.STALE
        fenced = await self._database.row(self._FENCE, step.after.id, step.lease.epoch, urgent=True)
        return Outcome.FENCED if fenced else Outcome.STALE

    _STORE_ANSWER: Final = """
        UPDATE idempotency_keys SET status = coalesce(status, $4), answer = coalesce(answer, $5)
         WHERE caller = $1 AND route = $2 AND key = $3
        RETURNING status, answer
    """

    async def store_answer(self, key: Key, answer: Answer) -> Answer:
        sealed = sealed_answer(answer, key, self._vault)
        row = await self._database.row(
            self._STORE_ANSWER, key.caller, key.route, key.key, answer.status, sealed, urgent=True
        )
        return (answer_in(row, key, self._vault) if row else None) or answer

    _FIND: Final = "SELECT * FROM payments WHERE id = $1 AND created_at = $2"

    async def find(self, payment_id: UUID, *, urgent: bool = False) -> Kept | None:
        moment = created_at(payment_id)
        if moment is None:
            return None
        row = await self._database.row(self._FIND, payment_id, moment, urgent=urgent)
        return rows.kept(row, self._vault) if row else None

    _BY_REFERENCE: Final = """
        SELECT payment_id FROM gateway_references WHERE kind = $1 AND reference = $2 AND refund_id IS NULL
    """

    async def find_by_reference(self, kind: ReferenceKind, reference: str) -> UUID | None:
        name = rows.registered(kind, reference, self._vault)
        return _id(await self._database.rows(self._BY_REFERENCE, kind, name))

    _BY_CALLBACK: Final = """
        SELECT payment_id, refund_id, purpose FROM callback_tokens WHERE token_hash = $1 AND purpose = ANY ($2::text[])
    """

    async def find_by_callback(self, token_hash: bytes, purposes: Collection[Purpose]) -> Addressee | None:
        row = await self._database.row(self._BY_CALLBACK, token_hash, list(purposes))
        if row is None:
            return None
        refund_id = UUID(int=row["refund_id"].int) if row["refund_id"] else None
        return Addressee(UUID(int=row["payment_id"].int), refund_id, Purpose(row["purpose"]))

    _ANOTHER_SUCCEEDED: Final = """
        SELECT id AS payment_id FROM payments
         WHERE user_id = $1 AND order_id = $2 AND status = 'SUCCEEDED' AND id <> $3 LIMIT 1
    """

    async def another_succeeded(self, payment: Payment) -> bool:
        found = await self._database.rows(self._ANOTHER_SUCCEEDED, payment.user_id, payment.order_id, payment.id)
        return bool(found)


def _id(found: Sequence[Any]) -> UUID | None:
    return UUID(int=found[0]["payment_id"].int) if found else None
