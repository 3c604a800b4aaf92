"""The figures, for people and for programs."""

import os
import sys
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from bench.goals import Goal, goals
from bench.options import Options
from bench.series import Measured, Series, percentile

_MARKS: Final = {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}
_HEADINGS: Final = (
    "requests/s",
    "CPU µs of\nservice",
    "CPU µs of\nPostgreSQL",
    "CPU µs of\nStripe",
    "p50\nms",
    "p99\nms",
    "p50 ms at\nhalf load",
    "p99 ms at\nhalf load",
)
#: Where there is no terminal to say.
_WIDTH: Final = 120


def rows(measured: Measured) -> list[dict[str, Any]]:
    """One for each contestant. CPU in µs per request, latencies in ms; None where there is none."""
    contestants = {
        "POST /payments": (measured.pay, measured.pay_half),
        "pgbench, same statements": (measured.pgbench, None),
        "POST /refunds": (measured.refund, None),
        "GET /payments/{id}": (measured.find, measured.find_half),
        "bare Litestar route": (measured.bare, None),
        "GET /payments, 50 of 50 thousand": (measured.page, None),
        "pgbench, same statement": (measured.page_by_pgbench, None),
        "… 50 of 1 million": (measured.page_of_many, None),
        "… its page 10,000": (measured.deep_page, None),
    }
    return [_row(name, full, half) for name, (full, half) in contestants.items()]


def as_json(measured: Measured, options: Options, faults: list[str]) -> dict[str, Any]:
    return {
        "rows": rows(measured),
        "goals": [
            {"name": goal.name, "wanted": goal.wanted, "measured": goal.measured, "reached": goal.reached}
            for goal in goals(measured)
        ],
        "generator_cpu_us": measured.pay.cpu_per_answer("generator"),
        "memory_mb": measured.resident_mb,
        "connections": options.connections,
        "cores": os.cpu_count(),
        "taken_by_others": _of_others(measured),
        "stripe": _stripe(options),
        "faults": faults,
    }


def show(measured: Measured, options: Options) -> None:
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right")
    for row in rows(measured):
        cells = (row["cpu_us"], row["cpu_us_database"], row["cpu_us_gateway"])
        times = (row["p50_ms"], row["p99_ms"], row["half_p50_ms"], row["half_p99_ms"])
        table.add_row(
            row["name"],
            f"{row['rate']:,.0f}\n[dim]{row['slowest']:,.0f} … {row['fastest']:,.0f}[/]",
            *(_number(cell, 0) for cell in cells),
            *(_number(cell, 1) for cell in times),
        )
    console.print(table)
    console.print(_goals(list(goals(measured))))
    console.print(_circumstances(measured, options))


def _row(name: str, full: Series, half: Series | None) -> dict[str, Any]:
    return {
        "name": name,
        "rate": full.rate,
        "slowest": min(full.rates),
        "fastest": max(full.rates),
        "cpu_us": full.cpu_per_answer("server"),
        "cpu_us_database": full.cpu_per_answer("database"),
        "cpu_us_gateway": full.cpu_per_answer("gateway") if name.startswith("POST") else None,
        "p50_ms": percentile(full.latencies, 0.50),
        "p99_ms": percentile(full.latencies, 0.99),
        "half_p50_ms": percentile(half.latencies, 0.50) if half else None,
        "half_p99_ms": percentile(half.latencies, 0.99) if half else None,
    }


def _goals(reached: list[Goal]) -> Table:
    table = Table("", "goal", "measured", "", box=box.SIMPLE_HEAD)
    for goal in reached:
        table.add_row(goal.name, goal.wanted, goal.measured or "not told", _MARKS[goal.reached])
    return table


def _circumstances(measured: Measured, options: Options) -> str:
    generator = _number(measured.pay.cpu_per_answer("generator"), 0)
    turns = f"{options.rounds} rounds of {options.seconds} s a turn, {options.connections} connections, fsync on"
    share = "an unknown part" if measured.cpu_of_others is None else f"{_of_others(measured):.0%}"
    cores = f"All of it shares {os.cpu_count()} cores, of which others took {share}"
    return (
        f"{turns}; the rate is the median of the turns. {cores}.\n"
        f"Stripe is {_stripe(options)}. The load generator takes another {generator} µs of CPU per payment.\n"
        "At half load customers come at random, at half of the rate; their time counts from when they came."
    )


def _of_others(measured: Measured) -> float | None:
    """What part of the machine was not ours: the more, the less these figures say."""
    if measured.cpu_of_others is None:
        return None
    return measured.cpu_of_others / (measured.seconds * (os.cpu_count() or 1))


def _stripe(options: Options) -> str:
    return "the sandbox's durable stand-in" if options.sandbox else "a stand-in that answers at once and keeps nothing"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
