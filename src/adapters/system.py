"""The clock and the ids of this machine."""

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7


class SystemClock:
    """The time of this machine: UTC, to the millisecond, as ids and history have it."""

    def now(self) -> datetime:
        moment = datetime.now(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562), each later than the one before it in this process."""
    return uuid7()
