"""The read side of refunds: one."""

from dataclasses import dataclass
from uuid import UUID

from application.find_payments import Reader
from application.ports.refunds import Refunds
from domain.errors import NotFound
from domain.refund import Refund


@dataclass(frozen=True, slots=True)
class FindRefund:
    """
    One refund.

    Raises:
        NotFound: there is none, or it is somebody else's; the two look the same.
    """

    refunds: Refunds

    async def execute(self, refund_id: UUID, reader: Reader) -> Refund:
        found = await self.refunds.find(refund_id)
        if found is None or not reader.may_see(found.kept.payment):
            raise NotFound
        return found.refund
