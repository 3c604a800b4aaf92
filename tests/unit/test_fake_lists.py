"""The fakes that use cases are tested on keep what the real ones promise."""

import pytest

from tests.contracts.lists_contract import ListsContract
from tests.contracts.notes_contract import NotesContract
from tests.contracts.refund_lists_contract import RefundListsContract
from tests.fakes import InMemoryLists, InMemoryNotes, InMemoryPayments, InMemoryStories, PlainSealer
from tests.fakes_refunds import InMemoryRefundLists, InMemoryRefunds


@pytest.fixture
def payments() -> InMemoryPayments:
    return InMemoryPayments()


@pytest.fixture
def stories(payments: InMemoryPayments) -> InMemoryStories:
    return InMemoryStories(payments)


class TestInMemoryLists(ListsContract):
    @pytest.fixture
    def lists(self, payments: InMemoryPayments) -> InMemoryLists:
        return InMemoryLists(payments)


class TestInMemoryNotes(NotesContract):
    @pytest.fixture
    def open_payments(self, payments: InMemoryPayments) -> InMemoryPayments:
        return payments

    @pytest.fixture
    def notes(self, payments: InMemoryPayments) -> InMemoryNotes:
        return InMemoryNotes(payments)

    @pytest.fixture
    def sealer(self) -> PlainSealer:
        return PlainSealer()


class TestInMemoryRefundLists(RefundListsContract):
    @pytest.fixture
    def refunds(self, payments: InMemoryPayments) -> InMemoryRefunds:
        return InMemoryRefunds(payments)

    @pytest.fixture
    def lists(self, refunds: InMemoryRefunds) -> InMemoryRefundLists:
        return InMemoryRefundLists(refunds)
