"""Every id names its month: the millisecond inside a UUIDv7 is the payment's `created_at`."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

_VERSION: Final = 7
#: No payment is older than the service, none can come from after this year; others cannot be ours.
_YEARS: Final = range(2020, 2100)
_EARLIEST, _LATEST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000) for year in (_YEARS[0], _YEARS[-1]))


def created_at(identifier: UUID) -> datetime | None:
    """The exact millisecond in which `identifier` was made (UTC), or None where it cannot be one of ours."""
    if identifier.version != _VERSION:
        return None
    milliseconds = identifier.int >> 80
    if not _EARLIEST <= milliseconds < _LATEST:
        return None
    return datetime.fromtimestamp(milliseconds // 1000, tz=UTC).replace(microsecond=milliseconds % 1000 * 1000)


def born(identifier: UUID) -> datetime:
    """
    The same for an id that we made ourselves.

    Raises:
        ValueError: it cannot be one of ours.
    """
    moment = created_at(identifier)
    if moment is None:
        raise ValueError("not a UUIDv7 of this service")
    return moment


def beside(payment_id: UUID, fresh: UUID) -> UUID:
    """An id for something that belongs to a payment: its millisecond is the payment's, the rest is `fresh`'s own."""
    return UUID(int=payment_id.int >> 80 << 80 | fresh.int & (1 << 80) - 1)
