"""The fakes that use cases are tested on keep what the real ones promise."""

import pytest

from tests.contracts.refunds_contract import RefundsContract
from tests.contracts.undertakings_contract import UndertakingsContract
from tests.fakes import InMemoryPayments, InMemoryStories
from tests.fakes_refunds import InMemoryRefunds, InMemoryUndertakings


@pytest.fixture
def payments() -> InMemoryPayments:
    return InMemoryPayments()


@pytest.fixture
def open_payments(payments: InMemoryPayments) -> InMemoryPayments:
    return payments


@pytest.fixture
def stories(payments: InMemoryPayments) -> InMemoryStories:
    return InMemoryStories(payments)


class TestInMemoryRefunds(RefundsContract):
    @pytest.fixture
    def refunds(self, payments: InMemoryPayments) -> InMemoryRefunds:
        return InMemoryRefunds(payments)


class TestInMemoryUndertakings(UndertakingsContract):
    @pytest.fixture
    def undertakings(self, payments: InMemoryPayments) -> InMemoryUndertakings:
        return InMemoryUndertakings(payments)
