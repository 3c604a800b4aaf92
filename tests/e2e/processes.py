"""Processes of ours: started with exactly the environment they are given, and ended by whoever started them."""

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

SOURCE: Final = Path(__file__).resolve().parents[2] / "src"
#: A process that is told to stop finishes what it is doing.
_STOPS_WITHIN_S: Final = 20.0
#: Below the ports that kernels give to outgoing connections: a killed process finds its own free again.
_PORTS: Final = range(15_000, 32_000)


def free_port() -> int:
    """A port that nobody listens on."""
    for port in random.sample(_PORTS, 1000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("there is no free port")


def environment(**variables: str) -> dict[str, str]:
    """These variables, and of our own only what a program needs to run at all."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    ties = {"PAYMENTS_DIE_WITH_PARENT": "1", "SANDBOX_DIE_WITH_PARENT": "1"}
    return {**inherited, **ties, "PYTHONPATH": str(SOURCE), **variables}


@dataclass(frozen=True, slots=True)
class Program:
    """A running module of ours; what it says goes into `log`."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @classmethod
    def start(cls, module: str, *arguments: str, variables: Mapping[str, str], log: Path) -> Self:
        """`python -m module arguments`, in the folder of its log: no `.env` lies there."""
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=environment(**variables),
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        return cls(process, log)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    @property
    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()

    def ask_to_stop(self) -> None:
        if self.runs:
            self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Its exit code, once it has ended; it is killed if it does not."""
        try:
            return self.process.wait(_STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
