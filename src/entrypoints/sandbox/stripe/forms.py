"""Form-encoded, nested parameters: `a[b][c]=1`, `l[0]=x`, `l[]=x`; and the shapes they must have."""

import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_plus

from entrypoints.sandbox.stripe.errors import Json, invalid

TEXT: Final = "text"
WHOLE: Final = "whole number"
FLAG: Final = "true or false"
LIST: Final = "list of texts"
METADATA: Final = "metadata"
FREE: Final = "anything"

Kind = str | int | tuple[str, ...] | dict[str, Any]
"""One of the names above, a longest length of text, the allowed values, or the shape of what is nested."""
Shape = dict[str, Kind]

_PARTS = re.compile(r"\[([^\[\]]*)\]")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_MAX_KEYS, _MAX_KEY, _MAX_VALUE = 50, 40, 500
_MAX_PAIRS = 1000


def parse(text: str) -> Json:
    """The pairs as nested dicts; a list is a dict with numbers as keys until its shape says otherwise."""
    tree: Json = {}
    pairs = text.split("&")
    if len(pairs) > _MAX_PAIRS:
        raise invalid("Invalid request: too many parameters.")
    for pair in pairs:
        name, _, value = pair.partition("=")
        name = _unquoted(name)
        if "[" in name:
            _plant(tree, name, _unquoted(value))
        elif name:
            tree[name] = _unquoted(value)
    return tree


def _unquoted(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError as error:
        raise invalid("Invalid request: the form is not UTF-8.") from error


def _plant(tree: Json, name: str, value: str) -> None:
    parts = _path(name)
    if not parts:
        raise invalid(f"Invalid parameter name: {name}", name)
    for part in parts[:-1]:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise invalid(f"Invalid hash: {name}", name)
    tree[parts[-1] or str(len(tree))] = value


@lru_cache(maxsize=1024)
def _path(name: str) -> tuple[str, ...]:
    """`a[b][]` as its parts; nothing if it is not well-formed."""
    first, _, rest = name.partition("[")
    parts = (first, *_PARTS.findall("[" + rest))
    return parts if first and "[".join((first, *(f"{part}]" for part in parts[1:]))) == name else ()


def shaped(params: Json, shape: Shape, at: str = "") -> Json:
    """The parameters as the shape wants them; what it does not know is refused, as Stripe does."""
    result: Json = {}
    for name, value in params.items():
        param = f"{at}[{name}]" if at else name
        kind = shape.get(name)
        if kind is None:
            raise invalid(f"Received unknown parameter: {param}", param, "parameter_unknown")
        result[name] = _value(value, kind, param)
    return result


def _value(value: Any, kind: Kind, param: str) -> Any:
    if isinstance(kind, dict):
        return shaped(value, kind, param) if isinstance(value, dict) else _refuse("Invalid hash", param)
    if kind == FREE:
        return value
    if kind == METADATA:
        return _metadata(value, param)
    if kind == LIST:
        return _list(value, param)
    if not isinstance(value, str):
        _refuse("Invalid string", param)
    if isinstance(kind, tuple):
        return value if value in kind else _refuse(f"Invalid {param}: must be one of {', '.join(kind)}", param)
    if isinstance(kind, int) and len(value) > kind:
        message = f"Invalid string: {value[:8]}...; must be at most {kind} characters"
        raise invalid(message, param, "parameter_invalid_string_length" if param != "description" else None)
    return _SCALARS.get(kind, _text)(value, param)


def _refuse(message: str, param: str) -> Any:
    raise invalid(message if param in message else f"{message}: {param}", param)


def _text(value: str, _param: str) -> str:
    return value


def _whole(value: str, param: str) -> int:
    if value == "":
        message = (
            f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter; "
        )
        raise invalid(f"{message}however '{param}' cannot be unset.", param, "parameter_invalid_empty")
    if not _WHOLE.fullmatch(value):
        raise invalid(f"Invalid integer: {value}", param, "parameter_invalid_integer")
    return int(value)


def _flag(value: str, param: str) -> bool:
    if value not in {"true", "false"}:
        raise invalid(f"Invalid boolean: {value}", param)
    return value == "true"


_SCALARS: Final[dict[Any, Any]] = {WHOLE: _whole, FLAG: _flag, TEXT: _text}


def _list(value: Any, param: str) -> list[str]:
    if value == "":
        return []
    if not isinstance(value, dict) or not all(key.isdecimal() for key in value):
        raise invalid(f"Invalid array: {param}", param)
    items = [value[key] for key in sorted(value, key=int)]
    if not all(isinstance(item, str) for item in items):
        raise invalid(f"Invalid array: {param}", param)
    return items


def _metadata(value: Any, param: str) -> dict[str, str]:
    if value == "":
        return {}
    if not isinstance(value, dict):
        raise invalid("Invalid metadata: must be a hash", param)
    if len(value) > _MAX_KEYS:
        raise invalid(f"Metadata can only have up to {_MAX_KEYS} keys.", param)
    for key, text in value.items():
        if not isinstance(text, str):
            raise invalid("Metadata values must be strings.", f"{param}[{key}]")
        if len(key) > _MAX_KEY:
            raise invalid(f"Metadata keys can be at most {_MAX_KEY} characters long.", param)
        if len(text) > _MAX_VALUE:
            raise invalid(f"Metadata values can have up to {_MAX_VALUE} characters.", f"{param}[{key}]")
    return {key: text for key, text in value.items() if text}
