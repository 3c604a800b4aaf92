"""What is read of a body, and what is refused before it means anything."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http import json_text
from adapters.http.json_body import fault
from adapters.http.refusals import (
    DuplicateJsonKey,
    InvalidEncoding,
    JsonTooDeep,
    MalformedJson,
    RequestRefused,
    TooManyKeys,
)
from domain.errors import Fault, Invalid

DEEP = 100_000

NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "blank": b" \n",
    "cut short": b'{"a": 1',
    "trailing data": b'{"a": 1} {}',
    "trailing comma": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a number beyond doubles": b'{"a": 1e999}',
    "a number of 5,000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "leading zero": b'{"a": 01}',
    "a raw newline in a string": b'{"a": "x\ny"}',
    "a raw NUL": b'{"a": "\x00"}',
    "UTF-16 without a mark": '{"a": 1}'.encode("utf-16-le"),
}

NOT_UTF8: dict[str, bytes] = {
    "a stray byte": b'{"a": "\xff"}',
    "Latin-1": '{"a": "é"}'.encode("latin-1"),
    "an encoded surrogate": b'{"a": "\xed\xa0\x80"}',
    "an overlong slash": b'{"a": "\xc0\xaf"}',
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_one_json_value_is_malformed(body: bytes) -> None:
    """One value of RFC 8259, nothing before or after it, and every number one that we can hold."""
    with pytest.raises(MalformedJson):
        json_text.parse(body)


@pytest.mark.parametrize("body", NOT_UTF8.values(), ids=NOT_UTF8)
def test_what_is_not_plain_utf8_is_refused(body: bytes) -> None:
    """UTF-8 without a byte order mark, nothing else."""
    with pytest.raises(InvalidEncoding):
        json_text.parse(body)


@pytest.mark.parametrize(
    "body",
    [b"[" * DEEP, b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP, b"[" * 33 + b"]" * 33],
    ids=["open", "arrays", "objects", "one too deep"],
)
def test_nesting_beyond_32_levels_is_refused_before_it_is_parsed(body: bytes) -> None:
    """Depth is counted on the bytes: no parser of ours ever recurses a hundred thousand times."""
    with pytest.raises(JsonTooDeep):
        json_text.parse(body)


def test_nesting_of_32_levels_is_read() -> None:
    """The limit itself is allowed."""
    body = b"[" * 32 + b"]" * 32

    _, value = json_text.parse(body)

    assert value == json.loads(body)


def test_brackets_in_strings_and_side_by_side_are_no_nesting() -> None:
    """Only what is open at the same time counts."""
    text = json.dumps({"text": '[[[[{{{{"\\[' * 20, "list": [[] for _ in range(100)]})

    assert json_text.parse(text.encode())[1] == json.loads(text)


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 1}', b'{"x": [{"a": 1, "b": 2, "\\u0061": 3}]}'])
def test_a_key_that_stands_twice_is_refused(body: bytes) -> None:
    """However it is spelled and however deep: two readers could take different values."""
    with pytest.raises(DuplicateJsonKey):
        json_text.parse(body)


def test_more_than_a_thousand_keys_are_refused_wherever_they_stand() -> None:
    """All objects together."""
    rows = [{f"key{number}": 1 for number in range(100)} for _ in range(10)]
    assert json_text.parse(json.dumps(rows).encode())[1] == rows

    with pytest.raises(TooManyKeys):
        json_text.parse(json.dumps([*rows, {"one": "more"}]).encode())


def test_colons_in_strings_are_no_keys() -> None:
    """Counting is a short cut, not the rule."""
    assert json_text.parse(json.dumps({"text": ":" * 2000}).encode())[1] == {"text": ":" * 2000}


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "\\udfff", "\\ude00\\ud83d"])
def test_nul_and_lone_surrogates_name_the_field_they_stand_in(text: str) -> None:
    """PostgreSQL stores neither: 422 now, not a 500 later."""
    with pytest.raises(Invalid) as refused:
        json_text.parse(f'{{"metadata": {{"order": [1, "x{text}"]}}}}'.encode())

    assert [found.field for found in refused.value.faults] == ["metadata.order[1]"]


def test_nul_in_a_key_names_its_object() -> None:
    """A key is text, too."""
    with pytest.raises(Invalid) as refused:
        json_text.parse(b'{"metadata": {"a\\u0000": 1}}')

    assert [found.field for found in refused.value.faults] == ["metadata"]


def test_a_pair_of_surrogates_is_a_character() -> None:
    """Escaped emoji are text."""
    assert json_text.parse(b'{"a": "\\ud83d\\ude00"}')[1] == {"a": "😀"}


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Nothing else is ever raised."""
    with suppress(RequestRefused, Invalid):
        json_text.parse(body)


_JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON_VALUES)
def test_every_json_value_that_can_be_stored_is_read_as_it_is(value: Any) -> None:
    """Strictness refuses; it never changes anything."""
    body = json.dumps(value, ensure_ascii=False).encode()
    if "\\u0000" in body.decode():
        return

    assert json_text.parse(body)[1] == value


@given(_JSON_VALUES, st.integers(0, 6))
def test_depth_is_what_a_reader_would_count(value: Any, limit: int) -> None:
    """The short cut and the scan agree with the definition."""

    def depth(part: Any) -> int:
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        return isinstance(part, dict | list) + max(map(depth, inner), default=0)

    assert json_text.deeper_than(limit, json.dumps(value).encode()) == (depth(value) > limit)


def test_any_json_is_enough_for_what_is_kept_as_it_came() -> None:
    """A gateway's message is not refused for a key that stands twice: it would be lost."""
    json_text.check_is_json(b'{"a": 1, "a": 2}')
    for body in (b"", b"<html>", b"[NaN]"):
        with pytest.raises(MalformedJson):
            json_text.check_is_json(body)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Expected `int`, got `str` - at `$.amount`", Fault("amount", "must be an integer")),
        ("Expected `bool | null`, got `int` - at `$.x`", Fault("x", "must be true or false")),
        ("Expected `int` >= 1 - at `$.amount`", Fault("amount", "must be at least 1")),
        ("Expected `int` <= 99999999 - at `$.amount`", Fault("amount", "must be at most 99,999,999")),
        ("Expected `str` of length <= 64 - at `$.x`", Fault("x", "has not the form that is asked for")),
        ("Object missing required field `amount`", Fault("amount", "is missing")),
        ("Object missing required field `type` - at `$.paymentMethod`", Fault("paymentMethod.type", "is missing")),
        ("Object contains unknown field `a - b`", Fault("a - b", "is not a known field")),
        (
            "Invalid enum value '4242424242424242' - at `$.paymentMethod.type`",
            Fault("paymentMethod.type", "must be CARD"),
        ),
        ("Expected `object`, got `array`", Fault("", "must be an object")),
    ],
)
def test_a_fault_names_its_field_as_the_request_spells_it(words: str, expected: Fault) -> None:
    """And repeats no value that was sent."""
    assert fault(words, {"paymentMethod.type": "must be CARD"}) == expected


def test_numbers_keep_their_value() -> None:
    """Integers stay integers of any size that Python reads; floats are finite."""
    value = json_text.parse(b"[9223372036854775808, 1.5, -0.0, 1e308]")[1]

    assert value == [9223372036854775808, 1.5, 0.0, 1e308]
    assert math.copysign(1, value[2]) == -1
