"""Exact amounts: integers of minor units with their currency. No float comes near."""

from dataclasses import dataclass
from typing import Final, Self

from domain.currencies import EXPONENTS
from domain.errors import Fault, Invalid

#: What a `bigint` column holds.
LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Money:
    """
    An amount in minor units (2500 USD is 25.00 dollars, 2500 JPY is 2,500 yen).

    Raises:
        Invalid: the currency is not in ISO 4217, or the amount is negative or larger than the ledger holds.
    """

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in EXPONENTS:
            raise Invalid(Fault("currency", "is not an ISO 4217 currency code in capitals"))
        if type(self.amount) is not int or not 0 <= self.amount <= LARGEST:
            raise Invalid(Fault("amount", f"must be an integer of minor units between 0 and {LARGEST}"))

    @property
    def exponent(self) -> int:
        """How many decimals the minor unit has: 2 for KES, 0 for JPY, 3 for KWD."""
        return EXPONENTS[self.currency]

    def __add__(self, other: Self) -> Self:
        return type(self)(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.amount - self._same(other), self.currency)

    def _same(self, other: Self) -> int:
        if other.currency != self.currency:
            raise Invalid(Fault("currency", f"{other.currency} and {self.currency} do not add up"))
        return other.amount

    def whole_units(self) -> int | None:
        """The amount in whole currency units (shillings for KES), or None where it has a fraction."""
        units, rest = divmod(self.amount, 10**self.exponent)
        return None if rest else units

    def __str__(self) -> str:
        if not self.exponent:
            return f"{self.amount} {self.currency}"
        units, rest = divmod(self.amount, 10**self.exponent)
        return f"{units}.{rest:0{self.exponent}d} {self.currency}"
