"""The stand-ins of the two gateways, started for a test as the processes they are."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

_SOURCE = Path(__file__).resolve().parent.parent / "src"
_READY_WITHIN = 10.0
_GONE_WITHIN = 5.0


@dataclass
class Sandbox:
    """A running stand-in: where it listens, and the ways to end it."""

    url: str
    process: "subprocess.Popen[bytes]"
    errors: IO[bytes]

    @classmethod
    def start(cls, module: str, *arguments: str) -> Self:
        """Start `python -m module` (on a free port unless one is given) and wait until it listens."""
        port = () if "--port" in arguments else ("--port", "0")
        errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `stop`
        process = subprocess.Popen(  # our own modules
            [sys.executable, "-m", module, *port, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": str(_SOURCE), "SANDBOX_DIE_WITH_PARENT": "1"},
        )
        sandbox = cls("", process, errors)
        sandbox.url = sandbox._listening_url()
        return sandbox

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> int:
        """End it politely; returns its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self._wait()

    def _wait(self) -> int:
        try:
            return self.process.wait(_GONE_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.errors.close()

    def _listening_url(self) -> str:
        assert self.process.stdout is not None
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
            line = self.process.stdout.readline().decode() if ready else ""
            if "listening on " in line:
                return line.split("listening on ", 1)[1].strip()
            if not line:
                break
        self.errors.seek(0)
        said = self.errors.read().decode()
        self.process.kill()
        self._wait()
        raise RuntimeError(f"The stand-in did not come up: {said}")


@contextmanager
def running(module: str, *arguments: str) -> Iterator[str]:
    """A stand-in for as long as the block runs; yields its base URL."""
    sandbox = Sandbox.start(module, *arguments)
    try:
        yield sandbox.url
    finally:
        sandbox.stop()
