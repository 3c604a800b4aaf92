"""Lists of refunds, newest first. An index finds where the page before ended."""

from typing import Any, Final
from uuid import UUID

from adapters.encryption import Vault
from adapters.postgres import rows
from adapters.postgres.pages import statement
from adapters.postgres.reading import Reading
from application.ports.positions import Position
from application.ports.refund_lists import RefundPlace, WantedRefunds
from domain.ids import created_at
from domain.refund import Refund


class PostgresRefundLists:
    """Keeps the promises of `application.ports.refund_lists.RefundLists` in PostgreSQL."""

    def __init__(self, reading: Reading, vault: Vault) -> None:
        self._reading = reading
        self._vault = vault

    async def refunds(
        self,
        wanted: WantedRefunds,
        *,
        limit: int,
        after: RefundPlace | None = None,
        written: Position | None = None,
    ) -> list[Refund]:
        if wanted.payment_id is not None and created_at(wanted.payment_id) is None:
            return []  # no id of ours: it names no month
        asked = refunds_statement(wanted, limit=limit, after=after)
        return [rows.refund(row, self._vault) for row in await self._reading.rows(*asked, after=written)]


_REFUNDS: Final = f"SELECT {rows.REFUND_COLUMNS} FROM refunds"  # noqa: S608 - our own columns
_ORDER: Final = "ORDER BY requested_at DESC, id DESC"


def refunds_statement(wanted: WantedRefunds, *, limit: int, after: RefundPlace | None) -> tuple[Any, ...]:
    """
    A statement and its values. A refund is in the month of its payment, which may be any before it: a payment rules
    months out, dates do not.
    """
    place = (after.requested_at, after.refund_id) if after else (None, None)
    conditions = [
        ("user_id = {}", (wanted.user_id,)),
        ("payment_id = {} AND payment_created_at = {}", (wanted.payment_id, _month(wanted.payment_id))),
        ("status = {}", (wanted.status,)),
        ("requested_at >= {}", (wanted.since,)),
        ("requested_at <= {}", (wanted.until,)),
        ("(requested_at, id) < ({}, {})", place),
    ]
    return statement(_REFUNDS, conditions, _ORDER, limit)


def _month(payment_id: UUID | None) -> Any:
    return None if payment_id is None else created_at(payment_id)
