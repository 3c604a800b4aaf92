"""The diagram in the documentation."""

from collections.abc import Collection, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from domain.refund import REFUND_TRANSITIONS
from domain.status import TRANSITIONS

DOCS = Path(__file__).parents[2] / "docs"


def the_script() -> ModuleType:
    spec = spec_from_file_location("draw_states", DOCS / "draw_states.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", the_script().DIAGRAMS)
def test_the_diagram_is_that_of_the_table(name: str) -> None:
    """
    Out of date? `.venv/bin/python docs/draw_states.py` draws it again.
    """
    assert (DOCS / name).read_text("utf-8") == the_script().drawn(name)


@pytest.mark.parametrize(("name", "table"), [("states.mmd", TRANSITIONS), ("refund-states.mmd", REFUND_TRANSITIONS)])
def test_every_arrow_of_the_table_is_drawn(name: str, table: Mapping[str, Collection[str]]) -> None:
    """
    And one more: a payment, or a refund, begins.
    """
    arrows = [line for line in the_script().drawn(name).splitlines() if "-->" in line]

    assert len(arrows) == 1 + sum(len(targets) for targets in table.values())
