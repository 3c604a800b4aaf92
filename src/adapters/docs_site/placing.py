"""Where on a diagram everything stands. All in pixels of the drawing."""

from dataclasses import dataclass
from typing import Final

from adapters.docs_site.diagram import Group, Plan

MARGIN: Final = 28
#: Between a rail, on which an arrow leads over the columns, and the next.
RAIL: Final = 36
_BEFORE: Final = 40
_BOX: Final = (168, 40)
_ROW: Final = 56
_PADDING: Final = 16
_HEADING: Final = 46
_GAP: Final = 116
_BELOW: Final = 84
_BAR: Final = 46


@dataclass(frozen=True, slots=True)
class Rectangle:
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """From left to right."""
        return self.x + self.width / 2

    @property
    def centre(self) -> float:
        """From top to bottom."""
        return self.y + self.height / 2

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Places:
    """`outlines` of groups by title, `boxes` of statuses; a status that is alone in its group is its outline, too."""

    outlines: dict[str, Rectangle]
    boxes: dict[str, Rectangle]
    bar: Rectangle

    @property
    def width(self) -> float:
        return self.bar.right + MARGIN

    @property
    def height(self) -> float:
        return self.bar.bottom + MARGIN

    def edge(self, group: Group, status: str | None) -> Rectangle:
        """What an arrow touches: the one status, or the whole group."""
        return self.boxes[status] if status else self.outlines[group.title]


def placed(plan: Plan, *, rails: int) -> Places:
    """Columns of the same height from left to right, below so many rails; under all of them the bar."""
    rows = max(len(group.statuses) for group in plan.columns)
    top = MARGIN + RAIL * rails
    height = _HEADING + (rows - 1) * _ROW + _BOX[1] + _PADDING
    outlines: dict[str, Rectangle] = {}
    boxes: dict[str, Rectangle] = {}
    left = x = MARGIN + _BEFORE
    for group in plan.columns:
        padding = _PADDING if len(group.statuses) > 1 else 0
        first = top + _HEADING + (rows - len(group.statuses)) * _ROW / 2
        for row, status in enumerate(group.statuses):
            boxes[status] = Rectangle(x + padding, first + row * _ROW, *_BOX)
        whole = Rectangle(x, top, _BOX[0] + 2 * padding, height)
        outlines[group.title] = whole if padding else boxes[group.statuses[0]]
        x += _BOX[0] + 2 * padding + _GAP
    bar = Rectangle(left, top + height + _BELOW, x - _GAP - left, _BAR)
    outlines[plan.bar.title] = boxes[plan.bar.statuses[0]] = bar
    return Places(outlines, boxes, bar)
