"""How a user pays again: a card or wallet that the gateway keeps, or a phone."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.errors import Fault, Invalid
from domain.ids import born
from domain.payment_method import MethodType, PaymentMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedMethod:
    """
    `method` is what a payment is made with: of a card, with its lasting token and the customer it belongs to.

    `is_default`: the one the user prefers. Of all that a user has, exactly one is.
    """

    id: UUID
    user_id: UUID
    method: PaymentMethod
    exp_month: int | None = None
    exp_year: int | None = None
    is_default: bool = False

    @property
    def created_at(self) -> datetime:
        """The millisecond inside the id (UTC)."""
        return born(self.id)


def savable(method: PaymentMethod) -> PaymentMethod:
    """
    The same method in its one spelling, if it can be used again.

    Raises:
        Invalid: it cannot, or a part is missing or does not belong to its type. Fields are named without a path.
    """
    if method.type is MethodType.BANK_TRANSFER:
        raise Invalid(Fault("type", "a bank transfer cannot be saved: each has an account of its own"))
    try:
        return method.checked()
    except Invalid as invalid:
        faults = (Fault(fault.field.removeprefix("paymentMethod."), fault.message) for fault in invalid.faults)
        raise Invalid(*faults) from None
