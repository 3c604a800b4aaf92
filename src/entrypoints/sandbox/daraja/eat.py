"""M-Pesa tells the time in East Africa: UTC+3 the whole year round."""

from datetime import datetime, timedelta, timezone
from typing import Final

EAT: Final = timezone(timedelta(hours=3), "EAT")
STAMP: Final = "%Y%m%d%H%M%S"


def now() -> datetime:
    """The time in Nairobi."""
    return datetime.now(EAT)


def stamp(moment: datetime) -> str:
    """`YYYYMMDDHHmmss` in Nairobi, as Daraja writes a time."""
    return moment.astimezone(EAT).strftime(STAMP)


def read(text: str) -> datetime:
    """What `stamp` wrote; ValueError for a day or an hour that does not exist."""
    return datetime.strptime(text, STAMP).replace(tzinfo=EAT)
