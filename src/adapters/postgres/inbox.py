"""Webhooks as they came, byte for byte, unique by gateway and event id, until they are applied."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from adapters.encryption import Unreadable, Vault
from adapters.postgres.pools import Database
from application.ports.inbox import Message
from application.ports.payments import Purpose
from domain.payment_method import GatewayName

log = structlog.get_logger()


class PostgresInbox:
    """Keeps the promises of `application.ports.inbox.Inbox` in PostgreSQL."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    _KEEP: Final = """
        WITH fresh AS (
            INSERT INTO inbox_events (gateway, event_id, arrived_at) VALUES ($3, $4, $2)
                ON CONFLICT DO NOTHING
            RETURNING arrived_at
        )
        INSERT INTO webhook_inbox (id, arrived_at, gateway, event_id, payment_id, body, next_try_at, refund_id, purpose)
        SELECT $1, arrived_at, $3, $4, $5, $6, arrived_at, $7, $8 FROM fresh
        RETURNING id
    """

    async def keep(self, message: Message) -> bool:
        sealed = self._vault.seal(message.body, f"inbox:{message.id}")
        kept = await self._database.rows(
            self._KEEP,
            message.id,
            message.arrived_at,
            message.gateway,
            message.event_id,
            message.payment_id,
            sealed,
            message.refund_id,
            message.purpose,
        )
        return bool(kept)

    _TAKE: Final = """
        UPDATE webhook_inbox AS taken SET attempts = attempts + 1, next_try_at = $2
          FROM (SELECT id, arrived_at FROM webhook_inbox
                 WHERE state = 'waiting' AND next_try_at <= $1
                 ORDER BY next_try_at LIMIT $3 FOR UPDATE SKIP LOCKED) AS next
         WHERE taken.id = next.id AND taken.arrived_at = next.arrived_at
        RETURNING taken.id, taken.gateway, taken.event_id, taken.payment_id, taken.body, taken.attempts,
                  taken.refund_id, taken.purpose
    """

    async def take(self, now: datetime, lease_for: timedelta, limit: int) -> list[Message]:
        taken = await self._database.rows(self._TAKE, now, now + lease_for, limit)
        messages = [message for row in taken if (message := self._message(row))]
        return sorted(messages, key=lambda message: message.id)

    def _message(self, row: asyncpg.Record) -> Message | None:
        try:
            body = self._vault.open(row["body"], f"inbox:{row['id']}")
        except Unreadable:  # it must not stand in the way of its neighbours; it comes back when its time is over
            log.error("webhook.unreadable", inbox_id=str(row["id"]))  # noqa: TRY400 - the cause holds no more
            return None
        return Message(
            id=UUID(int=row["id"].int),
            gateway=GatewayName(row["gateway"]),
            event_id=row["event_id"],
            body=body,
            payment_id=UUID(int=row["payment_id"].int) if row["payment_id"] else None,
            attempts=row["attempts"],
            refund_id=UUID(int=row["refund_id"].int) if row["refund_id"] else None,
            purpose=Purpose(row["purpose"]) if row["purpose"] else None,
        )

    _DONE: Final = "UPDATE webhook_inbox SET state = 'done', outcome = $3 WHERE id = $1 AND arrived_at = $2"

    async def done(self, message: Message, *, outcome: str) -> None:
        await self._database.rows(self._DONE, message.id, message.arrived_at, outcome)

    _LATER: Final = """
        UPDATE webhook_inbox SET next_try_at = $3, outcome = $4, attempts = attempts - $5
         WHERE id = $1 AND arrived_at = $2
    """

    async def later(self, message: Message, *, at: datetime, why: str, counts: bool) -> None:
        await self._database.rows(self._LATER, message.id, message.arrived_at, at, why, 0 if counts else 1)

    _PARK: Final = "UPDATE webhook_inbox SET state = 'parked', outcome = $3 WHERE id = $1 AND arrived_at = $2"

    async def park(self, message: Message, *, why: str) -> None:
        await self._database.rows(self._PARK, message.id, message.arrived_at, why)

    _WAITING: Final = "SELECT count(*) AS waiting FROM webhook_inbox WHERE state = 'waiting'"

    async def waiting(self) -> int:
        row = await self._database.row(self._WAITING)
        return int(row["waiting"]) if row else 0
