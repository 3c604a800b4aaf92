"""The table of open work: each row is handed to one worker at a time, under a lease."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from adapters.encryption import Unreadable, Vault
from adapters.postgres import rows
from adapters.postgres.pools import Database
from application.ports.gateway import Operation
from application.ports.open_payments import Due
from application.ports.payments import Lease

log = structlog.get_logger()


class PostgresOpenPayments:
    """Keeps the promises of `application.ports.open_payments.OpenPayments` in PostgreSQL."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    _OPERATION: Final = "SELECT operation FROM open_payments WHERE payment_id = $1"

    async def operation(self, payment_id: UUID) -> Operation | None:
        row = await self._database.row(self._OPERATION, payment_id)
        return rows.operation(row["operation"], payment_id, self._vault) if row else None

    _NUDGE: Final = """
        UPDATE open_payments SET next_check_at = $2
         WHERE payment_id = $1 AND NOT settled AND next_check_at > $2 AND coalesce(checked_at, '-infinity') <= $3
    """

    async def nudge(self, payment_id: UUID, now: datetime, at_most_every: timedelta) -> None:
        await self._database.rows(self._NUDGE, payment_id, now, now - at_most_every)

    _TAKE_DUE: Final = """
        WITH due AS (
            SELECT payment_id FROM open_payments
             WHERE next_check_at <= $1 AND lease_until <= $1 AND NOT settled
             ORDER BY next_check_at LIMIT $3 FOR UPDATE SKIP LOCKED
        ), taken AS (
            UPDATE open_payments SET lease_epoch = lease_epoch + 1, lease_until = $2, checked_at = $1
             WHERE payment_id IN (SELECT payment_id FROM due)
            RETURNING payment_id, payment_created_at, lease_epoch, operation
        )
        SELECT payments.*, lease_epoch, operation
          FROM taken JOIN payments ON id = payment_id AND created_at = payment_created_at
    """

    async def take_due(self, now: datetime, lease_for: timedelta, limit: int) -> list[Due]:
        until = now + lease_for
        taken = await self._database.rows(self._TAKE_DUE, now, until, limit)
        return [due for row in taken if (due := self._due(row, until))]

    def _due(self, row: asyncpg.Record, until: datetime) -> Due | None:
        try:
            kept = rows.kept(row, self._vault)
            operation = rows.operation(row["operation"], kept.payment.id, self._vault)
        except (Unreadable, ValueError):  # perhaps another release's; it must not stand in its neighbours' way
            log.exception("payment.unreadable", payment_id=str(row["id"]))
            return None
        return Due(kept, operation, Lease(row["lease_epoch"], until))

    _LET_GO: Final = """
        DELETE FROM open_payments WHERE payment_id IN (
            SELECT payment_id FROM open_payments WHERE next_check_at <= $1 AND settled
             ORDER BY next_check_at LIMIT 5000 FOR UPDATE SKIP LOCKED)
        RETURNING payment_id
    """

    async def let_go(self, now: datetime) -> int:
        return len(await self._database.rows(self._LET_GO, now))
