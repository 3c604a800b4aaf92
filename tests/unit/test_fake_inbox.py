"""The fake inbox keeps what the real one promises."""

import pytest

from tests.contracts.inbox_contract import InboxContract
from tests.fakes import InMemoryInbox


class TestInMemoryInbox(InboxContract):
    @pytest.fixture
    def inbox(self) -> InMemoryInbox:
        return InMemoryInbox()
