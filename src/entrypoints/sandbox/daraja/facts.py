"""Reading the ledger's entries."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

Fact = TypeVar("Fact")


def read_fact(kind: type[Fact], entry: Mapping[str, Any]) -> Fact:
    """An entry's facts as what they are; what the ledger adds for itself is left out."""
    return msgspec.convert(entry, kind)
