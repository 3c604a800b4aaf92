"""What the use cases need of the machine they run on."""

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """The time. UTC, to the millisecond."""

    def now(self) -> datetime: ...


class NewId(Protocol):
    """Ids that name their month: UUIDv7, each later than the one before it."""

    def __call__(self) -> UUID: ...


class Blinder(Protocol):
    """
    Turns what must be recognised but not read into 32 bytes (a keyed hash).

    `purpose` keeps equal texts of different kinds apart.
    """

    def blind(self, purpose: str, *parts: str) -> bytes: ...


class Sealer(Protocol):
    """
    Encrypts what must be read again, by us alone.

    `about` names what it belongs to: sealed for one thing, it can be opened for that thing only.
    """

    def seal(self, plain: bytes, about: str) -> bytes: ...

    def open(self, sealed: bytes, about: str) -> bytes:
        """
        Raises:
            Unavailable: it cannot be read with the keys at hand.
        """
        ...
