"""Load over a few connections: closed (who has an answer asks again) or open (customers come when they come)."""

import asyncio
import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final, Protocol

from bench.connection import Answer, Connection
from bench.requests import Asking
from bench.server_timing import own_milliseconds

#: How long the last answers may take.
_PATIENCE_S: Final = 20.0
_WRONG_SHOWN: Final = 5


@dataclass(slots=True)
class Outcome:
    """What came of it; times in milliseconds. `own`: without the gateway's time, where the answers tell it."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    own: "array[float]" = field(default_factory=lambda: array("d"))
    wrong: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def answers(self) -> int:
        return len(self.latencies)


class Rhythm(Protocol):
    """When the next request leaves. `seconds`: for how long."""

    seconds: float

    def begin(self, load: "Load") -> None: ...

    def freed(self, load: "Load", connection: Connection) -> None:
        """An answer has come on this connection."""
        ...


class Closed:
    """At once."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until = 0.0

    def begin(self, load: "Load") -> None:
        self._until = load.now() + self.seconds
        for connection in load.connections:
            load.send(connection, load.now())

    def freed(self, load: "Load", connection: Connection) -> None:
        if load.now() < self._until:
            load.send(connection, load.now())
        else:
            load.rest()


class Open:
    """
    At moments that do not depend on the answers: `rate` a second, at random as customers come (Poisson). Who finds no
    connection free waits, and that is part of his time: it counts from when he came.
    """

    def __init__(self, seconds: float, rate: float) -> None:
        self.seconds = seconds
        self._rate = rate
        self._random = Random(1)  # noqa: S311 - the same customers in every run
        self._idle: list[Connection] = []
        self._waiting: deque[float] = deque()
        self._until = self._next = 0.0

    def begin(self, load: "Load") -> None:
        self._idle = list(load.connections)
        self._next = load.now()
        self._until = self._next + self.seconds
        self._come(load)

    def freed(self, load: "Load", connection: Connection) -> None:
        if self._waiting:
            load.send(connection, self._waiting.popleft())
            return
        self._idle.append(connection)
        if self._next >= self._until:
            load.rest()

    def _come(self, load: "Load") -> None:
        while self._next <= load.now() and self._next < self._until:
            if self._idle:
                load.send(self._idle.pop(), self._next)
            else:
                self._waiting.append(self._next)
            self._next += self._random.expovariate(self._rate)
        if self._next < self._until:
            load.at(self._next, lambda: self._come(load))
        else:
            load.rest()


class Load:
    """One kind of request in one rhythm against one address."""

    def __init__(self, asking: Asking, rhythm: Rhythm) -> None:
        self._asking = asking
        self._rhythm = rhythm
        self._loop = asyncio.get_running_loop()
        self._outcome = Outcome()
        self._over = asyncio.Event()
        self.connections: list[Connection] = []
        self.now: Callable[[], float] = time.perf_counter  # the loop's own clock has milliseconds

    async def run(self, port: int, connections: int) -> Outcome:
        """
        Raises:
            TimeoutError: the last answers did not come.
        """
        for _ in range(connections):
            made = await self._loop.create_connection(lambda: Connection(self._answered), "127.0.0.1", port)
            self.connections.append(made[1])
        began = self.now()
        self._rhythm.begin(self)
        try:
            await asyncio.wait_for(self._over.wait(), self._rhythm.seconds + _PATIENCE_S)
        finally:
            for connection in self.connections:
                connection.busy = False
                connection.close()
        self._outcome.seconds = self.now() - began
        return self._outcome

    def send(self, connection: Connection, due: float) -> None:
        request, connection.asked = self._asking.next()
        connection.due = due
        connection.send(request)

    def at(self, moment: float, call: Callable[[], None]) -> None:
        self._loop.call_later(moment - self.now(), call)

    def rest(self) -> None:
        """Nothing more is to be sent; it is over when nothing is under way."""
        if not any(connection.busy for connection in self.connections):
            self._over.set()

    def _answered(self, connection: Connection, answer: Answer) -> None:
        told = self._outcome
        told.latencies.append((self.now() - connection.due) * 1000)
        if (own := own_milliseconds(answer.head)) is not None:
            told.own.append(own)
        if not self._asking.is_right(connection.asked, answer):
            told.wrong += 1
            if len(told.examples) < _WRONG_SHOWN:
                told.examples.append(f"{answer.status}: {answer.body[:300]!r}")
        if answer.status:
            self._rhythm.freed(self, connection)
        else:  # a broken connection is the end of it: it never comes back
            self._over.set()
