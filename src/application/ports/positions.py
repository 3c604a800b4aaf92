"""How far the database has come: what makes a copy of it recent enough for who has just written."""

from typing import Final, NewType, Protocol

#: A moment in the order in which everything was written; a later one is greater. From 0 to LATEST.
Position = NewType("Position", int)
#: No copy has ever come so far: only where it was written is everything.
LATEST: Final = Position(2**63 - 1)


class Positions(Protocol):
    """Where writing has come to."""

    async def position(self) -> Position | None:
        """
        One that everything committed by now is before; LATEST where it cannot be learnt. None where there are no
        copies: everybody reads where it was written.
        """
        ...
