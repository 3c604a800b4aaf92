"""Draws a diagram as SVG: columns of statuses with arrows from side to side, over them and down to the bar."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

from adapters.docs_site.diagram import Arrow, Group, Plan, Table, arrows, within
from adapters.docs_site.placing import MARGIN, RAIL, Rectangle, placed

#: In pixels: between arrows at the same edge, above it and beside it; of a corner; of a letter; what is no slope.
_SLOT: Final = 40
_SIDE_SLOT: Final = 28
_RADIUS: Final = 10
_LETTER: Final = 6.3
_FLAT: Final = 12
_T = TypeVar("_T")


class _Line(NamedTuple):
    """Labels are drawn after all lines: they stand on them."""

    path: str
    label: str


def drawn(plan: Plan, table: Table, name: str) -> str:
    """The drawing, to stand inside a page; `name` makes its ids unique there."""
    return _Drawing(plan, table, name).svg()


class _Drawing:
    def __init__(self, plan: Plan, table: Table, name: str) -> None:
        every = arrows(plan, table)
        self._plan = plan
        self._table = table
        self._name = name
        self._down = [arrow for arrow in every if plan.bar in {arrow.tail, arrow.head}]
        self._beside = [arrow for arrow in every if arrow not in self._down and self._span(arrow) == 1]
        self._over = sorted((arrow for arrow in every if arrow not in self._down + self._beside), key=self._span)
        self._places = placed(plan, rails=len(self._over))

    def svg(self) -> str:
        name, places = self._name, self._places
        lines = [self._begin(), *self._lines_over(), *self._lines_beside(), *self._lines_down()]
        said = "; ".join(f"{status} may become {', '.join(sorted(after))}" for status, after in self._table.items())
        return (
            f'<svg class="states" viewBox="0 0 {places.width:g} {places.height:g}" width="{places.width:g}" '
            f'height="{places.height:g}" role="img" aria-labelledby="{name}-title {name}-desc">'
            f'<title id="{name}-title">{escape(self._plan.title)}</title>'
            f'<desc id="{name}-desc">It begins as {self._plan.start}. {escape(said)}.</desc>'
            f'<defs><marker id="{name}-tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
            'orient="auto-start-reverse"><path d="M0 1 9 5 0 9z"/></marker></defs>'
            f"{''.join(self._groups())}{''.join(line.path for line in lines)}{''.join(line.label for line in lines)}"
            "</svg>"
        )

    def _span(self, arrow: Arrow) -> int:
        """How many columns it goes."""
        return abs(self._plan.columns.index(arrow.tail) - self._plan.columns.index(arrow.head))

    def _groups(self) -> Iterator[str]:
        for group in self._plan.groups:
            outline = self._places.outlines[group.title]
            yield f'<g class="{group.kind}">'
            if len(group.statuses) > 1:
                yield f'<rect class="group" {_corners(outline)} rx="14"/>'
                yield _text(outline.middle, outline.y + 20, group.title, "title")
                if within(group, self._table):
                    yield _text(outline.middle, outline.y + 36, "each may become another", "note")
            for status in group.statuses:
                box = self._places.boxes[status]
                yield f'<rect class="status" {_corners(box)} rx="9"/>'
                yield _text(box.middle, box.centre + 4.5, status, "name")
            yield "</g>"

    def _begin(self) -> _Line:
        box = self._places.boxes[self._plan.start]
        dot = f'<circle class="start" cx="{MARGIN - 8}" cy="{box.centre:g}" r="6"/>'
        return _Line(dot + self._path(f"M{MARGIN - 2} {box.centre:g}H{box.x:g}"), "")

    def _lines_over(self) -> Iterator[_Line]:
        """Up, along a rail, down. The shortest lies lowest."""
        slots = self._slots()
        top = min(outline.y for outline in self._places.outlines.values())
        for level, arrow in enumerate(self._over):
            y = top - (level + 2 / 3) * RAIL
            x0, x1 = slots[arrow, arrow.tail.title], slots[arrow, arrow.head.title]
            begin, end = (self._places.outlines[group.title].y for group in (arrow.tail, arrow.head))
            turn = _RADIUS if x1 > x0 else -_RADIUS
            up = f"M{x0:g} {begin:g}V{y + _RADIUS:g}q0 {-_RADIUS} {turn} {-_RADIUS}"
            down = f"q{turn} 0 {turn} {_RADIUS}V{end:g}"
            # In the gap before the rightmost of its ends no other arrow rises.
            right = max(arrow.tail, arrow.head, key=self._plan.columns.index)
            left = self._plan.columns[self._plan.columns.index(right) - 1]
            label = self._label(arrow, self._gap(left, right), y)
            yield _Line(self._path(f"{up}H{x1 - turn:g}{down}", both_ways=arrow.both_ways), label)

    def _slots(self) -> dict[tuple[Arrow, str], float]:
        """Where on the upper edge of a group each rail ends, so that the rails of one group do not cross."""
        ends: dict[str, list[tuple[int, int, Arrow]]] = defaultdict(list)
        for arrow in self._over:
            left, right = sorted((arrow.tail, arrow.head), key=self._plan.columns.index)
            ends[left.title].append((1, -self._span(arrow), arrow))
            ends[right.title].append((0, self._span(arrow), arrow))
        return {
            (arrow, title): self._places.outlines[title].middle + offset
            for title, here in ends.items()
            for offset, (*_, arrow) in _spread(sorted(here, key=lambda end: end[:2]), _SLOT)
        }

    def _lines_beside(self) -> Iterator[_Line]:
        """Between neighbours, from side to side."""
        for left, right in pairwise(self._plan.columns):
            here = [arrow for arrow in self._beside if {arrow.tail, arrow.head} == {left, right}]
            for arrow in here:
                x0, x1 = self._edge(arrow, left).right, self._edge(arrow, right).x
                y0, y1 = self._height(arrow, left, right, here), self._height(arrow, right, left, here)
                on_a_slope = abs(y0 - y1) > _FLAT
                label = self._label(arrow, self._gap(left, right), (y0 + y1) / 2 if on_a_slope else min(y0, y1) - _FLAT)
                if arrow.tail is right:
                    x0, y0, x1, y1 = x1, y1, x0, y0
                bend = (x0 + x1) / 2
                path = f"M{x0:g} {y0:g}C{bend:g} {y0:g} {bend:g} {y1:g} {x1:g} {y1:g}"
                yield _Line(self._path(path, both_ways=arrow.both_ways), label)

    def _height(self, arrow: Arrow, group: Group, other: Group, here: Sequence[Arrow]) -> float:
        """Where it touches: one of many at its centre, what stands alone at a slot, a group where the other does."""
        edge = self._edge(arrow, group)
        if len(group.statuses) == 1:
            ordered = sorted(here, key=lambda one: self._edge(one, other).centre)
            return edge.centre + next(offset for offset, one in _spread(ordered, _SIDE_SLOT) if one is arrow)
        if edge is self._places.outlines[group.title] and len(other.statuses) == 1:
            return self._height(arrow, other, group, here)
        return edge.centre

    def _lines_down(self) -> Iterator[_Line]:
        """Straight down to the bar, or up from it."""
        bar = self._places.bar
        low = max(outline.bottom for outline in self._places.outlines.values() if outline is not bar)
        for arrow in self._down:
            down = arrow.head is self._plan.bar
            edge = self._edge(arrow, arrow.tail if down else arrow.head)
            begin, end = (edge.bottom, bar.y) if down else (bar.y, edge.bottom)
            path = self._path(f"M{edge.middle:g} {begin:g}V{end:g}", both_ways=arrow.both_ways)
            yield _Line(path, self._label(arrow, edge.middle, (low + bar.y) / 2))

    def _edge(self, arrow: Arrow, group: Group) -> Rectangle:
        return self._places.edge(group, arrow.tail_status if arrow.tail is group else arrow.head_status)

    def _gap(self, left: Group, right: Group) -> float:
        """The middle of what is between two columns."""
        return (self._places.outlines[left.title].right + self._places.outlines[right.title].x) / 2

    def _path(self, path: str, *, both_ways: bool = False) -> str:
        tip = f"url(#{self._name}-tip)"
        start = f' marker-start="{tip}"' if both_ways else ""
        return f'<path class="arrow" d="{path}"{start} marker-end="{tip}"/>'

    def _label(self, arrow: Arrow, x: float, y: float) -> str:
        ends = (arrow.tail_status or arrow.tail.title, arrow.head_status or arrow.head.title)
        words = self._plan.labels.get(ends, "")
        if not words:
            return ""
        under = Rectangle(x - len(words) * _LETTER / 2 - 6, y - 8, len(words) * _LETTER + 12, 16)
        return f'<rect class="under" {_corners(under)} rx="6"/>' + _text(x, y + 4, words, "label")


def _spread(ordered: Sequence[_T], apart: float) -> Iterator[tuple[float, _T]]:
    """Each with its distance from the middle, so far apart from the next."""
    for place, one in enumerate(ordered):
        yield (place - (len(ordered) - 1) / 2) * apart, one


def _corners(one: Rectangle) -> str:
    return f'x="{one.x:g}" y="{one.y:g}" width="{one.width:g}" height="{one.height:g}"'


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="middle">{escape(words)}</text>'
