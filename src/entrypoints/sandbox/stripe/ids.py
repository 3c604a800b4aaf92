"""Ids that look like Stripe's. Random bytes are drawn in bulk: a system call for each would be dear."""

import os
from collections.abc import Iterator
from typing import Final

_DRAWN: Final = 6000
_LENGTH: Final = 24


def _random_texts() -> Iterator[str]:
    while True:
        text = os.urandom(_DRAWN).hex()
        yield from (text[start : start + _LENGTH] for start in range(0, len(text), _LENGTH))


_texts: Final = _random_texts()


def new_id(prefix: str) -> str:
    """An id that was never given before."""
    return f"{prefix}_3{next(_texts)}"


def new_secret() -> str:
    """What only whoever was told can know."""
    return next(_texts)
