"""Statements of lists: put together from fixed pieces, so that there are as many texts as ways to ask."""

from collections.abc import Sequence
from typing import Any


def statement(select: str, conditions: Sequence[tuple[str, Sequence[Any]]], order: str, limit: int) -> tuple[Any, ...]:
    """
    A statement and its values: of `conditions`, those whose values are all there. The text never depends on values.
    """
    values: list[Any] = []
    texts = []
    for text, given in conditions:
        if None not in given:
            texts.append(text.format(*(f"${len(values) + number}" for number in range(1, len(given) + 1))))
            values.extend(given)
    where = " WHERE " + " AND ".join(texts) if texts else ""
    return f"{select}{where} {order} LIMIT ${len(values) + 1}", *values, limit
