"""The table of what may become what, pair by pair."""

from itertools import product

import pytest

from domain.errors import IllegalTransition
from domain.payment import Payment
from domain.status import TRANSITIONS, Status
from tests.builders import a_payment, now

S = Status
#: The table of the contract, written out a second time: a change must be made on purpose, twice.
ALLOWED = {
    S.PROCESSING: "REQUIRES_ACTION AUTHORIZED UNKNOWN SUCCEEDED FAILED CANCELLED EXPIRED REVIEW",
    S.REQUIRES_ACTION: "PROCESSING AUTHORIZED UNKNOWN SUCCEEDED FAILED CANCELLED EXPIRED REVIEW",
    S.AUTHORIZED: "SUCCEEDED CANCELLED EXPIRED UNKNOWN REVIEW",
    S.UNKNOWN: "PROCESSING REQUIRES_ACTION AUTHORIZED SUCCEEDED FAILED CANCELLED EXPIRED REVIEW",
    S.SUCCEEDED: "REVIEW",
    S.FAILED: "CANCELLED EXPIRED SUCCEEDED REVIEW",
    S.CANCELLED: "FAILED EXPIRED SUCCEEDED REVIEW",
    S.EXPIRED: "FAILED CANCELLED SUCCEEDED REVIEW",
    S.REVIEW: "PROCESSING REQUIRES_ACTION AUTHORIZED UNKNOWN SUCCEEDED FAILED CANCELLED EXPIRED",
}


def test_every_status_has_its_row() -> None:
    """An empty row would be final; a missing one is a mistake."""
    assert set(TRANSITIONS) == set(Status)


@pytest.mark.parametrize(("was", "asked"), list(product(Status, Status)))
def test_a_payment_moves_along_the_table_and_nowhere_else(was: Status, asked: Status) -> None:
    """All pairs: allowed ones move, staying is no move, the rest is refused before it can be stored."""
    payment: Payment = a_payment(status=was)

    if asked is was or asked in ALLOWED[was].split():
        assert payment._move(asked, reason=None, updated_at=now()).status is asked
    else:
        with pytest.raises(IllegalTransition):
            payment._move(asked, reason=None, updated_at=now())


def test_nothing_goes_from_success_to_failure() -> None:
    """Money taken is money taken, until a person has looked."""
    assert TRANSITIONS[Status.SUCCEEDED] == {Status.REVIEW}
