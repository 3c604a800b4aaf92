"""Draws a table of transitions: groups of statuses as columns, and a bar below them that all of them touch."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from html import escape
from itertools import pairwise, product
from typing import Any, Final, TypeVar

#: By status, what it may become.
Table = Mapping[Any, AbstractSet[str]]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Group:
    """Statuses that belong together. `kind` names its colours in the style sheet."""

    title: str
    kind: str
    statuses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What stands where: `columns` from left to right, `bar` below. `start` is what everything begins as.

    `labels` by what an arrow leads from and to: titles of groups, or statuses.
    """

    title: str
    start: str
    columns: Sequence[Group]
    bar: Group
    labels: Mapping[tuple[str, str], str]

    @property
    def groups(self) -> Sequence[Group]:
        return [*self.columns, self.bar]


@dataclass(frozen=True, slots=True)
class Arrow:
    """From every status of `tail` to every one of `head`; `status` names an end that is one status of its group."""

    tail: Group
    head: Group
    tail_status: str | None = None
    head_status: str | None = None
    both_ways: bool = False

    @property
    def pairs(self) -> Iterator[tuple[str, str]]:
        """The transitions that it stands for."""
        tails = (self.tail_status,) if self.tail_status else self.tail.statuses
        heads = (self.head_status,) if self.head_status else self.head.statuses
        for one, other in product(tails, heads):
            yield one, other
            if self.both_ways:
                yield other, one


def within(group: Group, table: Table) -> bool:
    """Whether each of the group may become every other one of it."""
    return len(group.statuses) > 1 and all(set(group.statuses) - {one} <= table[one] for one in group.statuses)


def arrows(plan: Plan, table: Table) -> list[Arrow]:
    """As few as tell the whole table, but for what happens within a group; one that goes both ways is one."""
    found = []
    for tail, head in product(plan.groups, repeat=2):
        if tail is head:
            continue
        if _complete(tail, head, table):
            if _complete(head, tail, table):
                if plan.groups.index(tail) < plan.groups.index(head):
                    found.append(Arrow(tail, head, both_ways=True))
            else:
                found.append(Arrow(tail, head))
            continue
        found += [
            Arrow(tail, head, _one_of(tail, one), _one_of(head, other))
            for one, other in product(tail.statuses, head.statuses)
            if other in table[one]
        ]
    return found


def _complete(tail: Group, head: Group, table: Table) -> bool:
    return all(set(head.statuses) <= table[one] for one in tail.statuses)


def _one_of(group: Group, status: str) -> str | None:
    return status if len(group.statuses) > 1 else None


#: All in pixels of the drawing.
_BOX: Final = (168, 40)
_ROW: Final = 56
_PADDING: Final = 16
_HEADING: Final = 46
_GAP: Final = 116
_RAIL: Final = 36
_MARGIN: Final = 28
_BAR: Final = 46
_BELOW: Final = 84
_SLOT: Final = 40
_SIDE_SLOT: Final = 28
_RADIUS: Final = 10
_CHARACTER: Final = 6.3
_FLAT: Final = 12


@dataclass(frozen=True, slots=True)
class _Rectangle:
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def centre(self) -> float:
        return self.y + self.height / 2

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


def drawn(plan: Plan, table: Table, name: str) -> str:
    """The drawing as SVG, to stand inside a page; `name` makes its ids unique there."""
    return _Drawing(plan, table, name).svg()


