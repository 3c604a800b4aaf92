"""Where money goes back."""

from datetime import timedelta
from typing import Protocol

from application.ports.gateway import Operation, Preparation
from domain.money import Money
from domain.payment import Payment, Report
from domain.refund import Refund, RefundChannel


class RefundGateway(Protocol):
    """
    Gives money back at one provider. Money is in minor units.

    An answer that never came is no error: it is `LOST` evidence, and reconciliation owns it.

    Raises, from every method that asks the provider:
        NothingSent: the provider did nothing, surely; safe to repeat.
    """

    @property
    def total_timeout(self) -> timedelta:
        """The longest that one call takes before its answer counts as lost."""
        ...

    def plan_refund(self, payment: Payment, money: Money) -> RefundChannel:
        """
        How `money` would go back, by what is known of the payment and its other refunds. Pure.

        Raises:
            Invalid: it cannot; names the field.
            Refused: it cannot now.
        """
        ...

    def prepare_refund(self, refund: Refund) -> Preparation:
        """Fresh names for one refund. Pure but for randomness."""
        ...

    async def refund(self, payment: Payment, refund: Refund, operation: Operation) -> Report:
        """
        Give the money of `refund` back. May be sent again with the same operation, soon: a stable key, or the
        provider's own rule that nothing is given back twice, makes it the same refund.
        """
        ...

    async def look_up_refund(self, payment: Payment, refund: Refund, operation: Operation) -> Report:
        """What the provider knows of this refund now; moves nothing. An empty report: nothing new."""
        ...
