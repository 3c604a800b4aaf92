"""Bytes to a JSON value, strictly: what two readers could understand differently is refused."""

import math
import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from typing import Any, Final, NoReturn

from adapters.http.refusals import DuplicateJsonKey, InvalidEncoding, JsonTooDeep, MalformedJson, TooManyKeys
from domain.errors import Fault, Invalid

DEEPEST: Final = 32
MOST_KEYS: Final = 1_000

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS: Final = b"[]{}"
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in _BRACKETS)
#: What PostgreSQL does not store, and what has no UTF-8.
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise DuplicateJsonKey
    return made


def _refuse(_constant: str) -> NoReturn:  # NaN, Infinity
    raise MalformedJson


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedJson("A number in the body is larger than any we can hold.")
    return number


_STRICT: Final = JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite)
_PLAIN: Final = JSONDecoder(parse_constant=_refuse)


def parse(body: bytes) -> tuple[str, Any]:
    """
    The text of `body` and the value it spells.

    Raises:
        InvalidEncoding, MalformedJson, JsonTooDeep, DuplicateJsonKey, TooManyKeys: it is no such text.
        Invalid: a string in it cannot be stored.
    """
    text, value = _parse(body, _STRICT)
    if body.count(b":") > MOST_KEYS and _keys(value) > MOST_KEYS:
        raise TooManyKeys
    if b"\\u" in body:  # the only way in for either
        _check_strings(value)
    return text, value


def check_is_json(body: bytes) -> None:
    """
    Only that it is JSON: for what is kept as it came, and read later by those who know its sender.

    Raises:
        InvalidEncoding, MalformedJson, JsonTooDeep: it is not.
    """
    _parse(body, _PLAIN)


def deeper_than(limit: int, text: bytes) -> bool:
    """Whether JSON in UTF-8 is nested deeper than `limit`. Counts before it looks: nearly always that is enough."""
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    depth = 0
    for bracket in _STRING.sub(b"", text).translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > limit:
            return True
    return False


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar in `value` with its dotted path; a key is a scalar of its own, under the path of its object."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield path, key
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def _parse(body: bytes, decoder: JSONDecoder) -> tuple[str, Any]:
    if not body:
        raise MalformedJson("The body is empty: it must be one JSON value.")
    if body.startswith(_BYTE_ORDER_MARK):
        raise InvalidEncoding
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InvalidEncoding from error
    if deeper_than(DEEPEST, body):
        raise JsonTooDeep
    try:
        return text, decoder.decode(text)
    except JSONDecodeError as error:
        raise MalformedJson(f"The body is not one JSON value: see character {error.pos}.") from error
    except ValueError as error:  # an integer of thousands of digits
        raise MalformedJson("A number in the body is larger than any we can hold.") from error
    except RecursionError as error:
        raise JsonTooDeep from error


def _keys(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_keys, value.values()))
    if isinstance(value, list):
        return sum(map(_keys, value))
    return 0


def _check_strings(value: Any) -> None:
    faults = [
        Fault(_UNSTORABLE.sub("\ufffd", path), "must not contain NUL characters or lone surrogates")
        for path, leaf in leaves(value)
        if isinstance(leaf, str) and _UNSTORABLE.search(leaf)
    ]
    if faults:
        raise Invalid(*faults)
