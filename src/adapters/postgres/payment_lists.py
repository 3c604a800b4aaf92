"""Lists of payments and of users' stories, newest first. An index finds where the page before ended."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from adapters.encryption import Vault
from adapters.postgres import rows
from adapters.postgres.pages import statement
from adapters.postgres.reading import Reading
from application.ports.payment_lists import Line, Place, Wanted
from application.ports.positions import LATEST, Position
from application.ports.seen_payment import SeenPayment
from domain.history import GENESIS, Entry
from domain.ids import born


class PostgresPaymentLists:
    """Keeps the promises of `application.ports.payment_lists.PaymentLists` in PostgreSQL."""

    def __init__(self, reading: Reading, vault: Vault) -> None:
        self._reading = reading
        self._vault = vault

    async def payments(
        self, wanted: Wanted, *, limit: int, after: UUID | None = None, written: Position | None = None
    ) -> list[SeenPayment]:
        asked = payments_statement(wanted, limit=limit, after=after)
        # Whether an order is paid is decided by: it is read where it was written.
        found = await self._reading.rows(*asked, after=written if wanted.order_id is None else LATEST)
        return [rows.seen(row, self._vault) for row in found]

    async def history(
        self,
        user_id: UUID,
        *,
        limit: int,
        since: datetime | None = None,
        until: datetime | None = None,
        after: Place | None = None,
        written: Position | None = None,
    ) -> list[Line]:
        asked = history_statement(user_id, limit=limit, since=since, until=until, after=after)
        return [_line(row) for row in await self._reading.rows(*asked, after=written)]


_PAYMENTS: Final = f"SELECT {rows.SEEN_COLUMNS} FROM payments"  # noqa: S608 - our own columns
_PAYMENTS_ORDER: Final = "ORDER BY created_at DESC, id DESC"

# One entry more for each, by its key and from its month alone: the chain is told with every entry.
_HISTORY: Final = """
    SELECT payment_id, seq, body, hash, at,
           (SELECT before.hash FROM payment_history AS before
             WHERE before.payment_id = entry.payment_id AND before.payment_created_at = entry.payment_created_at
               AND before.seq = entry.seq - 1) AS previous
      FROM payment_history AS entry
"""
_HISTORY_ORDER: Final = "ORDER BY at DESC, payment_id DESC, seq DESC"


def payments_statement(wanted: Wanted, *, limit: int, after: UUID | None) -> tuple[Any, ...]:
    """A statement and its values. The text depends on what is asked for, never on the values."""
    conditions = [
        ("user_id = {}", (wanted.user_id,)),
        ("order_id = {}", (wanted.order_id,)),
        ("status = {}", (wanted.status,)),
        ("currency = {}", (wanted.currency,)),
        ("gateway = {}", (wanted.gateway,)),
        ("created_at >= {}", (wanted.since,)),
        ("created_at <= {}", (wanted.until,)),
        # The first half says nothing new, but it is what months are ruled out by.
        ("created_at <= {0} AND (created_at, id) < ({0}, {1})", (after and born(after), after)),
    ]
    return statement(_PAYMENTS, conditions, _PAYMENTS_ORDER, limit)


def history_statement(
    user_id: UUID, *, limit: int, since: datetime | None, until: datetime | None, after: Place | None
) -> tuple[Any, ...]:
    """As above. An entry is in the month of its payment, which may be any before it: no dates rule one out."""
    place = (after.at, after.payment_id, after.seq) if after else (None, None, None)
    conditions = [
        ("user_id = {}", (user_id,)),
        ("at >= {}", (since,)),
        ("at <= {}", (until,)),
        ("(at, payment_id, seq) < ({}, {}, {})", place),
    ]
    return statement(_HISTORY, conditions, _HISTORY_ORDER, limit)


def _line(row: asyncpg.Record) -> Line:
    payment_id = UUID(int=row["payment_id"].int)
    entry = Entry(payment_id=payment_id, seq=row["seq"], body=row["body"], hash=row["hash"])
    return Line(entry=entry, previous=row["previous"] or GENESIS, at=row["at"])
