"""The read side of refunds: pages of them."""

from dataclasses import replace

from application.find_payments import Reader
from application.list_payments import Page
from application.ports.refund_lists import RefundLists, RefundPlace, WantedRefunds
from domain.refund import Refund


class ListRefunds:
    """
    Refunds, newest first: of one's own payments, or all for those who see all.

    Raises:
        Forbidden: another user's are asked for.
    """

    def __init__(self, *, lists: RefundLists) -> None:
        self._lists = lists

    async def execute(
        self, wanted: WantedRefunds, reader: Reader, *, limit: int, after: RefundPlace | None
    ) -> Page[Refund]:
        theirs = replace(wanted, user_id=reader.whose(wanted.user_id))
        found = await self._lists.refunds(theirs, limit=limit + 1, after=after, written=reader.written)
        return Page.of(found, limit)
