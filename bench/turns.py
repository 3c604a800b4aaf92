"""The measuring itself: short turns, one after the other, round by round; then half of what was reached."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from bench.generator import Kind, Made, Order, TellMade
from bench.load import Outcome
from bench.machine import Machine
from bench.options import Options
from bench.series import Measured, Series
from bench.usage import busy_seconds, cpu_seconds, resident_mb

_HALF_TURNS: Final = 3
#: Beyond a turn's length: the generator itself waits 20 s for the last answers.
_PATIENCE_S: Final = 30.0


class GeneratorError(Exception):
    """The load generator, or what it asks, does not answer."""


class Turns:
    """Who is measured when. `tell` hears what is being done."""

    def __init__(self, machine: Machine, options: Options, tell: Callable[[str], None]) -> None:
        self._machine = machine
        self._options = options
        self._tell = tell
        self._measured = Measured()

    def take(self) -> Measured:
        """
        All of them.

        Raises:
            GeneratorError, PgbenchError: one of those that measure failed.
        """
        measured = self._measured
        self._tell("warming up")
        self._round(measured.warm_up, measured.warm_up, measured.warm_up, measured.warm_up)
        for number in range(1, self._options.rounds + 1):
            self._tell(f"round {number} of {self._options.rounds}")
            self._round(measured.pay, measured.refund, measured.find, measured.bare)
        self._tell("half load")
        for _ in range(_HALF_TURNS):
            self._service(Kind.PAY, measured.pay_half, rate=measured.pay.rate / 2)
            self._service(Kind.FIND, measured.find_half, rate=measured.find.rate / 2)
        self._lists()
        measured.resident_mb = resident_mb(self._machine.api)
        return measured

    def made(self) -> Made:
        """What was answered 201."""
        self._machine.generator.line.send(TellMade())
        told: Made = self._machine.generator.line.recv()
        return told

    def _round(self, pay: Series, refund: Series, find: Series, bare: Series) -> None:
        self._service(Kind.PAY, pay)
        if pay is not self._measured.warm_up:
            self._pgbench()
        self._service(Kind.REFUND, refund)
        self._service(Kind.FIND, find)
        self._load(Kind.FIND, bare, self._machine.bare.said, self._machine.bare.pid)

    def _lists(self) -> None:
        """A page of few, beside pgbench; then of many, the first page beside a deep one."""
        measured, rounds = self._measured, range(self._options.rounds)
        self._list(Kind.LIST, measured.warm_up)
        for _ in rounds:
            self._tell("pages of a list")
            self._list(Kind.LIST, measured.page)
            turn = self._machine.listing_pgbench.run(self._options.seconds)
            measured.page_by_pgbench.add(turn, {"database": turn.cpu_seconds})
        self._tell("making a longer list")
        asyncio.run(self._machine.listed.grow())
        self._list(Kind.DEEP, measured.warm_up)
        for _ in rounds:
            self._tell("pages of a longer list")
            self._list(Kind.LIST, measured.page_of_many)
            self._list(Kind.DEEP, measured.deep_page)

    def _list(self, kind: Kind, series: Series) -> None:
        self._load(kind, series, self._machine.listed.settings.port, self._machine.listing_api)

    def _pgbench(self) -> None:
        turn = self._machine.pgbench.run(self._options.seconds)
        self._measured.paid_by_pgbench += turn.processed
        self._measured.pgbench.add(turn, {"database": turn.cpu_seconds})

    def _service(self, kind: Kind, series: Series, rate: float | None = None) -> None:
        self._load(kind, series, self._machine.settings.port, self._machine.api, rate)

    def _load(self, kind: Kind, series: Series, port: int, server: int, rate: float | None = None) -> None:
        order = Order(kind, port, self._options.seconds, self._options.connections, rate)
        busy, before = busy_seconds(), self._used(server)
        outcome = self._follow(order)
        used = {
            whose: None if since is None or until is None else until - since
            for (whose, since), until in zip(before.items(), self._used(server).values(), strict=True)
        }
        used["generator"] = outcome.cpu_seconds
        series.add(outcome, used)
        self._blame(outcome.seconds, busy, used)

    def _blame(self, seconds: float, before: float | None, used: Mapping[str, float | None]) -> None:
        """Whatever was used by nobody we know was used by others."""
        now = busy_seconds()
        if before is None or now is None:
            return
        others = now - before - sum(filter(None, used.values()))
        self._measured.seconds += seconds
        self._measured.cpu_of_others = (self._measured.cpu_of_others or 0.0) + max(others, 0.0)

    def _used(self, server: int) -> dict[str, float | None]:
        return {
            "server": cpu_seconds(server),
            "database": cpu_seconds(self._machine.database, family=True),
            "gateway": cpu_seconds(self._machine.gateway),
        }

    def _follow(self, order: Order) -> Outcome:
        line = self._machine.generator.line
        line.send(order)
        if not line.poll(order.seconds + _PATIENCE_S):
            raise GeneratorError("the load generator does not answer")
        try:
            outcome: Outcome | OSError = line.recv()
        except EOFError:
            raise GeneratorError("the load generator ended; what it said stands above") from None
        if isinstance(outcome, OSError):
            raise GeneratorError(f"{order.kind.value} is not answered: {type(outcome).__name__} {outcome}")
        return outcome
