"""Refunds, their open work, and what each step does to their payment. A durable step is one statement."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog

from adapters.encryption import Unreadable, Vault
from adapters.postgres import rows
from adapters.postgres.answers import answer_in, sealed_answer
from adapters.postgres.pools import Database
from application.ports.gateway import Operation, OperationKind
from application.ports.payments import Kept, Key, Lease, Outcome, Recorded
from application.ports.refunds import DueRefund, KeptRefund, RefundPromise, RefundStep, RepeatedRefund
from domain.errors import KeyExpired, KeyReused, Refused, Unavailable
from domain.ids import born, created_at
from domain.payment import Payment, ReferenceKind

log = structlog.get_logger()

#: SQLSTATEs of our own, raised by refuse().
_NAME_TAKEN: Final = "PY003"
_STALE: Final = "PY004"


class PostgresRefunds:
    """Keeps the promises of `application.ports.refunds.Refunds` in PostgreSQL."""

    def __init__(self, database: Database, vault: Vault, *, keys_kept_for: timedelta) -> None:
        self._database = database
        self._vault = vault
        self._keys_kept_for = keys_kept_for

    _CONSIDER: Final = """
        SELECT payments.*, keys.fingerprint, keys.made_id, keys.created_at AS claimed_at,
               keys.status AS answer_status, keys.answer
          FROM payments
               LEFT JOIN idempotency_keys AS keys ON (caller, route, key) = ($3, $4, $5)
         WHERE payments.id = $1 AND payments.created_at = $2
    """

    async def consider(self, payment_id: UUID, key: Key | None, now: datetime) -> Kept | RepeatedRefund | None:
        moment = created_at(payment_id)
        if moment is None:
            return None
        named = (key.caller, key.route, key.key) if key else (None, None, None)
        row = await self._database.row(self._CONSIDER, payment_id, moment, *named)
        if row is None or key is None or row["made_id"] is None:
            return rows.kept(row, self._vault) if row else None
        if now - row["claimed_at"] > self._keys_kept_for:
            raise KeyExpired
        if row["fingerprint"] != key.fingerprint:
            raise KeyReused
        found = await self._database.row(self._FIND_TWIN, row["made_id"], moment, now)
        if found is None:
            raise Unavailable
        answer = answer_in(row, key, self._vault, status="answer_status")
        return RepeatedRefund(self._kept(found), answer, running=found["running"])

    _FIND: Final = f"""
        SELECT payments.*, {rows.REFUND_COLUMNS}
          FROM refunds
               JOIN payments ON payments.id = refunds.payment_id AND payments.created_at = refunds.payment_created_at
         WHERE refunds.id = $1 AND refunds.payment_created_at = $2 AND payments.created_at = $2
    """  # noqa: S608 - our own columns

    _FIND_TWIN: Final = _FIND.replace(
        "SELECT payments.*,",
        """SELECT payments.*, EXISTS (SELECT FROM open_refunds
                           WHERE refund_id = $1 AND lease_until > $3 AND lease_epoch = 1) AS running,""",
    )

    async def find(self, refund_id: UUID, *, urgent: bool = False) -> KeptRefund | None:
        moment = created_at(refund_id)
        if moment is None:
            return None
        row = await self._database.row(self._FIND, refund_id, moment, urgent=urgent)
        return self._kept(row) if row else None

    def _kept(self, row: asyncpg.Record) -> KeptRefund:
        return KeptRefund(rows.refund(row, self._vault), rows.kept(row, self._vault))

    _OPEN: Final = """
        WITH claimed AS (
            INSERT INTO idempotency_keys AS mine (caller, route, key, fingerprint, payment_id, made_id, created_at)
            SELECT $29, $30, $31, $32, $2, $1, $16 WHERE $29::text IS NOT NULL
                ON CONFLICT (caller, route, key) DO UPDATE SET key = mine.key  -- a twin waits, then reads this row
            RETURNING made_id
        ), admitted AS (
            SELECT $1::uuid AS id WHERE NOT EXISTS (SELECT FROM claimed WHERE made_id IS DISTINCT FROM $1)
        ), moved AS (
            UPDATE payments
               SET updated_at = $16, status = $18, reason = $19, amount_captured = $20, amount_refunded = $21,
                   amount_reserved = $22, amount_excess_refunded = $23, history_head = $24, version = $17 + 1
             WHERE id = $2 AND created_at = $3 AND version = $17 AND EXISTS (SELECT FROM admitted)
            RETURNING id, user_id
        ), made AS (
            INSERT INTO refunds (id, payment_id, payment_created_at, user_id, amount, currency, channel, origin, status,
                                 failure, known, refs, private, requested_at, updated_at, version)
            SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $16, $15 FROM moved
        ), told AS (
            INSERT INTO payment_history (payment_id, payment_created_at, seq, body, hash, user_id, at)
            SELECT id, $3, $17 + 1, $25, $24, user_id, $16 FROM moved
        ), heard AS (
            INSERT INTO outbox (payment_id, payment_created_at, seq, type, created_at)
            SELECT id, $3, $17 + 1, $26, $16 FROM moved
        ), opened AS (
            INSERT INTO open_refunds (refund_id, payment_created_at, lease_until, next_check_at, operation)
            SELECT $1, $3, $27, $27, $28 FROM moved WHERE $28::bytea IS NOT NULL
        ), named AS (
            INSERT INTO gateway_references AS taken (kind, reference, payment_id, refund_id)
            SELECT kind, reference, id, $1 FROM moved, unnest($33::text[], $34::text[]) AS name (kind, reference)
                ON CONFLICT (kind, reference) DO UPDATE SET kind = taken.kind
            RETURNING CASE WHEN refund_id = $1 THEN refund_id ELSE refuse('PY003', payment_id) END
        ), called_back AS (
            INSERT INTO callback_tokens (token_hash, payment_id, refund_id, purpose)
            SELECT hash, id, $1, purpose FROM moved, unnest($35::text[], $36::bytea[]) AS token (purpose, hash)
        ), doubted AS (
            INSERT INTO open_payments (payment_id, payment_created_at, lease_until, next_check_at, operation)
            SELECT id, $3, $16, $16, $39 FROM moved WHERE $18 = 'REVIEW' ON CONFLICT DO NOTHING  -- not for the archive
        ), applied AS (
            UPDATE webhook_inbox SET state = 'done', outcome = 'applied'
             WHERE id = $37 AND arrived_at = $38 AND EXISTS (SELECT FROM moved)
        )
        SELECT CASE WHEN EXISTS (SELECT FROM moved)    THEN $1
                    WHEN EXISTS (SELECT FROM admitted) THEN refuse('PY004', $2)  -- gives the key up again, too
               END AS opened
    """

    async def open(self, promise: RefundPromise) -> Lease | None:
        refund, payment, key = promise.refund, promise.payment, promise.key
        until = refund.requested_at + promise.lease_for
        names, tokens = list(refund.references.items()), list(promise.callback_tokens.items())
        operation = promise.operation
        values = (
            refund.id,
            payment.id,
            payment.created_at,
            refund.user_id,
            refund.money.amount,
            refund.money.currency,
            refund.channel,
            refund.origin,
            refund.status,
            refund.failure,
            rows.known_json(refund.known),
            rows.references_json(refund.references),
            rows.seal_refund(refund, self._vault),
            refund.requested_at,
            refund.version,
            payment.updated_at,
            promise.before.payment.version,
            *_amounts(payment),
            promise.entry.hash,
            promise.entry.body,
            promise.entry.event,
            until,
            rows.seal_operation(operation, refund.id, self._vault) if operation else None,
            *((key.caller, key.route, key.key, key.fingerprint) if key else (None,) * 4),
            [kind for kind, _ in names],
            [rows.registered(*name, self._vault) for name in names],
            [purpose for purpose, _ in tokens],
            [token for _, token in tokens],
            promise.inbox_id,
            born(promise.inbox_id) if promise.inbox_id else None,
            rows.seal_operation(Operation(started_at=payment.created_at), payment.id, self._vault),
        )
        try:
            row = await self._database.row(self._OPEN, *values)
        except asyncpg.PostgresError as refusal:
            if refusal.sqlstate == _STALE:
                return None
            raise _meaning(refusal) from refusal
        return Lease(1, until) if row and row["opened"] else None

    _RECORD: Final = """
        WITH lease AS (
            SELECT lease_epoch FROM open_refunds WHERE refund_id = $15 FOR UPDATE  -- nobody takes it over meanwhile
        ), moved AS (
            UPDATE payments
               SET updated_at = $4, status = $5, reason = $6, amount_captured = $7, amount_refunded = $8,
                   amount_reserved = $9, amount_excess_refunded = $10, history_head = $11, version = $12
             WHERE id = $1 AND created_at = $2 AND version = $3
               AND NOT EXISTS (SELECT FROM lease WHERE lease_epoch <> $16)
            RETURNING id, user_id
        ), changed AS (
            UPDATE refunds SET status = $17, failure = $18, known = $19, refs = $20, updated_at = $21, version = $22,
                               freed = freed OR $17 IN ('FAILED', 'CANCELLED')
             WHERE id = $15 AND payment_created_at = $2 AND EXISTS (SELECT FROM moved)
        ), told AS (
            INSERT INTO payment_history (payment_id, payment_created_at, seq, body, hash, user_id, at)
            SELECT id, $2, $12, $13, $11, user_id, $4 FROM moved WHERE $13::bytea IS NOT NULL
        ), heard AS (
            INSERT INTO outbox (payment_id, payment_created_at, seq, type, created_at)
            SELECT id, $2, $12, $14, $4 FROM moved WHERE $13::bytea IS NOT NULL
        ), named AS (
            INSERT INTO gateway_references AS taken (kind, reference, payment_id, refund_id)
            SELECT kind, reference, id, $15 FROM moved, unnest($23::text[], $24::text[]) AS name (kind, reference)
                ON CONFLICT (kind, reference) DO UPDATE SET kind = taken.kind
            RETURNING CASE WHEN refund_id = $15 THEN refund_id ELSE refuse('PY003', payment_id) END
        ), answered AS (
            UPDATE idempotency_keys
               SET status = coalesce(status, $25), answer = coalesce(answer, $26)  -- the first answer stays
             WHERE NOT $30 AND caller = $27 AND route = $28 AND key = $29 AND made_id = $15
               AND EXISTS (SELECT FROM moved)
            RETURNING status, answer
        ), released AS (
            DELETE FROM idempotency_keys
             WHERE $30 AND caller = $27 AND route = $28 AND key = $29 AND made_id = $15 AND EXISTS (SELECT FROM moved)
        ), kept_open AS (
            INSERT INTO open_refunds AS work (refund_id, payment_created_at, lease_until, next_check_at, operation)
            SELECT $15, $2, $4, $31, $32 FROM moved WHERE $31::timestamptz IS NOT NULL
                ON CONFLICT (refund_id) DO UPDATE
                   SET next_check_at = excluded.next_check_at,
                       lease_until   = CASE WHEN $16::integer IS NOT NULL THEN excluded.lease_until
                                            ELSE work.lease_until END
        ), closed AS (
            DELETE FROM open_refunds
             WHERE $31::timestamptz IS NULL AND refund_id = $15 AND EXISTS (SELECT FROM moved)
        ), doubted AS (
            INSERT INTO open_payments (payment_id, payment_created_at, lease_until, next_check_at, operation)
            SELECT id, $2, $4, $4, $33 FROM moved WHERE $5 = 'REVIEW' ON CONFLICT DO NOTHING  -- not for the archive
        ), applied AS (
            UPDATE webhook_inbox SET state = 'done', outcome = 'applied'
             WHERE id = $34 AND arrived_at = $35 AND EXISTS (SELECT FROM moved)
        )
        SELECT id, status, answer FROM moved LEFT JOIN answered ON true
    """

    async def record(self, step: RefundStep) -> Recorded:
        before, payment, refund, entry, key = step.before, step.payment, step.refund, step.entry, step.key
        names = [name for name in refund.references.items() if name not in before.refund.references.items()]
        answer = step.answer
        again = Operation(started_at=refund.requested_at, kind=OperationKind.REFUND)
        values = (
            payment.id,
            payment.created_at,
            before.kept.payment.version,
            payment.updated_at,
            *_amounts(payment),
            entry.hash if entry else before.kept.head,
            payment.version,
            entry.body if entry else None,
            entry.event if entry else None,
            refund.id,
            step.lease.epoch if step.lease else None,
            refund.status,
            refund.failure,
            rows.known_json(refund.known),
            rows.references_json(refund.references),
            refund.updated_at,
            refund.version,
            [kind for kind, _ in names],
            [rows.registered(*name, self._vault) for name in names],
            answer.status if answer else None,
            sealed_answer(answer, key, self._vault),
            *((key.caller, key.route, key.key) if key else (None,) * 3),
            step.release_key,
            step.next_check_at,
            rows.seal_operation(again, refund.id, self._vault),
            rows.seal_operation(Operation(started_at=payment.created_at), payment.id, self._vault),
            step.inbox_id,
            born(step.inbox_id) if step.inbox_id else None,
        )
        try:
            moved = await self._database.row(self._RECORD, *values, urgent=True)
        except asyncpg.PostgresError as refusal:
            raise _meaning(refusal) from refusal
        if moved is None:
            return Recorded(await self._why_not(step))
        return Recorded(Outcome.DONE, answer_in(moved, key, self._vault) if key else None)

    _FENCE: Final = "SELECT 1 FROM open_refunds WHERE refund_id = $1 AND lease_epoch <> $2"

    async def _why_not(self, step: RefundStep) -> Outcome:
        if step.lease is None:
            return Outcome.STALE
        fenced = await self._database.row(self._FENCE, step.refund.id, step.lease.epoch, urgent=True)
        return Outcome.FENCED if fenced else Outcome.STALE

    _BY_REFERENCE: Final = """
        SELECT refund_id FROM gateway_references WHERE kind = $1 AND reference = $2 AND refund_id IS NOT NULL
    """

    async def find_by_reference(self, kind: ReferenceKind, reference: str) -> UUID | None:
        row = await self._database.row(self._BY_REFERENCE, kind, rows.registered(kind, reference, self._vault))
        return UUID(int=row["refund_id"].int) if row else None

    _TAKE_DUE: Final = f"""
        WITH due AS (
            SELECT refund_id FROM open_refunds
             WHERE next_check_at <= $1 AND lease_until <= $1
             ORDER BY next_check_at LIMIT $3 FOR UPDATE SKIP LOCKED
        ), taken AS (
            UPDATE open_refunds SET lease_epoch = lease_epoch + 1, lease_until = $2
             WHERE refund_id IN (SELECT refund_id FROM due)
            RETURNING refund_id AS id, payment_created_at AS moment, lease_epoch, operation
        )
        SELECT payments.*, {rows.REFUND_COLUMNS}, lease_epoch, operation
          FROM taken
               JOIN refunds ON refunds.id = taken.id AND refunds.payment_created_at = moment
               JOIN payments ON payments.id = refunds.payment_id AND payments.created_at = moment
    """  # noqa: S608 - our own columns

    async def take_due(self, now: datetime, lease_for: timedelta, limit: int) -> list[DueRefund]:
        until = now + lease_for
        taken = await self._database.rows(self._TAKE_DUE, now, until, limit)
        return [due for row in taken if (due := self._due(row, until))]

    def _due(self, row: asyncpg.Record, until: datetime) -> DueRefund | None:
        try:
            before = self._kept(row)
            operation = rows.operation(row["operation"], before.refund.id, self._vault)
        except (Unreadable, ValueError):  # perhaps another release's; it must not stand in its neighbours' way
            log.exception("refund.unreadable", refund_id=str(row["refund_id"]))
            return None
        return DueRefund(before, operation, Lease(row["lease_epoch"], until))


def _amounts(payment: Payment) -> tuple[Any, ...]:
    return (
        payment.status,
        payment.reason,
        payment.amount_captured,
        payment.amount_refunded,
        payment.amount_reserved,
        payment.amount_excess_refunded,
    )


def _meaning(refusal: asyncpg.PostgresError) -> Exception:
    if refusal.sqlstate == _NAME_TAKEN:
        return Refused("a name the gateway gave belongs to another refund", holder=refusal.detail)
    return refusal
