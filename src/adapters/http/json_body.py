"""Request bodies: read up to a limit, in one media type, and converted into a Struct whose faults name their fields."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from litestar import Request
from litestar.types import HTTPScope

from adapters.http import json_text
from adapters.http.headers import values
from adapters.http.refusals import BodyTooLarge, RequestCutShort, UnsupportedMedia
from domain.errors import Fault, Invalid

API_LIMIT: Final = 64 * 1024
WEBHOOK_LIMIT: Final = 256 * 1024

_PLAIN_JSON: Final = re.compile(rb'application/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?', re.IGNORECASE)
_AT: Final = re.compile(r"(.*?)(?: - at `(?:key in )?`?\$\.?(.*?)`)?", re.DOTALL)
_OF_A_FIELD: Final = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)
_FIELD_FAULTS: Final = {"missing required": "is missing", "contains unknown": "is not a known field"}
#: All else repeats the value that was sent, or a pattern that nobody wants to read.
_OF_A_KIND: Final = re.compile(r"Expected `(\w+)(?: \| null)?`, got `.*`")
_KINDS: Final = {
    "int": "an integer",
    "str": "a string",
    "bool": "true or false",
    "object": "an object",
    "array": "an array",
}
_BEYOND: Final = re.compile(r"Expected `int` (>=|<=) (-?[0-9]+)")
_BOUNDS: Final = {">=": "at least", "<=": "at most"}

StructT = TypeVar("StructT", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON body: its text, and the value it spells."""

    text: str
    value: Any


async def read_json(request: Request[Any, Any, Any]) -> Document:
    """
    The body of an API call.

    Raises:
        RequestRefused, Invalid: it is not a JSON value as we read it.
    """
    check_media_type(request.scope)
    return Document(*json_text.parse(await read_bytes(request, API_LIMIT)))


def check_media_type(scope: HTTPScope) -> None:
    """
    Raises:
        UnsupportedMedia: the body is not said to be plain JSON in UTF-8.
    """
    types, encodings = values(scope, b"content-type"), values(scope, b"content-encoding")
    if len(types) != 1 or not _PLAIN_JSON.fullmatch(types[0].strip(b" \t")):
        raise UnsupportedMedia
    if any(encoding.strip().lower() != b"identity" for encoding in encodings):
        raise UnsupportedMedia


async def read_bytes(request: Request[Any, Any, Any], limit: int) -> bytes:
    """
    The whole body, whatever length is declared.

    Raises:
        BodyTooLarge: it is longer than `limit` bytes.
        RequestCutShort: the client went away first.
    """
    too_large = BodyTooLarge(f"The body is larger than the {limit} bytes that this route takes.")
    if any(length.isdigit() and int(length) > limit for length in _declared(request.scope)):
        raise too_large
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise RequestCutShort
        chunks.append(message["body"])
        size += len(chunks[-1])
        if size > limit:
            raise too_large
        if not message["more_body"]:
            return b"".join(chunks)


def into(struct: type[StructT], value: Any, *, forms: Mapping[str, str]) -> StructT:
    """
    `value` as a Struct, nothing coerced; a field that is null is as good as absent. `forms` says in words, by field,
    what a pattern or an enum asks for.

    Raises:
        Invalid: it does not fit; names the field as the request spells it, and repeats nothing that was sent.
    """
    if isinstance(value, dict):
        known = struct.__struct_encode_fields__
        value = {name: given for name, given in value.items() if given is not None or name not in known}
    try:
        return msgspec.convert(value, struct, strict=True)
    except msgspec.ValidationError as error:
        raise Invalid(fault(str(error), forms)) from None  # msgspec's words repeat what was sent


def fault(words: str, forms: Mapping[str, str]) -> Fault:
    """msgspec's message as ours: "Expected `int`, got `str` - at `$.amount`" means that `amount` must be an integer."""
    split = _AT.fullmatch(words)
    message, path = (split[1], split[2] or "") if split else (words, "")
    of_a_field = _OF_A_FIELD.fullmatch(message)
    if of_a_field:
        return Fault(f"{path}.{of_a_field[2]}".lstrip("."), _FIELD_FAULTS[of_a_field[1]])
    of_a_kind = _OF_A_KIND.fullmatch(message)
    if of_a_kind and of_a_kind[1] in _KINDS:
        return Fault(path, f"must be {_KINDS[of_a_kind[1]]}")
    beyond = _BEYOND.fullmatch(message)
    if beyond:
        return Fault(path, f"must be {_BOUNDS[beyond[1]]} {int(beyond[2]):,}")
    return Fault(path, forms.get(path, "has not the form that is asked for"))


def _declared(scope: HTTPScope) -> list[bytes]:
    return [length[:20] for length in values(scope, b"content-length")]
