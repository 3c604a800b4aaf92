"""Draws what payments and refunds may become, from the tables that the code goes by."""  # noqa: INP001

from collections.abc import Collection, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

from domain.refund import REFUND_TRANSITIONS
from domain.status import TRANSITIONS

#: File -> what it shows, where the table stands, and the table.
DIAGRAMS: Final[Mapping[str, tuple[str, str, Mapping[StrEnum, Collection[StrEnum]]]]] = {
    "states.mmd": ("payment", "TRANSITIONS in src/domain/status.py", TRANSITIONS),
    "refund-states.mmd": ("refund", "REFUND_TRANSITIONS in src/domain/refund.py", REFUND_TRANSITIONS),
}


def drawn(name: str) -> str:
    """The diagram, as Mermaid reads it: every arrow of the table, in the order of the statuses."""
    thing, origin, table = DIAGRAMS[name]
    statuses = list(table)
    arrows = [f"    {was} --> {now}" for was in statuses for now in statuses if now in table[was]]
    return "\n".join(
        [
            f"%% What a {thing} may become. Drawn from {origin} by docs/draw_states.py.",
            "stateDiagram-v2",
            "    [*] --> PROCESSING",
            *arrows,
            "",
        ]
    )


if __name__ == "__main__":
    for name in DIAGRAMS:
        Path(__file__).with_name(name).write_text(drawn(name), "utf-8")
