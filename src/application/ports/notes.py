"""Where remarks are added to a payment's story."""

from dataclasses import dataclass
from typing import Protocol

from application.ports.payments import Answer, Kept, Key
from domain.history import Entry
from domain.payment import Payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """
    A payment's next version, which differs in its number alone, its entry, and what the caller is told.

    `before` is what was read: a payment that has moved since is left alone. `answer` is stored under `key`.
    """

    before: Kept
    after: Payment
    entry: Entry
    answer: Answer
    key: Key | None = None


class Notes(Protocol):
    """
    Adds remarks.

    Raises, from every method:
        Unavailable: the database cannot serve now, and nothing has happened.
        InDoubt: the connection was cut: it may have happened.
    """

    async def add(self, remark: Remark) -> Answer | None:
        """
        Version, entry, event, key and answer: all of it, or nothing. Gives the answer that stands under the key: ours,
        or that of the first request with it; None where the payment has moved since it was read.

        Raises:
            KeyReused: the key came with another body before.
            KeyExpired: the key was used longer ago than keys are kept.
        """
        ...
