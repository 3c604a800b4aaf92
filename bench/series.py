"""What was measured, and what it amounts to."""

import statistics
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bench.load import Outcome
from bench.pgbench import Turn

_EXAMPLES: Final = 5


@dataclass(slots=True)
class Series:
    """All turns of one contestant. CPU in seconds, by whose it is; latencies and own times in milliseconds."""

    rates: list[float] = field(default_factory=list)
    answers: int = 0
    cpu: dict[str, float] = field(default_factory=dict)
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    own: "array[float]" = field(default_factory=lambda: array("d"))
    wrong: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, turn: Outcome | Turn, cpu: Mapping[str, float | None]) -> None:
        self.rates.append(len(turn.latencies) / turn.seconds)
        self.answers += len(turn.latencies)
        self.latencies.extend(turn.latencies)
        for whose, seconds in cpu.items():
            if seconds is not None:
                self.cpu[whose] = self.cpu.get(whose, 0.0) + seconds
        if isinstance(turn, Outcome):
            self.own.extend(turn.own)
            self.wrong += turn.wrong
            self.examples = (self.examples + turn.examples)[:_EXAMPLES]

    @property
    def rate(self) -> float:
        """Answers a second: the median of the turns."""
        return statistics.median(self.rates)

    def cpu_per_answer(self, whose: str) -> float | None:
        """In microseconds; None where this machine does not tell."""
        return self.cpu[whose] / self.answers * 1e6 if whose in self.cpu and self.answers else None


@dataclass(slots=True)
class Measured:
    """
    Every series of one run; the halves are an open loop at half of the median rate. `cpu_of_others`: CPU seconds that
    went to what we did not start, in `seconds` of load.
    """

    pay: Series = field(default_factory=Series)
    pgbench: Series = field(default_factory=Series)
    refund: Series = field(default_factory=Series)
    find: Series = field(default_factory=Series)
    bare: Series = field(default_factory=Series)
    pay_half: Series = field(default_factory=Series)
    find_half: Series = field(default_factory=Series)
    page: Series = field(default_factory=Series)
    page_by_pgbench: Series = field(default_factory=Series)
    page_of_many: Series = field(default_factory=Series)
    deep_page: Series = field(default_factory=Series)
    warm_up: Series = field(default_factory=Series)
    paid_by_pgbench: int = 0
    resident_mb: float | None = None
    seconds: float = 0.0
    cpu_of_others: float | None = None

    def answered(self) -> list[Series]:
        """Those whose answers were looked at."""
        single = [self.warm_up, self.pay, self.refund, self.find, self.bare, self.pay_half, self.find_half]
        return [*single, self.page, self.page_of_many, self.deep_page]


def percentile(values: "array[float]", share: float) -> float | None:
    """The smallest value that `share` of all do not exceed; None of nothing."""
    if not values:
        return None
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]
