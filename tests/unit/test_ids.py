"""Every id names its month."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from uuid_utils.compat import uuid7

from domain.ids import born, created_at


def test_the_millisecond_inside_the_id_is_when_it_was_made() -> None:
    """Exactly: the partition is found by it."""
    assert created_at(UUID("019ab3c4-d5e6-7abc-8def-0123456789ab")) == datetime(
        2025, 11, 24, 2, 50, 12, 838000, tzinfo=UTC
    )
    assert abs((born(uuid7()) - datetime.now(UTC)).total_seconds()) < 5


@pytest.mark.parametrize(
    "foreign",
    [uuid4(), UUID(int=0), UUID("ffffffff-ffff-7fff-bfff-ffffffffffff"), UUID("00000000-0000-7000-8000-000000000000")],
)
def test_an_id_that_cannot_be_ours_has_no_month(foreign: UUID) -> None:
    """Another version, or a time outside all months: no date is computed from it, nothing is looked up."""
    assert created_at(foreign) is None
    with pytest.raises(ValueError, match="not a UUIDv7"):
        born(foreign)
