"""The figures, for people and for programs."""

import os
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.goals import Goal, goals
from bench.options import Options
from bench.series import Measured, Series, percentile

_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "–"}


def rows(measured: Measured) -> list[dict[str, Any]]:
    """One for each contestant. CPU in µs per request, latencies in ms; None where there is none."""
    contestants = {
        "POST /payments": (measured.pay, measured.pay_half),
        "pgbench, same statements": (measured.pgbench, None),
        "GET /payments/{id}": (measured.find, measured.find_half),
        "bare Litestar route, one SELECT": (measured.bare, None),
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
        "load_average": os.getloadavg(),
        "stripe": _stripe(options),
        "faults": faults,
    }


def show(console: Console, measured: Measured, options: Options) -> None:
    table = Table(caption=_caption(measured, options), caption_justify="left", title_justify="left")
    table.add_column("")
    for name in ("requests/s", "min–max", "CPU µs", "of PostgreSQL", "of Stripe", "p50 ms", "p99", "half: p50", "p99"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows(measured):
        cells = (row["cpu_us"], row["cpu_us_database"], row["cpu_us_gateway"])
        times = (row["p50_ms"], row["p99_ms"], row["half_p50_ms"], row["half_p99_ms"])
        table.add_row(
            row["name"],
            f"{row['rate']:,.0f}",
            f"{row['slowest']:,.0f}–{row['fastest']:,.0f}",
            *(_number(cell, 0) for cell in cells),
            *(_number(cell, 1) for cell in times),
        )
    console.print(table)
    console.print(_goals(list(goals(measured))))


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
    table = Table("goal", "wanted", "measured", "")
    for goal in reached:
        table.add_row(goal.name, goal.wanted, goal.measured, _MARKS[goal.reached])
    return table


def _caption(measured: Measured, options: Options) -> str:
    generator = _number(measured.pay.cpu_per_answer("generator"), 0)
    return (
        f"{options.rounds} rounds of {options.seconds} s a turn, {options.connections} connections, {os.cpu_count()} cores "
        f"shared by all (load average now {os.getloadavg()[0]:.1f}), fsync on. CPU per request: of the process that "
        f"answers, of PostgreSQL, of {_stripe(options)}; the load generator takes {generator} µs more. "
        "Half: customers come at random at half of the rate reached; their time counts from when they came."
    )


def _stripe(options: Options) -> str:
    return "the sandbox's durable Stripe" if options.sandbox else "a Stripe that answers at once and keeps nothing"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
