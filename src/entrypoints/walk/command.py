"""`payments e2e`: the walk, its progress and its table."""

import asyncio
import time
from types import TracebackType
from typing import Final, Self

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
    progress_console, out = Console(stderr=True), Console()
    if not token:
        progress_console.print("API_KEY must be set: a bearer token, such as `payments token --user UUID` makes")
        return CANNOT_BEGIN
    began = time.monotonic()
    try:
        with _Progress(progress_console) as progress:
            rows = asyncio.run(walk(url, token, progress.tell))
    except CannotBegin as why:
        progress_console.print(f"{url}: {why}", markup=False, soft_wrap=True)
        return CANNOT_BEGIN
    seconds = time.monotonic() - began
    if as_json:
        out.out(report.as_json(rows, url, seconds), highlight=False)
    else:
        report.wide(out).print(report.table(rows))
        out.print(report.summary(rows, url, seconds), markup=False, soft_wrap=True)
    return SOMETHING_FAILED if report.failed(rows) else ALL_WELL


class _Progress:
    """While it walks: the topic, how many checks are done, and each that failed; gone at the end."""

    def __init__(self, console: Console) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.completed} checks"), TextColumn("{task.description}"))
        self._progress = Progress(*columns, TimeElapsedColumn(), console=console, transient=True)
        self._task = self._progress.add_task("begins", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def tell(self, row: Row) -> None:
        self._progress.update(self._task, advance=1, description=row.topic)
        if row.outcome is Outcome.FAILED:
            self._progress.console.print(f"failed: {row.topic}: {row.rule}", markup=False, style="red")
