"""Server-Timing: the gateway's part of what a request took, beside the whole."""

import asyncio
import re
from typing import Any

import pytest

from adapters.http.stopwatch import timed
from application.ports.payments import Answer
from application.start_payment import Answered, PaymentRequest
from tests.builders import SOMEONE
from tests.fakes_http import World, post_payment


class SlowGateway:
    """A gateway as far as it can be timed."""

    may_repeat = True

    def __init__(self) -> None:
        self.asked = 0

    def check(self, amount: int) -> int:
        return amount

    async def collect(self, amount: int, *, fails: bool = False) -> int:
        self.asked += 1
        await asyncio.sleep(0.01)
        if fails:
            raise ConnectionError
        return amount


class StartThrough:
    """A use case that asks a gateway `times`."""

    def __init__(self, gateway: SlowGateway, times: int) -> None:
        self.gateway = gateway
        self.times = times

    async def execute(self, _request: PaymentRequest) -> Answered:
        for _ in range(self.times):
            await asyncio.create_task(self.gateway.collect(1))  # as a time-out would: in a task of its own
        return Answered(Answer(201, b"{}"), SOMEONE)


def parts(header: str) -> dict[str, float]:
    assert re.fullmatch(r"(gateway;dur=\d+\.\d\d, )?total;dur=\d+\.\d\d", header)
    return {name: float(value) for name, value in re.findall(r"(\w+);dur=([\d.]+)", header)}


async def told_after(times: int) -> dict[str, float]:
    world: Any = World()
    world.start = StartThrough(timed(SlowGateway()), times)
    async with world.client() as client:
        return parts((await post_payment(client)).headers["server-timing"])


async def test_the_gateways_part_is_told_where_one_was_asked() -> None:
    """In milliseconds, all calls together; never more than the whole."""
    once, twice = await told_after(1), await told_after(2)

    assert 0 < once["gateway"] <= once["total"]
    assert 10 < twice["gateway"] <= twice["total"]  # two sleeps of 10 ms are surely more than one


@pytest.mark.parametrize("path", ["/", "/nothing", "/payments/x", "//"])
async def test_where_none_was_asked_the_whole_stands_alone(path: str) -> None:
    """On every answer, refusals too."""
    async with World().client() as client:
        answer = await client.get(path)

    assert set(parts(answer.headers["server-timing"])) == {"total"}


async def test_a_timed_gateway_is_the_gateway() -> None:
    """Its answers, its errors and its facts are its own, with a request around it or without."""
    inner = SlowGateway()
    gateway = timed(inner)

    assert gateway.may_repeat
    assert gateway.check(5) == 5
    assert await gateway.collect(7) == 7
    with pytest.raises(ConnectionError):
        await gateway.collect(1, fails=True)
    assert gateway.asked == inner.asked == 2
