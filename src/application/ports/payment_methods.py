"""Where saved methods are kept. Each method happens wholly or not at all, and is one round trip."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from domain.saved_method import SavedMethod

#: How many methods a user can have.
MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Draft:
    """
    A method that is being saved: until `until` (UTC) it may be attached at the gateway, then it is detached.

    `customer`: the user's at the gateway, if there is one yet.
    """

    id: UUID
    until: datetime
    customer: str | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """A method to be detached at the gateway, by the gateway's `name` for it; None: nothing is to be done there."""

    id: UUID
    name: str | None


class PaymentMethods(Protocol):
    """
    Keeps saved methods. Likenesses and tokens are 32 bytes, blinded.

    Raises, from every method:
        Unavailable: the database cannot serve now, and nothing has happened.
        InDoubt: the connection was cut: it may have happened.
    """

    async def keep(self, method: SavedMethod, likeness: bytes, *, saved_by: bytes | None = None) -> UUID | None:
        """
        Keep it, unless one of this likeness is kept already; gives the id of the one that is.

        A card or wallet ends its draft with this, and None says that there is no draft: time was up, or a twin has
        ended it. Where another is kept in its place, it is due to be detached.

        Raises:
            TooManyMethods: the user has as many as there may be.
        """
        ...

    async def recognise(self, user_id: UUID, likeness: bytes, saved_by: bytes) -> UUID | None:
        """The user's method of this likeness; from now on it is the one that this token has saved."""
        ...

    async def prefer(self, user_id: UUID, method_id: UUID) -> None:
        """It is the user's default, and no other is; nothing happens where it is gone."""
        ...

    async def find(self, user_id: UUID, method_id: UUID) -> SavedMethod | None:
        """One method, if it is this user's."""
        ...

    async def of_user(self, user_id: UUID) -> list[SavedMethod]:
        """All of a user's, the default first, then the newest."""
        ...

    async def remove(self, user_id: UUID, method_id: UUID, now: datetime) -> bool:
        """It is gone, and due to be detached where a gateway has it. False: this user has no such method."""
        ...


class UnkeptMethods(Protocol):
    """
    Knows what a gateway may have attached that is not kept, yet or any more, so that nothing stays attached unknown.

    Raises, from every method:
        Unavailable: the database cannot serve now.
    """

    async def begin(self, user_id: UUID, saved_by: bytes, method_id: UUID, until: datetime) -> Draft | UUID:
        """
        A draft for what this token stands for: the one that was begun by it, else a new one with this id.

        Or the id of the method that it has saved already.
        """
        ...

    async def own(self, user_id: UUID, customer: str) -> str:
        """The user's customer at the gateway: this one, unless there was one before."""
        ...

    async def promise(self, draft: Draft, name: str) -> str | None:
        """
        By which name it may be attached from now on: this one, or what a twin said before. None: its time was up.
        """
        ...

    async def forget(self, draft: Draft) -> None:
        """It is not wanted any more. One that has a name stays until it is due: a twin may have attached it."""
        ...

    async def take_due(self, now: datetime, again_after: timedelta, limit: int) -> list[Leaving]:
        """Up to `limit` that are to be detached; who does not say `left` is given them again after this time."""
        ...

    async def left(self, method_id: UUID) -> None:
        """It is detached."""
        ...
