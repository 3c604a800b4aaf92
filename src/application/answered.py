"""What a caller is told of a request that made something."""

from dataclasses import dataclass
from uuid import UUID

from application.ports.payments import Answer


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer, and the id of what it is about; `replayed` where it was told before."""

    answer: Answer
    id: UUID
    replayed: bool = False
