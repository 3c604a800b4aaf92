"""The diagram in the documentation."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from domain.status import TRANSITIONS

DOCS = Path(__file__).parents[2] / "docs"


def the_script() -> ModuleType:
    spec = spec_from_file_location("draw_states", DOCS / "draw_states.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_diagram_is_that_of_the_table() -> None:
    """
    Out of date? `.venv/bin/python docs/draw_states.py` draws it again.
    """
    assert (DOCS / "states.mmd").read_text("utf-8") == the_script().drawn()


def test_every_arrow_of_the_table_is_drawn() -> None:
    """
    And one more: a payment begins.
    """
    arrows = [line for line in the_script().drawn().splitlines() if "-->" in line]

    assert len(arrows) == 1 + sum(len(targets) for targets in TRANSITIONS.values())
