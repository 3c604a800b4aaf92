"""News that is worth one line in the log, however often it comes."""

from functools import lru_cache

import structlog

log = structlog.get_logger()


@lru_cache(maxsize=256)
def warn_once(event: str, value: str) -> None:
    """Log `event` with `value`, the first time this value is met in this process."""
    log.warning(event, value=value[:100])
