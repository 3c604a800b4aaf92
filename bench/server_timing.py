"""The header Server-Timing: what of an answer's time was ours."""

import re
from typing import Final

_TIMES: Final = re.compile(rb"\r\nserver-timing:[^\r]*?gateway;dur=([\d.]+)[^\r]*?total;dur=([\d.]+)", re.IGNORECASE)


def own_milliseconds(head: bytes) -> float | None:
    """Total minus gateway; None where the answer does not say."""
    found = _TIMES.search(head)
    return float(found[2]) - float(found[1]) if found else None
