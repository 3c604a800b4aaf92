"""What stands behind the question mark: read by name, and all that is wrong with it told at once."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

from litestar.types import HTTPScope

from adapters.http.refusals import InvalidParameter
from adapters.http.resource_id import CANONICAL
from domain.currencies import EXPONENTS
from domain.errors import Fault

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

#: The parameters of `period`.
PERIOD: Final = frozenset({"start_date", "end_date"})

_ISO: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}(?P<time>T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})?)?", re.ASCII
)
_LONGEST_ORDER: Final = 64


class Query:
    """The parameters of one request. Which of them a route knows was looked at before; each stands there once."""

    def __init__(self, scope: HTTPScope) -> None:
        """
        Raises:
            InvalidParameter: a value is not UTF-8.
        """
        try:
            sent = parse_qsl(scope["query_string"].decode("utf-8"), keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            raise InvalidParameter(Fault("", "must be UTF-8")) from None
        self._sent = dict(sent)
        self._faults: list[Fault] = []

    def read(self, name: str, reader: Callable[[str], T]) -> T | None:
        """The value of `name`, if it is there. What `reader` says in a ValueError is told by `check`."""
        if name not in self._sent:
            return None
        try:
            return reader(self._sent[name])
        except ValueError as why:
            self._faults.append(Fault(name, str(why)))
            return None

    def period(self) -> tuple[datetime | None, datetime | None]:
        """`start_date` and `end_date` as moments, both inclusive (UTC)."""
        since, until = self.read("start_date", _beginning), self.read("end_date", _end)
        if since and until and since > until:
            self._faults.append(Fault("end_date", "must not be before start_date"))
        return since, until

    def without(self, names: Iterable[str]) -> tuple[str, ...]:
        """All that was sent, but for `names`, in an order of its own."""
        return tuple(f"{name}={self._sent[name]}" for name in sorted(self._sent.keys() - set(names)))

    def check(self) -> None:
        """
        Raises:
            InvalidParameter: of what was read, something was not as it should be.
        """
        if self._faults:
            raise InvalidParameter(*self._faults)


def one_of(kind: type[E]) -> Callable[[str], E]:
    """A reader of the members of an enum, by their values."""

    def read(text: str) -> E:
        if text not in set(kind):
            raise ValueError(f"must be one of {', '.join(kind)}")
        return kind(text)

    return read


def an_id(text: str) -> UUID:
    if not CANONICAL.fullmatch(text):
        raise ValueError("must be a UUID in lower case, with dashes")
    return UUID(text)


def an_order(text: str) -> str:
    if not (1 <= len(text) <= _LONGEST_ORDER and text.isprintable()):
        raise ValueError("must be 1 to 64 printable characters")
    return text


def a_currency(text: str) -> str:
    if text not in EXPONENTS:
        raise ValueError("must be an ISO 4217 currency code in capitals")
    return text


def _beginning(text: str) -> datetime:
    return _moment(text, time.min)


def _end(text: str) -> datetime:
    return _moment(text, time.max)


def _moment(text: str, of_day: time) -> datetime:
    """A date is that day at `of_day`; a time without an offset is UTC."""
    shape = _ISO.fullmatch(text)
    moment = _parsed(text) if shape else None
    if shape is None or moment is None:
        raise ValueError("must be an ISO 8601 date or time, such as 2026-01-31 or 2026-01-31T12:00:00Z")
    return moment if shape["time"] else datetime.combine(moment, of_day, tzinfo=UTC)


def _parsed(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
