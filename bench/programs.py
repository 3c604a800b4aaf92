"""The service's own processes, as they are in production: `python -m …`, configured by their environment alone."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import msgspec

from bench.processes import READY_WITHIN_S, StartError
from entrypoints.process import DIE_WITH_PARENT
from entrypoints.settings import Settings

_GONE_WITHIN_S: Final = 40.0
_LOOK_AGAIN_S: Final = 0.05
_LOG_SHOWN: Final = 2000
_LISTENING: Final = re.compile(r"listening on (\S+)")


@contextmanager
def api(settings: Settings, folder: Path, name: str = "api") -> Iterator[int]:
    """The API, ready to serve; its process id."""
    url = f"http://{settings.host}:{settings.port}/health/ready"
    with _program(name, folder, settings, "-m", "entrypoints.api") as (process, log):
        _wait(process, log, lambda: _answers(url))
        yield process.pid


@contextmanager
def worker(settings: Settings, folder: Path) -> Iterator[int]:
    """The worker; its process id."""
    with _program("worker", folder, settings, "-m", "entrypoints.worker") as (process, _):
        yield process.pid


@contextmanager
def sandbox(settings: Settings, folder: Path) -> Iterator[tuple[int, str]]:
    """The durable stand-in for Stripe, without webhooks; its process id and address."""
    ledger = ("--port", "0", "--ledger", str(folder / "stripe.jsonl"))
    with _program("sandbox", folder, settings, "-m", "entrypoints.sandbox.stripe", *ledger) as (process, log):
        _wait(process, log, lambda: _LISTENING.search(log.read_text()) is not None)
        found = _LISTENING.search(log.read_text())
        yield process.pid, found[1] if found else ""


@contextmanager
def _program(
    name: str, folder: Path, settings: Settings, *arguments: str
) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    """Whatever it says, the log of every request too, goes to a file."""
    ours = {field.name.upper() for field in msgspec.structs.fields(Settings)}
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    log = folder / f"{name}.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,  # no .env there
            env=inherited | settings.environment() | {DIE_WITH_PARENT: "1", "SANDBOX_DIE_WITH_PARENT": "1"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        yield process, log
    finally:
        process.terminate()
        try:
            process.wait(_GONE_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", log: Path, is_ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise StartError(f"{log.stem} did not get ready; it said:\n{log.read_text()[-_LOG_SHOWN:]}")
        time.sleep(_LOOK_AGAIN_S)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=2.0).is_success
    except httpx.TransportError:
        return False
