"""How long a request took, and how much of that its gateway did: the Server-Timing header (W3C Server Timing)."""

import time
from contextvars import ContextVar
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar, cast

GatewayT = TypeVar("GatewayT")


class Stopwatch:
    """Runs from when it is made. What the gateways take is added by those that are `timed`."""

    __slots__ = ("_began", "gateway_s")

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.gateway_s: float | None = None

    def header(self) -> bytes:
        """`gateway;dur=12.3, total;dur=15.6`, in milliseconds; the gateway only where one was called."""
        total = b"total;dur=%.2f" % self.total_ms()
        return total if self.gateway_s is None else b"gateway;dur=%.2f, %b" % (self.gateway_s * 1000, total)

    def total_ms(self) -> float:
        return (time.perf_counter() - self._began) * 1000


#: The request's own; a job has none.
running: Final[ContextVar[Stopwatch | None]] = ContextVar("stopwatch", default=None)


def timed(gateway: GatewayT) -> GatewayT:
    """The same gateway, whatever ports it serves; its calls are added to the stopwatch of who waits for them."""
    return cast("GatewayT", _Timed(gateway))


class _Timed:
    def __init__(self, gateway: object) -> None:
        self._gateway = gateway

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._gateway, name)
        if not iscoroutinefunction(value):
            return value

        async def call(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return await value(*arguments, **named)
            finally:
                stopwatch = running.get()
                if stopwatch is not None:
                    stopwatch.gateway_s = (stopwatch.gateway_s or 0.0) + time.perf_counter() - began

        setattr(self, name, call)
        return call
