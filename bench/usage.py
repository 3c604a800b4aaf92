"""What processes have used, from /proc: None where there is none (not Linux), or where the process is gone."""

import os
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
#: Positions behind the name in /proc/<pid>/stat, as proc(5) has them.
_PARENT, _USER, _SYSTEM, _USER_OF_ENDED, _SYSTEM_OF_ENDED = 1, 11, 12, 13, 14
#: In the first line of /proc/stat: doing nothing, waiting for a disk; from here on it is counted twice.
_IDLE, _GUEST = (3, 4), 8


def cpu_seconds(pid: int, *, family: bool = False) -> float | None:
    """CPU time of all threads; `family`: and of its children, ended or not."""
    own = _stat(pid)
    if own is None:
        return None
    ticks = own[_USER] + own[_SYSTEM]
    if family:
        ticks += own[_USER_OF_ENDED] + own[_SYSTEM_OF_ENDED]
        ticks += sum(child[_USER] + child[_SYSTEM] for child in _everyone() if child[_PARENT] == pid)
    return ticks / _TICKS_PER_S


def busy_seconds() -> float | None:
    """CPU time that all cores together have spent on anything at all."""
    try:
        words = (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    return (sum(map(int, words[:_GUEST])) - sum(int(words[idle]) for idle in _IDLE)) / _TICKS_PER_S


def resident_mb(pid: int) -> float | None:
    """Memory in use."""
    try:
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _everyone() -> list[list[int]]:
    found = (_stat(int(entry.name)) for entry in _PROC.iterdir() if entry.name.isdigit())
    return [stat for stat in found if stat is not None]


def _stat(pid: int) -> list[int] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return [0, *map(int, text.rpartition(")")[2].split()[1:])]
