"""What is kept is readable by us alone, and for its own row alone."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.encryption import DataKeys, MasterKeys, Unreadable, Vault

ONE, OTHER = bytes(range(32)), bytes(reversed(range(32)))
VAULT = Vault(DataKeys({1: ONE}, blind=ONE))


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_was_sealed_can_be_opened(plain: bytes, about: str) -> None:
    """Byte for byte, and never the same twice."""
    assert VAULT.open(VAULT.seal(plain, about), about) == plain
    assert VAULT.seal(plain, about) != VAULT.seal(plain, about)


def test_it_can_be_opened_for_its_own_row_alone() -> None:
    """A value copied into another row is worth nothing there."""
    with pytest.raises(Unreadable):
        VAULT.open(VAULT.seal(b"phone", "payment:1"), "payment:2")


@given(st.binary(max_size=60))
def test_whatever_else_lies_there_is_unreadable(junk: bytes) -> None:
    """Altered, cut short, or never ours: no guess and no other error."""
    with pytest.raises(Unreadable):
        VAULT.open(junk, "payment:1")


def test_old_values_are_read_with_the_key_that_sealed_them() -> None:
    """A new data key seals what comes; what is there stays readable."""
    old = VAULT.seal(b"phone", "payment:1")
    grown = Vault(DataKeys({1: ONE, 2: OTHER}, blind=ONE))
    assert grown.open(old, "payment:1") == b"phone"
    with pytest.raises(Unreadable):
        VAULT.open(grown.seal(b"phone", "payment:1"), "payment:1")


def test_equal_texts_are_recognised_and_others_are_not() -> None:
    """Purpose and the place of each part count: no two different things look alike."""
    assert VAULT.blind("phone", "254712345678") == VAULT.blind("phone", "254712345678")
    alike = [("phone", "12"), ("likeness", "12"), ("phone", "1", "2"), ("phone", "12", ""), ("phone", "2", "1")]
    assert len({VAULT.blind(*parts) for parts in alike}) == len(alike)
    assert len(VAULT.blind("phone")) == 32


def encoded(key: bytes) -> str:
    return b64encode(key).decode()


def test_the_first_master_key_wraps_and_all_unwrap() -> None:
    """That is how they rotate: a new one comes first, the old one stays until all is re-wrapped."""
    before = MasterKeys.parse(f"a:{encoded(ONE)}")
    after = MasterKeys.parse(f"b:{encoded(OTHER)}, a:{encoded(ONE)}")
    wrapped = before.wrap(b"k" * 32, "seal")
    assert after.current == "b"
    assert after.unwrap(wrapped, "seal", "a") == b"k" * 32


def test_a_master_key_that_is_missing_or_another_one_is_named() -> None:
    """The operator is told which, and nothing of the key."""
    wrapped = MasterKeys.parse(f"a:{encoded(ONE)}").wrap(b"k" * 32, "seal")
    with pytest.raises(ValueError, match="'a' is missing"):
        MasterKeys.parse(f"b:{encoded(ONE)}").unwrap(wrapped, "seal", "a")
    with pytest.raises(ValueError, match="'a' in ENCRYPTION_KEYS is another one"):
        MasterKeys.parse(f"a:{encoded(OTHER)}").unwrap(wrapped, "seal", "a")


@pytest.mark.parametrize("text", ["", "a", "a:", ":" + encoded(ONE), "a:short", f"a:{encoded(ONE[:16])}", "a:!!!!"])
def test_what_is_no_master_key_is_refused(text: str) -> None:
    """Before anything is encrypted with it."""
    with pytest.raises(ValueError, match="key"):
        MasterKeys.parse(text)
