"""What the command line says."""

import argparse
from dataclasses import dataclass
from typing import Final

_ABOUT: Final = """\
Measures POST /payments, POST /refunds, GET /payments/{id} and pages of GET /payments, all safety on, beside what could
be reached at best: pgbench with the same statements, and a bare Litestar route doing one SELECT. They take turns, so
that whatever else the machine does falls on all of them. Everything runs on loopback, in a temporary folder, and ends
by itself. The exit code is 1 only where an answer was wrong, or a payment or refund was lost; the goals decide nothing.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`seconds` is the length of one turn; `worker`: run one, too; `sandbox`: the durable stand-in for Stripe."""

    seconds: int
    rounds: int
    connections: int
    worker: bool
    sandbox: bool
    json: bool


def parse() -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    limited = {"seconds": (2, 60, "of one turn"), "rounds": (5, 50, "the median counts"), "connections": (16, 64, "")}
    for name, (default, most, about) in limited.items():
        parser.add_argument(
            f"--{name}",
            type=int,
            choices=range(1, most + 1),
            default=default,
            metavar="N",
            help=f"{about} (1…{most}; default: %(default)s)".lstrip(),
        )
    parser.add_argument("--worker", action="store_true", help="run the worker beside the API")
    parser.add_argument("--sandbox", action="store_true", help="the durable stand-in for Stripe, not the instant one")
    parser.add_argument("--json", action="store_true", help="print figures for a program")
    return Options(**vars(parser.parse_args()))
