"""
Recorded statements as a script for pgbench: the same text, the same values, sent the same way. What differs from
payment to payment (ids, times, keys, hashes) is made anew, in the same sizes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from bench.recorded import Recording, RecordingError, Said
from domain.ids import born

_PARAMETER: Final = re.compile(r"\$(\d+)")
_LONGEST_UNIQUE: Final = 64
_RANDOM: Final = "random(1000000000000000000, 9000000000000000000)"
#: pgbench has no clock, but each of its clients counts: so many milliseconds from one payment to its next.
_PACE_MS: Final = 5
#: A UUIDv7 of that millisecond.
_ID: Final = (
    "(lpad(to_hex(:ms::bigint), 12, '0') || '7' || left(:id_tail::text, 3) || '8' || right(:id_tail::text, 15))::uuid"
)


@dataclass(frozen=True, slots=True)
class Script:
    """`text` for -f, what its variables stand for (`-D`; `ms`: the time to begin with), and the session's settings."""

    text: str
    constants: Mapping[str, str]
    session: Mapping[str, str]


def translate(first: Recording, second: Recording) -> Script:
    """
    The script that makes payments as these two were made; by their difference it knows what is new in each.

    Raises:
        RecordingError: they did not say the same statements.
    """
    if [said.sql for said in first.said] != [said.sql for said in second.said]:
        raise RecordingError("two payments were made by different statements")
    values = _Values(first.payment_id)
    statements = [_statement(one, other, values) for one, other in zip(first.said, second.said, strict=True)]
    made_anew = [f"\\set {name} {_RANDOM}" for name in ("id_tail", *values.unique.values())]
    lines = [f"\\set ms :ms + {_PACE_MS}", *made_anew, *statements, ""]
    return Script("\n".join(lines), values.constants, first.session)


@dataclass(slots=True)
class _Values:
    """Each value of the recording, and how the script spells it. A value that comes again is spelled the same."""

    payment_id: UUID
    unique: dict[str | bytes, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)

    def spell(self, value: Any, other: Any, kind: str) -> str:
        if value is None:
            return f"NULL::{kind}"
        if value == self.payment_id:
            return _ID
        if isinstance(value, datetime):
            later = round((value - born(self.payment_id)).total_seconds() * 1000)
            return f"to_timestamp((:ms::bigint + {later}) / 1000.0)"
        return self._anew(value, kind) if value != other else self._constant(value, kind)

    def _anew(self, value: Any, kind: str) -> str:
        if isinstance(value, list):
            return f"ARRAY[{', '.join(map(self._text, value))}]"
        if kind == "text":
            return self._text(value)
        if isinstance(value, bytes) and len(value) <= _LONGEST_UNIQUE:
            return f"decode(rpad(:{self._variable(value)}::text, {2 * len(value)}, '0'), 'hex')"
        return self._constant(value, kind)  # nothing about it must be unique

    def _text(self, value: str) -> str:
        return f"rpad(:{self._variable(value)}::text, {len(value)}, '0')"

    def _variable(self, value: str | bytes) -> str:
        return self.unique.setdefault(value, f"unique_{len(self.unique)}")

    def _constant(self, value: Any, kind: str) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = _literal(value)
        return f":{name}::{kind}"


def _statement(said: Said, other: Said, values: _Values) -> str:
    spelled = [
        values.spell(value, its_twin, kind)
        for value, its_twin, kind in zip(said.values, other.values, said.types, strict=True)
    ]
    return _PARAMETER.sub(lambda found: spelled[int(found[1]) - 1], said.sql).strip() + ";"


def _literal(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case bytes():
            return f"\\x{value.hex()}"
        case list():
            return "{" + ",".join(f'"{item}"' for item in value) + "}"
    return str(value)
