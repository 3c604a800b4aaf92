"""What this service wants to reach. Reached or not, they decide nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench.series import Measured, Series, percentile

_PAY_SHARE: Final = 0.40
_PAY_RATE: Final = 1500.0
_REFUND_COST: Final = 1.5
_FIND_SHARE: Final = 0.75
_PAY_P99_MS: Final = 40.0
_OWN_P50_MS: Final = 5.0
_OWN_P99_MS: Final = 20.0
_MEMORY_MB: Final = 150.0
_PAGE_SHARE: Final = 0.5
_PAGE_SLOWER: Final = 1.3


@dataclass(frozen=True, slots=True)
class Goal:
    """`reached` is None where it was not measured."""

    name: str
    wanted: str
    measured: str | None
    reached: bool | None


def goals(measured: Measured) -> Iterator[Goal]:
    """Each, with what this run says about it."""
    share, rate = measured.pay.rate / measured.pgbench.rate, measured.pay.rate
    yield Goal(
        "POST /payments ÷ pgbench",
        f"≥ {_PAY_SHARE:.2f} or ≥ {_PAY_RATE:,.0f}/s",
        f"{share:.2f} ({rate:,.0f}/s)",
        share >= _PAY_SHARE or rate >= _PAY_RATE,
    )
    yield _refund(measured)
    found = measured.find.rate / measured.bare.rate
    yield Goal("GET /payments/{id} ÷ bare route", f"≥ {_FIND_SHARE:.2f}", f"{found:.2f}", found >= _FIND_SHARE)
    half, own = measured.pay_half.latencies, measured.pay_half.own
    yield _at_most("POST /payments p99 at half load", percentile(half, 0.99), _PAY_P99_MS, "ms")
    yield _at_most("own overhead p50 at half load", percentile(own, 0.50), _OWN_P50_MS, "ms")
    yield _at_most("own overhead p99 at half load", percentile(own, 0.99), _OWN_P99_MS, "ms")
    page = measured.page.rate / measured.page_by_pgbench.rate
    yield Goal("page of 50 ÷ pgbench", f"≥ {_PAGE_SHARE:.2f}", f"{page:.2f}", page >= _PAGE_SHARE)
    yield _slower("page 1 ÷ page 10,000", measured.page_of_many, measured.deep_page)
    yield _slower("50 thousand ÷ 1 million", measured.page, measured.page_of_many)
    yield _at_most("memory of the API", measured.resident_mb, _MEMORY_MB, "MB")


def _refund(measured: Measured) -> Goal:
    """By CPU of the service and of PostgreSQL: rates are those of whoever is the bottleneck."""
    name, wanted = "POST /refunds ÷ POST /payments, CPU", f"≤ {_REFUND_COST:.1f}"
    refund, payment = (_cost(series) for series in (measured.refund, measured.pay))
    if refund is None or payment is None:
        return Goal(name, wanted, None, None)
    times = refund / payment
    return Goal(name, wanted, f"{times:.2f} ({measured.refund.rate:,.0f}/s)", times <= _REFUND_COST)


def _cost(series: Series) -> float | None:
    service, database = (series.cpu_per_answer(whose) for whose in ("server", "database"))
    return None if service is None or database is None else service + database


def _slower(name: str, one: Series, other: Series) -> Goal:
    times = one.rate / other.rate
    return Goal(name, f"≤ {_PAGE_SLOWER:.1f}", f"{times:.2f}", times <= _PAGE_SLOWER)


def _at_most(name: str, measured: float | None, most: float, unit: str) -> Goal:
    wanted = f"≤ {most:.0f} {unit}"
    if measured is None:
        return Goal(name, wanted, None, None)
    return Goal(name, wanted, f"{measured:.1f} {unit}", measured <= most)
