"""Who is running on this machine, and who started them."""

import subprocess
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Running:
    """A process that has not ended; one that only waits to be buried has."""

    pid: int
    parent: int


def running() -> dict[int, Running]:
    """By pid."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in listed.stdout.splitlines())
    return {int(pid): Running(int(pid), int(parent)) for pid, parent, state in rows if not state.startswith("Z")}


def family(pid: int) -> set[int]:
    """This process and all that came of it."""
    everyone = running().values()
    found, more = set[int](), {pid}
    while more:
        found |= more
        more = {one.pid for one in everyone if one.parent in found} - found
    return found


def left_of(pids: set[int]) -> set[int]:
    """Those of them that still run."""
    return pids & running().keys()
