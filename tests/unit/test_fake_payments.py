"""The fake that use cases are tested on keeps what the real one promises."""

import pytest

from tests.contracts.payments_contract import PaymentsContract
from tests.fakes import InMemoryPayments


class TestInMemoryPayments(PaymentsContract):
    @pytest.fixture
    def payments(self) -> InMemoryPayments:
        return InMemoryPayments()

    @pytest.fixture
    def open_payments(self, payments: InMemoryPayments) -> InMemoryPayments:
        return payments