class _Drawing:
    def __init__(self, plan: Plan, table: Table, name: str) -> None:
        self._plan = plan
        self._table = table
        self._name = name
        every = arrows(plan, table)
        self._rails = sorted((arrow for arrow in every if self._span(arrow) > 1), key=self._span)
        self._beside = [arrow for arrow in every if self._span(arrow) == 1]
        self._down = [arrow for arrow in every if plan.bar in {arrow.tail, arrow.head}]
        self._outlines: dict[str, _Rectangle] = {}
        self._boxes: dict[str, _Rectangle] = {}
        self._place()

    def svg(self) -> str:
        right = max(outline.right for outline in self._outlines.values()) + _MARGIN
        bottom = self._outlines[self._plan.bar.title].bottom + _MARGIN
        said = "; ".join(
            f"{status} may become {', '.join(sorted(self._table[status])) or 'nothing else'}" for status in self._table
        )
        lines = [*self._start(), *self._rail_lines(), *self._side_lines(), *self._bar_lines()]
        return (
            f'<svg class="states" viewBox="0 0 {right:g} {bottom:g}" width="{right:g}" height="{bottom:g}" role="img" '
            f'aria-labelledby="{self._name}-title {self._name}-desc">'
            f'<title id="{self._name}-title">{escape(self._plan.title)}</title>'
            f'<desc id="{self._name}-desc">It begins as {self._plan.start}. {escape(said)}.</desc>'
            f'<defs><marker id="{self._name}-tip" viewBox="0 0 10 10" refX="9" refY="5" '
            'markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M0 1 9 5 0 9z"/></marker></defs>'
            f"{''.join(self._groups())}{''.join(path for path, _ in lines)}{''.join(label for _, label in lines)}</svg>"
        )

    def _span(self, arrow: Arrow) -> int:
        """How many columns it goes; 0 to or from the bar."""
        if self._plan.bar in {arrow.tail, arrow.head}:
            return 0
        return abs(self._plan.columns.index(arrow.tail) - self._plan.columns.index(arrow.head))

    def _place(self) -> None:
        rows = max(len(group.statuses) for group in self._plan.columns)
        self._top = top = float(_MARGIN + _RAIL * len(self._rails))
        height = _HEADING + rows * _ROW - (_ROW - _BOX[1]) + _PADDING
        x = float(_MARGIN + _SLOT)
        for group in self._plan.columns:
            alone = len(group.statuses) == 1
            width = _BOX[0] if alone else _BOX[0] + 2 * _PADDING
            first = top + _HEADING + (rows - len(group.statuses)) * _ROW / 2
            for row, status in enumerate(group.statuses):
                self._boxes[status] = _Rectangle(x + (0 if alone else _PADDING), first + row * _ROW, *_BOX)
            self._outlines[group.title] = self._boxes[group.statuses[0]] if alone else _Rectangle(x, top, width, height)
            x += width + _GAP
        left = self._outlines[self._plan.columns[0].title].x
        bar = _Rectangle(left, top + height + _BELOW, x - _GAP - left, _BAR)
        self._outlines[self._plan.bar.title] = bar
        self._boxes[self._plan.bar.statuses[0]] = bar

    def _groups(self) -> Iterator[str]:
        for group in self._plan.groups:
            outline = self._outlines[group.title]
            yield f'<g class="{group.kind}">'
            if len(group.statuses) > 1:
                yield f'<rect class="group" {_corners(outline)} rx="14"/>'
                yield _text(outline.middle, outline.y + 20, group.title, "title")
                if within(group, self._table):
                    yield _text(outline.middle, outline.y + 36, "each may become another", "note")
            for status in group.statuses:
                box = self._boxes[status]
                yield f'<rect class="status" {_corners(box)} rx="9"/>'
                yield _text(box.middle, box.centre + 4.5, status, "name")
            yield "</g>"

    def _start(self) -> Iterator[tuple[str, str]]:
        box = self._boxes[self._plan.start]
        x = _MARGIN - 8
        yield (
            f'<circle class="start" cx="{x}" cy="{box.centre:g}" r="6"/>'
            + self._path(f"M{x + 6} {box.centre:g}H{box.x - 1:g}", both=False),
            "",
        )

    def _rail_lines(self) -> Iterator[tuple[str, str]]:
        """Over the columns between: up, along, down. The shortest lies lowest."""
        slots = self._slots()
        for level, arrow in enumerate(self._rails):
            y = self._top - level * _RAIL - _RAIL * 2 / 3
            tail, head = slots[arrow, arrow.tail.title], slots[arrow, arrow.head.title]
            begin, end = self._outlines[arrow.tail.title].y, self._outlines[arrow.head.title].y
            turn = _RADIUS if head > tail else -_RADIUS
            path = (
                f"M{tail:g} {begin:g}V{y + _RADIUS:g}q0 {-_RADIUS} {turn} {-_RADIUS}H{head - turn:g}"
                f"q{turn} 0 {turn} {_RADIUS}V{end - 1:g}"
            )
            yield self._path(path, both=arrow.both_ways), self._label(arrow, self._last_gap(arrow), y)

    def _last_gap(self, arrow: Arrow) -> float:
        """The middle of the gap before the rightmost of its ends: no other arrow rises there."""
        right = max(self._plan.columns.index(group) for group in (arrow.tail, arrow.head))
        before, last = (self._outlines[self._plan.columns[place].title] for place in (right - 1, right))
        return (before.right + last.x) / 2

    def _slots(self) -> dict[tuple[Arrow, str], float]:
        """Where on the upper edge of a group each rail ends: so that the rails of one group do not cross."""
        ends: dict[str, list[tuple[tuple[int, int], Arrow]]] = defaultdict(list)
        for arrow in self._rails:
            left, right = sorted((arrow.tail, arrow.head), key=self._plan.columns.index)
            ends[left.title].append(((1, -self._span(arrow)), arrow))
            ends[right.title].append(((0, self._span(arrow)), arrow))
        return {
            (arrow, title): self._outlines[title].middle + offset
            for title, here in ends.items()
            for offset, (_, arrow) in _spread(sorted(here, key=lambda end: end[0]), _SLOT)
        }

    def _side_lines(self) -> Iterator[tuple[str, str]]:
        """Between neighbours, from side to side."""
        for left, right in pairwise(self._plan.columns):
            here = [arrow for arrow in self._beside if {arrow.tail, arrow.head} == {left, right}]
            heights = self._heights(here, left, right)
            for arrow in here:
                begin, end = heights[arrow, left], heights[arrow, right]
                from_x = self._edge(arrow, left).right
                to_x = self._edge(arrow, right).x
                forth = arrow.tail is left
                x0, y0, x1, y1 = (from_x, begin, to_x, end) if forth else (to_x, end, from_x, begin)
                tip = x1 - 1 if forth else x1 + 1
                path = f"M{x0:g} {y0:g}C{(x0 + x1) / 2:g} {y0:g} {(x0 + x1) / 2:g} {y1:g} {tip:g} {y1:g}"
                gap = (self._outlines[left.title].right + self._outlines[right.title].x) / 2
                height = (y0 + y1) / 2 if abs(y0 - y1) > _FLAT else min(y0, y1) - _FLAT  # on a slope, or above a line
                yield self._path(path, both=arrow.both_ways), self._label(arrow, gap, height)

    def _edge(self, arrow: Arrow, group: Group) -> _Rectangle:
        status = arrow.tail_status if arrow.tail is group else arrow.head_status
        return self._boxes[status] if status else self._outlines[group.title]

    def _heights(self, here: Iterable[Arrow], left: Group, right: Group) -> dict[tuple[Arrow, Group], float]:
        """At what height each arrow touches: a status at its middle, a whole group where the other end is."""
        heights = {}
        middle = self._boxes[left.statuses[len(left.statuses) // 2]].centre
        for group, other in ((left, right), (right, left)):
            ordered = sorted(here, key=lambda arrow, other=other: self._edge(arrow, other).centre)  # type: ignore[misc]
            alone = len(group.statuses) == 1
            for offset, arrow in _spread(ordered, _SIDE_SLOT):
                edge = self._edge(arrow, group)
                heights[arrow, group] = edge.centre + (offset if alone else 0)
        for arrow in here:
            for group, other in ((left, right), (right, left)):
                if self._edge(arrow, group) is self._outlines[group.title] and len(group.statuses) > 1:
                    heights[arrow, group] = heights[arrow, other] if len(other.statuses) == 1 else middle
        return heights

    def _bar_lines(self) -> Iterator[tuple[str, str]]:
        """Straight down to the bar, or up from it."""
        bar = self._outlines[self._plan.bar.title]
        for arrow in self._down:
            group = arrow.tail if arrow.head is self._plan.bar else arrow.head
            outline = self._edge(arrow, group)
            x, top = outline.middle, outline.bottom
            down = arrow.head is self._plan.bar
            ends = (top + (1 if arrow.both_ways else 0), bar.y - 1) if down else (bar.y, top + 1)
            path = f"M{x:g} {ends[0]:g}V{ends[1]:g}"
            low = self._outlines[self._plan.columns[0].title].bottom
            yield self._path(path, both=arrow.both_ways), self._label(arrow, x, (low + bar.y) / 2)

    def _path(self, path: str, *, both: bool) -> str:
        tip = f"url(#{self._name}-tip)"
        start = f' marker-start="{tip}"' if both else ""
        return f'<path class="arrow" d="{path}"{start} marker-end="{tip}"/>'

    def _label(self, arrow: Arrow, x: float, y: float) -> str:
        ends = (arrow.tail_status or arrow.tail.title, arrow.head_status or arrow.head.title)
        words = self._plan.labels.get(ends)
        if words is None:
            return ""
        width = len(words) * _CHARACTER + 12
        return (
            f'<rect class="under" x="{x - width / 2:g}" y="{y - 8:g}" width="{width:g}" height="16" rx="6"/>'
            + _text(x, y + 4, words, "label")
        )


def _spread(ordered: Sequence[_T], apart: float) -> Iterator[tuple[float, _T]]:
    for place, one in enumerate(ordered):
        yield (place - (len(ordered) - 1) / 2) * apart, one


def _corners(one: _Rectangle) -> str:
    return f'x="{one.x:g}" y="{one.y:g}" width="{one.width:g}" height="{one.height:g}"'


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="middle">{escape(words)}</text>'
