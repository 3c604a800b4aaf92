"""The fakes that use cases are tested on keep what the real ones promise."""

import pytest

from tests.contracts.idempotency_contract import IdempotencyContract
from tests.contracts.payment_methods_contract import PaymentMethodsContract
from tests.fakes_methods import InMemoryKeys, InMemoryMethods


class TestInMemoryMethods(PaymentMethodsContract):
    @pytest.fixture
    def methods(self) -> InMemoryMethods:
        return InMemoryMethods()


class TestInMemoryKeys(IdempotencyContract):
    @pytest.fixture
    def keys(self) -> InMemoryKeys:
        return InMemoryKeys()
