"""Functions as processes of their own: each says when it is ready, and ends with us, however we end."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any, Final

READY_WITHIN_S: Final = 20.0
_GONE_WITHIN_S: Final = 5.0


class StartError(Exception):
    """Something did not come up; the message says what."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process, what it said when it was ready, and the way to speak with it."""

    pid: int
    said: Any
    line: Connection


@contextmanager
def child(work: Callable[..., None], *given: Any) -> Iterator[Child]:
    """
    `work(line, *given)` in another process for as long as the block runs. It sends one message when it is ready.

    Raises:
        StartError: it ended first, or took too long.
    """
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_run, args=(work, theirs, *given), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Child(process.pid or 0, _first_message(ours, work.__module__), ours)
    finally:
        process.terminate()
        process.join(_GONE_WITHIN_S)
        process.kill()
        process.join()
        ours.close()


def _first_message(line: Connection, name: str) -> Any:
    if not line.poll(READY_WITHIN_S):
        raise StartError(f"{name} did not get ready within {READY_WITHIN_S:.0f} s")
    try:
        return line.recv()
    except EOFError:
        raise StartError(f"{name} ended before it was ready; what it said stands above") from None


def _run(work: Callable[..., None], line: Connection, *given: Any) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    work(line, *given)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)
