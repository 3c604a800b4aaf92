"""What the walk found out: one row a check."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    One check. `rule` is what the contract promises; `sent`, `expected` and `seen` are for people.

    `trouble` is what the server said of it, where it was no success: the problem's code and detail.
    """

    topic: str
    rule: str
    outcome: Outcome
    sent: str = ""
    expected: str = ""
    seen: str = ""
    duration_ms: int = 0
    request_id: str | None = None
    trouble: str | None = None
