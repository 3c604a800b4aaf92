"""What M-Pesa would never take, told before anything is promised."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from domain.errors import Fault, Invalid
from domain.money import Money
from domain.payment import CaptureMethod, Payment
from domain.payment_method import MethodType, msisdn
from domain.payment_type import Limits

_CURRENCY: Final = "KES"
_SHILLING: Final = 100


@dataclass(frozen=True, slots=True)
class Rules:
    """The smallest and the largest amount of one payment, in cents of a shilling."""

    smallest: int
    largest: int

    @property
    def limits(self) -> Mapping[str, Limits]:
        return {_CURRENCY: Limits(self.smallest, self.largest, _SHILLING)}

    def check(self, payment: Payment) -> None:
        """
        Raises:
            Invalid: M-Pesa would not take it; names every field at fault.
        """
        faults = list(self._faults(payment))
        if faults:
            raise Invalid(*faults)
        msisdn(payment.method.phone)

    def _faults(self, payment: Payment) -> Iterator[Fault]:
        money = payment.money
        if payment.method.type is not MethodType.MPESA:
            yield Fault("paymentMethod.type", "M-Pesa takes MPESA payments only")
        if payment.capture_method is not CaptureMethod.AUTOMATIC:
            yield Fault("capture_method", "M-Pesa takes the money at once: only automatic")
        if money.currency != _CURRENCY:
            yield Fault("currency", f"M-Pesa moves {_CURRENCY} only")
        elif money.whole_units() is None:
            yield Fault("amount", "M-Pesa moves whole shillings: a multiple of 100 cents")
        elif not self.smallest <= money.amount <= self.largest:
            smallest, largest = Money(self.smallest, _CURRENCY), Money(self.largest, _CURRENCY)
            yield Fault("amount", f"must be between {smallest} and {largest}")
