"""Who has written reads what they wrote, in the process that wrote it."""

from uuid import UUID, uuid4

import pytest

from application.own_writes import REMEMBERED_FOR, OwnWrites
from application.ports.positions import LATEST
from tests.builders import SOMEONE, SOMEONE_ELSE
from tests.fakes import PositionsFake


class Seconds:
    """A clock that stands until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def positions() -> PositionsFake:
    return PositionsFake(100)


@pytest.fixture
def own_writes(positions: PositionsFake, clock: Seconds) -> OwnWrites:
    return OwnWrites(positions, most=3, clock=clock)


async def write(own_writes: OwnWrites, positions: PositionsFake, user: UUID, position: int) -> None:
    positions.at = position
    assert await own_writes.wrote(user) == position


async def test_the_last_write_counts(own_writes: OwnWrites, positions: PositionsFake) -> None:
    """The writer reads after it; nobody else need."""
    await write(own_writes, positions, SOMEONE, 100)
    await write(own_writes, positions, SOMEONE, 200)

    assert own_writes.last(SOMEONE) == 200
    assert own_writes.last(SOMEONE_ELSE) is None


async def test_of_two_writes_at_once_the_later_counts(own_writes: OwnWrites, positions: PositionsFake) -> None:
    """The answer to the question where the first one stands may come last."""
    await write(own_writes, positions, SOMEONE, 200)
    await write(own_writes, positions, SOMEONE, 100)

    assert own_writes.last(SOMEONE) == 200


async def test_it_is_forgotten_after_a_minute(own_writes: OwnWrites, positions: PositionsFake, clock: Seconds) -> None:
    """Whatever is read from is younger than that."""
    await write(own_writes, positions, SOMEONE, LATEST)

    clock.now = REMEMBERED_FOR
    assert own_writes.last(SOMEONE) == LATEST
    clock.now += 1
    assert own_writes.last(SOMEONE) is None


async def test_who_is_crowded_out_still_reads_what_they_wrote(
    own_writes: OwnWrites, positions: PositionsFake, clock: Seconds
) -> None:
    """Memory is bounded: everybody then reads after the last write of those who were forgotten."""
    users = [uuid4() for _ in range(5)]
    for position, user in enumerate(users, start=1):
        await write(own_writes, positions, user, position)

    assert [own_writes.last(user) for user in users] == [2, 2, 3, 4, 5]
    assert own_writes.last(SOMEONE) == 2
    clock.now = REMEMBERED_FOR + 1
    assert own_writes.last(users[0]) is None


async def test_without_copies_nobody_is_remembered(positions: PositionsFake) -> None:
    """All read where it was written."""
    own_writes = OwnWrites(PositionsFake(None))

    assert await own_writes.wrote(SOMEONE) is None
    assert own_writes.last(SOMEONE) is None
