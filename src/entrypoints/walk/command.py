"""`payments e2e`: the walk, its progress and its table."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from entrypoints.walk import report
from entrypoints.walk.beginning import CannotBegin
from entrypoints.walk.rows import Outcome, Row
from entrypoints.walk.walk import walk

ALL_WELL: Final = 0
SOMETHING_FAILED: Final = 1
CANNOT_BEGIN: Final = 2


def e2e(url: str, token: str | None, *, as_json: bool) -> int:
    """The exit code. The table (or the JSON) goes to stdout, progress to stderr."""
    console, out = Console(stderr=True), Console()
    if not token:
        console.print("API_KEY must be set: a bearer token, such as `payments token --user UUID` makes")
        return CANNOT_BEGIN
    began = time.monotonic()
    try:
        with _progress(console) as tell:
            rows = asyncio.run(walk(url, token, tell))
    except CannotBegin as why:
        console.print(f"{url}: {why}", markup=False, soft_wrap=True)
        return CANNOT_BEGIN
    seconds = time.monotonic() - began
    if as_json:
        out.out(report.as_json(rows, url, seconds), highlight=False)
    else:
        report.wide(out).print(report.table(rows))
        out.print(report.summary(rows, url, seconds), markup=False, highlight=False, soft_wrap=True)
    return SOMETHING_FAILED if report.failed(rows) else ALL_WELL


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[Row], None]]:
    """To be told of every row: shows the topic and how many checks are done, and each that failed; gone at the end."""
    columns = (SpinnerColumn(), TextColumn("{task.completed} checks"), TextColumn("{task.description}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("begins", total=None)

        def tell(row: Row) -> None:
            progress.update(task, advance=1, description=row.topic)
            if row.outcome is Outcome.FAILED:
                progress.console.print(f"failed: {row.topic}: {row.rule}", markup=False, style="red")

        yield tell
