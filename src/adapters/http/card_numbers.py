"""What must never come here: card numbers, and the codes printed or stored beside them."""

import re
from typing import Any, Final

from adapters.http import json_text
from adapters.http.json_body import Document
from adapters.http.resource_id import CANONICAL
from domain.errors import Fault, Invalid
from domain.payment_method import in_plain_characters, looks_like_card_number

#: No card number has fewer.
_MANY_DIGITS: Final = re.compile(r"[0-9](?:[ .-]?[0-9]){13}")
#: Names of fields, and what in them is refused; a shop's `pan` may be for frying.
_CODE: Final = r"(?:card[ _-]?)?(?:cv[cvn]2?|csc|(?:security|verification)[ _-]?(?:code|value))"
_NUMBER: Final = r"(?:(?:credit|debit)?[ _-]?card[ _-]?(?:number|no|pan)|cc[ _-]?(?:number|num)|pan)"
_TRACK: Final = r"track[ _-]?[123]?(?:[ _-]?data)?"
_TELLTALE: Final = re.compile(rf'"(?:{_CODE}|{_NUMBER}|{_TRACK})"\s*:', re.IGNORECASE)
_REFUSED: Final = (
    (re.compile(_CODE, re.IGNORECASE), re.compile(r"\s*[0-9]{3,4}\s*")),
    (re.compile(_NUMBER, re.IGNORECASE), re.compile(r"[0-9 .-]{12,}")),
    (re.compile(_TRACK, re.IGNORECASE), re.compile(r".*[0-9]{12}.*", re.DOTALL)),
)


def refuse_card_numbers(document: Document) -> None:
    """
    Raises:
        Invalid: a field, or a key, holds what looks like a card number, or is named as a card's data and looks like it;
            names the field without repeating it.
    """
    if _is_surely_clean(document.text):
        return
    faults = [
        Fault("" if looks_like_card_number(path) else path, "must not hold a card's data: a card is a token here")
        for path, leaf in json_text.leaves(document.value)
        if _is_card_number(leaf) or _is_named_so(path, leaf)
    ]
    if faults:
        raise Invalid(*faults)


def _is_surely_clean(text: str) -> bool:
    """In plain ASCII, strings stand in the text as they are: nothing there, nothing in any field."""
    plain = text.isascii() and "\\u" not in text
    return plain and not _MANY_DIGITS.search(_without_uuids(text)) and not _TELLTALE.search(text)


def _is_card_number(leaf: Any) -> bool:
    if isinstance(leaf, float) and leaf.is_integer():
        leaf = int(leaf)
    if type(leaf) is int:
        return looks_like_card_number(str(leaf))
    return isinstance(leaf, str) and looks_like_card_number(_without_uuids(leaf))


def _is_named_so(path: str, leaf: Any) -> bool:
    if isinstance(leaf, bool) or not isinstance(leaf, str | int):
        return False
    name, text = (in_plain_characters(part) for part in (path.rpartition(".")[2].partition("[")[0], str(leaf)))
    return any(named.fullmatch(name) and refused.fullmatch(text) for named, refused in _REFUSED)


def _without_uuids(text: str) -> str:
    """One UUID in 1,400 has a run of digits that passes for a card number; shops name their orders by them."""
    return CANONICAL.sub("uuid", text)
