"""What people and scripts are told of a walk."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from entrypoints.walk.rows import Outcome, Row

_STYLES: Final = {Outcome.OK: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "dim"}


def failed(rows: Sequence[Row]) -> bool:
    return any(row.outcome is Outcome.FAILED for row in rows)


def table(rows: Sequence[Row]) -> Table:
    """One line a check, grouped by topic; below what failed, who can say more of it."""
    drawn = Table("Check", "Sent", "Expected", "Seen", "", "ms", expand=True)
    drawn.columns[-1].justify = "right"
    for name, topic in groupby(rows, lambda row: row.topic):
        drawn.add_section()
        drawn.add_row(Text(name, style="bold"))
        for row in topic:
            style = _STYLES[row.outcome]
            texts = (row.rule, row.sent, row.expected, row.seen)
            dim = "dim" if row.outcome is Outcome.SKIPPED else ""
            drawn.add_row(
                *(Text(text, style=dim) for text in texts), Text(row.outcome, style=style), str(row.duration_ms or "")
            )
            if row.outcome is Outcome.FAILED and row.request_id:
                drawn.add_row("", Text(f"request {row.request_id}"), "", Text(row.trouble or "", style="red"))
    return drawn


def summary(rows: Sequence[Row], url: str, seconds: float) -> str:
    counts = Counter(row.outcome for row in rows)
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome)
    return f"{url}: {told}, in {seconds:.1f} s"


def as_json(rows: Sequence[Row], url: str, seconds: float) -> str:
    counts = Counter(row.outcome for row in rows)
    return json.dumps(
        {
            "url": url,
            "seconds": round(seconds, 1),
            **{outcome: counts[outcome] for outcome in Outcome},
            "rows": [asdict(row) for row in rows],
        }
    )


def wide(console: Console) -> Console:
    """A table in a file or a pipe is not folded to the 80 columns of no terminal."""
    if not console.is_terminal:
        console.width = max(console.width, 200)
    return console
