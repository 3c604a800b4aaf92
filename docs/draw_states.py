"""Draws docs/states.mmd, the statuses of a payment, from the table that the code goes by."""  # noqa: INP001

from pathlib import Path
from typing import Final

from domain.status import TRANSITIONS, Status

FILE: Final = Path(__file__).with_name("states.mmd")


def drawn() -> str:
    """The diagram, as Mermaid reads it: every arrow of the table, in the order of the statuses."""
    arrows = [f"    {was} --> {now}" for was in Status for now in Status if now in TRANSITIONS[was]]
    return "\n".join(
        [
            "%% What a payment may become. Drawn from TRANSITIONS in src/domain/status.py by docs/draw_states.py.",
            "stateDiagram-v2",
            f"    [*] --> {Status.PROCESSING}",
            *arrows,
            "",
        ]
    )


if __name__ == "__main__":
    FILE.write_text(drawn(), "utf-8")
