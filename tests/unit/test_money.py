"""Money: integers of minor units, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.currencies import EXPONENTS
from domain.errors import Invalid
from domain.money import LARGEST, Money

amounts = st.integers(0, 10**15)
currencies = st.sampled_from(sorted(EXPONENTS))


@pytest.mark.parametrize("amount", [-1, LARGEST + 1, 1.0, "1", True, None])
def test_an_amount_is_an_integer_that_the_ledger_holds(amount: object) -> None:
    """No fraction, no text, no boolean, no negative, nothing that a bigint would not hold."""
    with pytest.raises(Invalid):
        Money(amount, "KES")  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["kes", "XXX", "", "US", "USDT", "BTC"])
def test_a_currency_is_one_of_iso_4217_in_capitals(currency: str) -> None:
    """What is not in the table has no exponent, so it has no minor units."""
    with pytest.raises(Invalid):
        Money(1, currency)


@pytest.mark.parametrize(
    ("money", "written"),
    [(Money(2500, "USD"), "25.00 USD"), (Money(5, "JPY"), "5 JPY"), (Money(1005, "KWD"), "1.005 KWD")],
)
def test_it_is_written_with_its_own_decimals(money: Money, written: str) -> None:
    """Two for most, none for JPY, three for KWD."""
    assert str(money) == written


def test_different_currencies_do_not_add_up() -> None:
    """A sum has one currency."""
    with pytest.raises(Invalid):
        Money(1, "KES") + Money(1, "USD")


@given(amounts, amounts, currencies)
def test_what_is_added_can_be_taken_away(one: int, other: int, currency: str) -> None:
    """Exactly, at any size."""
    assert Money(one, currency) + Money(other, currency) - Money(other, currency) == Money(one, currency)


@given(amounts, amounts, currencies)
def test_less_than_nothing_is_refused(one: int, other: int, currency: str) -> None:
    """A difference below zero is no money."""
    if other > one:
        with pytest.raises(Invalid):
            Money(one, currency) - Money(other, currency)


@given(amounts, currencies)
def test_whole_units_are_exact_or_none(amount: int, currency: str) -> None:
    """1000 KES cents are 10 shillings, 1050 are none: refused, never rounded."""
    money = Money(amount, currency)
    units = money.whole_units()
    assert (units is None) == bool(amount % 10**money.exponent)
    assert units is None or units * 10**money.exponent == amount
