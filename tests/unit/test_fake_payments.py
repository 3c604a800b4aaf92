"""The fake that use cases are tested on keeps what the real one promises."""

import pytest

from tests.contracts.payments_contract import PaymentsContract
from tests.fakes import InMemoryPayments, InMemoryStories


class TestInMemoryPayments(PaymentsContract):
    @pytest.fixture
    def payments(self) -> InMemoryPayments:
        return InMemoryPayments()

    @pytest.fixture
    def open_payments(self, payments: InMemoryPayments) -> InMemoryPayments:
        return payments

    @pytest.fixture
    def stories(self, payments: InMemoryPayments) -> InMemoryStories:
        return InMemoryStories(payments)
