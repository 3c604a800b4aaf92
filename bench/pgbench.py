"""The peer of `POST /payments`: PostgreSQL doing the same statements with nothing in front of it."""

import os
import re
import subprocess
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from adapters.postgres import server_binaries
from bench.pgbench_script import Script
from bench.usage import cpu_seconds

#: Until its sessions have planned their statements; not counted.
_WARM_UP_S: Final = 1
_PATIENCE_S: Final = 20.0
#: Its sessions end with it, and the server counts the time of one that has ended a moment later.
_SETTLED_AFTER_S: Final = 0.2
_PROCESSED: Final = re.compile(r"transactions actually processed: (\d+)")
_FAILED: Final = re.compile(r"failed transactions: (\d+)")


class PgbenchError(Exception):
    """It is not there, or did not do its work; the message has what it said."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn did: `processed` all in all, the rest after the warm-up. Latencies in milliseconds."""

    processed: int
    latencies: "array[float]"
    seconds: float
    cpu_seconds: float | None


@dataclass(frozen=True, slots=True)
class Pgbench:
    """pgbench with a script, against the database at `dsn` whose server is the process `server`."""

    script: Script
    dsn: str
    server: int
    folder: Path
    connections: int

    def run(self, seconds: int) -> Turn:
        """
        Raises:
            PgbenchError: it is not there, or a transaction failed.
        """
        logs = self.folder / f"turn-{time.monotonic_ns()}"
        logs.mkdir(parents=True)
        process = self._start(logs, seconds + _WARM_UP_S)
        try:
            time.sleep(_WARM_UP_S)
            since, before = time.time(), cpu_seconds(self.server, family=True)
            said, errors = process.communicate(timeout=seconds + _PATIENCE_S)
        finally:
            process.kill()
        time.sleep(_SETTLED_AFTER_S)
        after = cpu_seconds(self.server, family=True)
        processed, failed = _PROCESSED.search(said), _FAILED.search(said)
        if process.returncode or processed is None or (failed and failed[1] != "0"):
            raise PgbenchError(f"pgbench ended with code {process.returncode}: {errors[-1000:]}{said[-500:]}")
        done = list(_logged(logs, since))
        return Turn(
            processed=int(processed[1]),
            latencies=array("d", (latency for _, latency in done)),
            seconds=max(moment for moment, _ in done) - since,
            cpu_seconds=None if before is None or after is None else after - before,
        )

    def _start(self, logs: Path, seconds: int) -> "subprocess.Popen[str]":
        file = logs / "script.sql"
        file.write_text(self.script.text)
        there = urlsplit(self.dsn)
        constants = [f"--define={name}={value}" for name, value in self.script.constants.items()]
        options = {
            "file": file,
            "protocol": "prepared",
            "client": self.connections,
            "time": seconds,
            "log-prefix": logs / "log",
            "host": there.hostname,
            "port": there.port,
            "username": there.username,
            "define": f"ms={int(time.time() * 1000)}",
        }
        spelled = [f"--{name}={value}" for name, value in options.items()]
        try:
            return subprocess.Popen(
                [_program(), *spelled, *constants, "--no-vacuum", "--log", there.path.lstrip("/")],
                env={**os.environ, "PGPASSWORD": unquote(there.password or ""), "PGOPTIONS": self._session()},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        except OSError as why:
            raise PgbenchError(f"{_program()}: {why.strerror}") from why

    def _session(self) -> str:
        escaped = {name: re.sub(r"([\\ ])", r"\\\1", value) for name, value in self.script.session.items()}
        return " ".join(f"-c {name}={value}" for name, value in escaped.items())


def _program() -> Path:
    return server_binaries.find().folder / "pgbench"


def _logged(logs: Path, since: float) -> Iterator[tuple[float, float]]:
    """When each transaction ended, and what it took in milliseconds; one line is `client n µs script epoch µs`."""
    for file in logs.glob("log.*"):
        for line in file.read_text().splitlines():
            _, _, taken, _, second, microsecond, *_ = line.split()
            moment = int(second) + int(microsecond) / 1e6
            if moment >= since:
                yield moment, int(taken) / 1000
