"""The load generator as a process of its own: takes orders, makes the load, tells what came of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from uuid import UUID

import uvloop

from bench.load import Closed, Load, Open, Outcome
from bench.requests import Asking, KnownPayments, NewPayments, NewRefunds, OnePage


class Kind(Enum):
    PAY = "POST /payments"
    REFUND = "POST /refunds"
    FIND = "GET /payments/{id}"
    LIST = "GET /payments"
    DEEP = "GET /payments?cursor=…"


@dataclass(frozen=True, slots=True)
class Order:
    """So many seconds of requests of one kind; without a `rate` (per second) as many as there can be."""

    kind: Kind
    port: int
    seconds: float
    connections: int
    rate: float | None = None


class TellMade:
    """The order to say what was answered 201."""


@dataclass(frozen=True, slots=True)
class Made:
    """The ids of all payments, and how many refunds."""

    payments: list[str]
    refunds: int


def serve(line: Connection, tokens: Mapping[UUID, str], first_page: bytes, deep_page: bytes) -> None:
    """Follows orders until it is ended."""
    payments = NewPayments(tokens)
    refunds = NewRefunds(payments)
    supplies: dict[Kind, Asking] = {
        Kind.PAY: payments,
        Kind.REFUND: refunds,
        Kind.FIND: KnownPayments(payments),
        Kind.LIST: OnePage(first_page),
        Kind.DEEP: OnePage(deep_page),
    }
    line.send("ready")
    while True:
        order = line.recv()
        if isinstance(order, TellMade):
            line.send(Made([payment_id.decode() for payment_id, _ in payments.made], refunds.made))
        else:
            try:
                line.send(uvloop.run(_follow(order, supplies[order.kind])))
            except OSError as error:  # refused, or no answer in time: there is nobody to measure any more
                line.send(error)


async def _follow(order: Order, asking: Asking) -> Outcome:
    rhythm = Closed(order.seconds) if order.rate is None else Open(order.seconds, order.rate)
    cpu = time.process_time()
    outcome = await Load(asking, rhythm).run(order.port, order.connections)
    outcome.cpu_seconds = time.process_time() - cpu
    return outcome
