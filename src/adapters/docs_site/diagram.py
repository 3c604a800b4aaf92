"""A table of transitions as few arrows: statuses that may become the same are a group, and share its arrows."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import product
from typing import Any

#: By status, what it may become.
Table = Mapping[Any, AbstractSet[str]]


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
