"""`python -m bench`: measure, print, and account for every payment."""

import asyncio
import signal
import sys
from types import FrameType

import msgspec
from rich.console import Console

from adapters.postgres.errors import DatabaseError
from bench import machine, options, reckoning, report
from bench.pgbench import PgbenchError
from bench.processes import StartError
from bench.recorded import RecordingError
from bench.turns import GeneratorError, Turns


def main() -> int:
    """Returns 1 where an answer was wrong or a payment lost, 2 where nothing could be measured."""
    asked = options.parse()
    signal.signal(signal.SIGTERM, _leave)
    progress = Console(stderr=True)
    try:
        with progress.status("starting everything") as status, machine.running(asked) as running:
            turns = Turns(running, asked, status.update)
            measured = turns.take()
            status.update("accounting for every payment")
            faults = asyncio.run(reckoning.faults(running, measured, turns.made()))
    except (StartError, DatabaseError, RecordingError, PgbenchError, GeneratorError) as why:
        progress.print(f"{type(why).__name__}: {why}", markup=False)
        return 2
    if asked.json:
        figures = msgspec.json.encode(report.as_json(measured, asked, faults))
        sys.stdout.buffer.write(msgspec.json.format(figures) + b"\n")
    else:
        report.show(measured, asked)
    for fault in faults:
        progress.print(f"WRONG: {fault}", markup=False, highlight=False, soft_wrap=True)
    return 1 if faults else 0


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)  # on the way out everything is stopped


if __name__ == "__main__":
    sys.exit(main())
