"""Cursors and the parameters of lists. What a cursor says cannot be read by luck or changed by craft."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.encryption import DataKeys, Vault
from adapters.http.pages import Cursors
from adapters.http.refusals import InvalidCursor

CURSORS = Cursors(Vault(DataKeys(seal={1: bytes(32)}, blind=b"b" * 32)))
OTHERS = Cursors(Vault(DataKeys(seal={1: bytes(32)}, blind=b"c" * 32)))
ABOUT = ("GET /payments", "a user", "own", "status=FAILED")
POSITION = "01a20553-00dc-743c-881f-e105512882ca"
A_CURSOR = CURSORS.make(POSITION, ABOUT)

texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(position=texts, about=st.lists(texts))
def test_a_cursor_gives_back_its_position(position: str, about: list[str]) -> None:
    """For what it was made for; it needs no escaping in a URL."""
    cursor = CURSORS.make(position, about)

    assert CURSORS.read(cursor, about) == position
    assert set(cursor) <= set(string.ascii_letters + string.digits + "-_")


@given(at=st.integers(0, len(A_CURSOR) - 1), other=st.characters())
def test_a_cursor_with_another_character_is_refused(at: int, other: str) -> None:
    """Wherever it stands: also where base64 has bits to spare."""
    changed = A_CURSOR[:at] + other + A_CURSOR[at + 1 :]

    if changed != A_CURSOR:
        with pytest.raises(InvalidCursor):
            CURSORS.read(changed, ABOUT)


@given(start=st.integers(0, len(A_CURSOR)), end=st.integers(0, len(A_CURSOR)), more=st.text(max_size=4))
def test_a_cursor_that_was_cut_or_lengthened_is_refused(start: int, end: int, more: str) -> None:
    """All of it, or nothing."""
    changed = A_CURSOR[start:end] + more

    if changed != A_CURSOR:
        with pytest.raises(InvalidCursor):
            CURSORS.read(changed, ABOUT)


@given(st.text())
def test_what_was_never_a_cursor_is_refused(text: str) -> None:
    """Whatever is sent, it is the caller's mistake and never ours."""
    with pytest.raises(InvalidCursor):
        CURSORS.read(text, ABOUT)


@given(about=st.lists(texts))
def test_a_cursor_is_good_for_one_thing(about: list[str]) -> None:
    """Another list, other filters, another caller: none of them goes on where this one ended."""
    if tuple(about) != ABOUT:
        with pytest.raises(InvalidCursor):
            CURSORS.read(A_CURSOR, about)


def test_a_cursor_of_another_service_is_refused() -> None:
    """The key is this service's alone."""
    with pytest.raises(InvalidCursor):
        CURSORS.read(OTHERS.make(POSITION, ABOUT), ABOUT)
