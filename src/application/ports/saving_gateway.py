"""Where cards and wallets are kept for the next payment."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """
    A card or wallet as the provider describes it. `name` is the provider's for it: a lasting token.

    `fingerprint` is the same for the same card, whoever saves it; None where the provider has none.
    `customer`: whom it belongs to already.
    """

    name: str
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None
    customer: str | None = None


class SavingGateway(Protocol):
    """
    Keeps cards and wallets at one provider. Nothing here moves money, and every call may be repeated: it has a stable
    key of its own, or does nothing the second time.

    Raises, from every method:
        NothingSent: the provider did nothing, surely.
        InDoubt: the answer is lost.
    """

    @property
    def total_timeout(self) -> timedelta:
        """The longest that one call takes before its answer counts as lost."""
        ...

    async def customer(self, user_id: UUID) -> str:
        """A customer for this user; the same one for whoever asks within a day."""
        ...

    async def describe(self, method_id: UUID, token: str) -> Described:
        """
        What `token` stands for. A single-use token is spent for `method_id`, and means the same to it ever after.

        Raises:
            Invalid: it is no token of a card or wallet, or was used up elsewhere; names the field `token`.
        """
        ...

    async def attach(self, method_id: UUID, name: str, customer: str) -> None:
        """
        Make it the customer's, so that it can be used again.

        Raises:
            MethodDeclined: the customer's bank does not want it.
            Invalid: the provider does not let it be used again; names the field `token`.
        """
        ...

    async def detach(self, name: str) -> None:
        """It can never be used again. No error where it cannot anyway."""
        ...
