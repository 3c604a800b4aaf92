"""The measuring itself: short turns, one after the other, round by round; then half of what was reached."""

import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.generator import Kind, Order
from bench.load import Outcome
from bench.machine import Machine
from bench.options import Options
from bench.usage import cpu_seconds, resident_mb

#: The last answers of a turn may take a while, and the generator tells of it itself.
_PATIENCE_S = 60.0


class GeneratorError(Exception):
    """The load generator ended, or does not answer."""


@dataclass(slots=True)
class Series:
    """All turns of one contestant. CPU in seconds by whose it is; latencies in milliseconds."""

    rates: list[float] = field(default_factory=list)
    answers: int = 0
    cpu: dict[str, float] = field(default_factory=dict)
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    own: "array[float]" = field(default_factory=lambda: array("d"))
    wrong: int = 0
    examples: list[str] = field(default_factory=list)

    def cpu_per_answer(self, whose: str) -> float | None:
        """In microseconds."""
        return self.cpu[whose] / self.answers * 1e6 if whose in self.cpu and self.answers else None


@dataclass(slots=True)
class Measured:
    """Every series of one run; the halves are at half of the median rate, in an open loop."""

    pay: Series = field(default_factory=Series)
    pgbench: Series = field(default_factory=Series)
    find: Series = field(default_factory=Series)
    bare: Series = field(default_factory=Series)
    pay_half: Series = field(default_factory=Series)
    find_half: Series = field(default_factory=Series)
    warm_up: Series = field(default_factory=Series)
    processed_by_pgbench: int = 0
    resident_mb: float | None = None

    def of_service(self) -> list[Series]:
        """Those whose answers were looked at."""
        return [self.warm_up, self.pay, self.find, self.bare, self.pay_half, self.find_half]


class Turns:
    """Who is measured when. `told` hears what is being done."""

    def __init__(self, machine: Machine, options: Options, told: Callable[[str], None]) -> None:
        self._machine = machine
        self._options = options
        self._told = told
        self.measured = Measured()

    def take(self) -> Measured:
        """
        Raises:
            GeneratorError, PgbenchError: one of the measuring programs failed.
        """
        measured, service, bare = self.measured, self._machine.settings.port, self._machine.bare
        self._told("warming up")
        self._load(measured.warm_up, Kind.PAY, service, self._machine.api)
        self._load(measured.warm_up, Kind.FIND, service, self._machine.api)
        self._load(measured.warm_up, Kind.FIND, bare.said, bare.pid)
        for number in range(1, self._options.rounds + 1):
            self._told(f"round {number} of {self._options.rounds}")
            self._load(measured.pay, Kind.PAY, service, self._machine.api)
            self._pgbench(measured.pgbench)
            self._load(measured.find, Kind.FIND, service, self._machine.api)
            self._load(measured.bare, Kind.FIND, bare.said, bare.pid)
        self._told("half load")
        for half, full, kind in ((measured.pay_half, measured.pay, Kind.PAY), (measured.find_half, measured.find, Kind.FIND)):
            for _ in range(_HALF_TURNS):
                self._load(half, kind, service, self._machine.api, rate=median(full.rates) / 2)
        measured.resident_mb = resident_mb(self._machine.api)
        return measured
