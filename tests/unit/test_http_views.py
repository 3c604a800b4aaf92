"""How a payment is spelled for callers."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from adapters.http.views import iso

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moment=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=zones))  # noqa: DTZ001 - the zones are drawn
@example(moment=datetime(2026, 1, 31, 12, tzinfo=UTC))
@example(moment=datetime(2026, 1, 31, 12, microsecond=999, tzinfo=UTC))
def test_times_are_utc_to_the_millisecond(moment: datetime) -> None:
    """Always three decimals and a Z, whatever the zone; what is finer is cut off."""
    exact = moment.astimezone(UTC)
    whole = exact.replace(microsecond=exact.microsecond // 1000 * 1000)

    assert len(iso(moment)) == len("2026-01-31T12:00:00.000Z")
    assert datetime.fromisoformat(iso(moment)) == whole
