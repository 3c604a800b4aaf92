"""
What Daraja's error answers mean for a request that moves money, and for one that only asks.

The code alone never tells: `500.001.1001` means at least four things. A row matches by status, code and words; the
first that matches counts. What no row knows may have been executed.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from adapters.daraja import wire
from adapters.daraja.connection import Answer


class Meaning(Enum):
    TOKEN_REFUSED = auto()  # surely not executed; another token may help
    NOT_EXECUTED = auto()  # surely not executed; later it may be
    MISCONFIGURED = auto()  # refused, and will be again until an operator acts
    BEING_PROCESSED = auto()  # asked too early
    SENT_BEFORE = auto()  # surely executed once, by an earlier request
    UNCLEAR = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """None matches everything; `says` is looked for in the message, whatever its case."""

    status: int | None
    code: str | None
    says: str
    meaning: Meaning

    def matches(self, status: int, refusal: wire.Refusal) -> bool:
        return (
            self.status in {None, status}
            and self.code in {None, refusal.code}
            and re.search(self.says, refusal.message, re.IGNORECASE) is not None
        )


_TOKEN: Final = (
    Row(404, "404.001.03", "access token", Meaning.TOKEN_REFUSED),
    Row(400, "400.003.01", "access token", Meaning.TOKEN_REFUSED),
    Row(401, "401.002.01", "", Meaning.TOKEN_REFUSED),
    Row(401, "401.003.01", "", Meaning.TOKEN_REFUSED),
    Row(401, None, "token", Meaning.TOKEN_REFUSED),
)
#: The gateway in front of M-Pesa said no: it throttles with 500, not with 429.
_THROTTLED: Final = (
    Row(None, "500.003.02", "spike arrest", Meaning.NOT_EXECUTED),
    Row(None, "500.003.03", "quota", Meaning.NOT_EXECUTED),
)
_MISCONFIGURED: Final = (
    Row(400, "400.002.02", "", Meaning.MISCONFIGURED),
    Row(400, "400.002.05", "", Meaning.MISCONFIGURED),
    Row(400, "400.003.02", "", Meaning.MISCONFIGURED),
    Row(404, "404.001.01", "", Meaning.MISCONFIGURED),
    Row(404, "404.001.04", "", Meaning.MISCONFIGURED),
    Row(404, "404.003.01", "", Meaning.MISCONFIGURED),
    Row(405, "405.001", "", Meaning.MISCONFIGURED),
    Row(500, "500.001.1001", "merchant does not exist", Meaning.MISCONFIGURED),
    Row(500, "500.001.1001", "wrong credentials", Meaning.MISCONFIGURED),
    Row(None, None, "no apiproduct match", Meaning.MISCONFIGURED),
)

#: "System is busy" shares its code with the spike arrest, but may come from behind it: it stays unclear.
PUSH: Final = (
    *_TOKEN,
    *_THROTTLED,
    Row(500, "500.001.1001", "unable to lock subscriber", Meaning.NOT_EXECUTED),
    *_MISCONFIGURED,
)
QUESTION: Final = (
    *_TOKEN,
    *_THROTTLED,
    Row(None, "500.001.1001", "being processed", Meaning.BEING_PROCESSED),
    *_MISCONFIGURED,
)
REFUND: Final = (
    *_TOKEN,
    *_THROTTLED,
    Row(500, "500.002.1001", "duplicate originator", Meaning.SENT_BEFORE),
    *_MISCONFIGURED,
)


@dataclass(frozen=True, slots=True)
class Refused:
    """What an answer that is no success means, and its code where it has one."""

    meaning: Meaning
    code: str | None = None


def read(answer: Answer, table: tuple[Row, ...]) -> Refused:
    """What `answer` means by `table`; whatever is in no row, or no error envelope at all, is unclear."""
    refusal = answer.read(wire.Refusal)
    if refusal is None:
        return Refused(Meaning.UNCLEAR)
    matching = (row.meaning for row in table if row.matches(answer.status, refusal))
    return Refused(next(matching, Meaning.UNCLEAR), refusal.code)


def is_token_refused(answer: Answer) -> bool:
    """Whether another token may help."""
    return read(answer, _TOKEN).meaning is Meaning.TOKEN_REFUSED
