"""The log is a list of facts, one JSON object a line: noun.past_participle, ids bound, nobody's data."""

import io
import logging
import re
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any, Final, TextIO

import msgspec
import structlog
import structlog.tracebacks

#: What must never stand in a log, whoever bound it.
_SECRET: Final = re.compile(
    r"(?i)token|secret|password|authorization|signature|phone|email|metadata|body|credential|passkey"
)
#: Libraries that say too much: stripe two lines a call (a fifth of the throughput), httpx whole URLs.
_QUIET: Final = ("stripe", "httpx", "httpcore", "asyncio", "aiohttp.access", "uvicorn.access")
#: Frames, not their variables: those are people and secrets.
_frames: Final = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
#: Where PostgreSQL's messages begin to quote rows, and rows are people.
_QUOTES: Final = re.compile(r"\n(?:DETAIL|HINT|CONTEXT):.*", re.DOTALL)


def _without_quotes(exc_info: Any) -> list[dict[str, Any]]:
    told = _frames(exc_info)
    for one in told:
        one["exc_value"] = _QUOTES.sub("", one["exc_value"])
    return told


_tracebacks: Final = structlog.processors.ExceptionRenderer(_without_quotes)


def _plainly(stream: TextIO, exception: Any) -> None:
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exception)
    stream.write(_QUOTES.sub("\n", text.getvalue()))


def _json(event: Any, **_: Any) -> bytes:
    return _encode(event)


def _json_text(event: Any, **_: Any) -> str:
    return _encode(event).decode()


_encode: Final = msgspec.json.Encoder(enc_hook=str).encode


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None


def scrub(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Takes out what is personal or secret by its name."""
    for name in event:
        if _is_secret(name):
            event[name] = "…"
    return event


def configure(*, pretty: bool = False) -> None:
    """Sends structlog and the standard library's warnings to standard error: JSON, or for a terminal, coloured."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        scrub,
    ]
    for_people = [structlog.dev.ConsoleRenderer(exception_formatter=_plainly)]
    renderer: list[Any] = for_people if pretty else [_tracebacks, structlog.processors.JSONRenderer(_json)]
    foreign: list[Any] = for_people if pretty else [_tracebacks, structlog.processors.JSONRenderer(_json_text)]
    factory: Any = (
        structlog.PrintLoggerFactory(sys.stderr) if pretty else structlog.BytesLoggerFactory(sys.stderr.buffer)
    )
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *foreign],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
