"""
Runs a server that ends when we end, however we end: a development database must not outlive a killed `payments up`.

`spawn` runs this very file as a small program, which gives up root, ties itself to us, and then becomes the server.
Linux does the tying (PR_SET_PDEATHSIG); elsewhere a guardian process waits on a pipe that only we hold open.

Two traps explain the shape. The kernel forgets PDEATHSIG when the user changes, so it is set last, just before `exec`.
And "parent" means the *thread* that forked, so a thread of its own forks and then lives as long as the server.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, Final

_PR_SET_PDEATHSIG: Final = 1
_KERNEL_DOES_IT: Final = sys.platform == "linux"
#: More descriptors than a process that has just been started can have open.
_DESCRIPTORS: Final = 4096
#: All of our environment that a server may see; the rest is full of secrets.
_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
#: How often a server is told to end before its guardian gives up.
_TELLINGS: Final = 100
#: PostgreSQL's "fast" shutdown: end every session, then write everything down.
FAST_SHUTDOWN: Final = signal.SIGINT


def spawn(
    program: Sequence[str],
    *,
    account: tuple[int, int] | None,
    log: IO[bytes],
    keep_open: Sequence[int] = (),
    guardian: bool = not _KERNEL_DOES_IT,
) -> subprocess.Popen[bytes]:
    """
    Start `program` as (uid, gid) `account`, or as who we are; the process id is the program's own.

    It runs in a session of its own, so that Ctrl-C reaches us and not it. `keep_open` are descriptors it inherits.

    Raises:
        OSError: it could not be started.
    """
    started: Future[subprocess.Popen[bytes]] = Future()

    def keep() -> None:
        watched, ours = os.pipe() if guardian else (-1, -1)
        head = [str(os.getpid()), *(map(str, account or ("", ""))), str(watched)]
        try:
            process = subprocess.Popen(  # noqa: S603  no shell; the program is the caller's own
                [sys.executable, "-I", "-S", str(Path(__file__).resolve()), *head, *program],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | {"LC_ALL": "C"},
                start_new_session=True,
                pass_fds=[*keep_open, *([watched] if guardian else [])],
                umask=0o077,
            )
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(process)
        if guardian:
            os.close(watched)
        process.wait()
        if guardian:
            with suppress(BrokenPipeError):  # somebody ended the guardian
                os.write(ours, b".")  # the server ended by itself: there is nobody to end any more
            os.close(ours)

    Thread(target=keep, name="keeps-postgres", daemon=True).start()
    return started.result()


def _become(parent: str, uid: str, gid: str, watched: str, *program: str) -> None:
    signal.signal(FAST_SHUTDOWN, signal.SIG_DFL)  # a shell lets what it starts in the background ignore it
    if uid:
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if int(watched) >= 0:
        _leave_a_guardian(int(watched))
    else:
        if ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, FAST_SHUTDOWN, 0, 0, 0):
            sys.exit("The kernel refuses PR_SET_PDEATHSIG: the server would outlive us.")
        if os.getppid() != int(parent):
            return  # they died before we were tied to them
    os.execv(program[0], program)  # noqa: S606  this is the purpose of the file


def _leave_a_guardian(watched: int) -> None:
    server = os.getpid()
    if child := os.fork():
        os.waitpid(child, 0)
        os.set_inheritable(watched, False)
        return
    if os.fork():  # a grandchild, so that the server never meets a child it does not know
        os._exit(0)
    os.closerange(0, watched)  # our caller's lock, too: it is the server's to hold
    os.closerange(watched + 1, _DESCRIPTORS)
    if not os.read(watched, 1):
        with suppress(ProcessLookupError):
            for _ in range(_TELLINGS):  # once is not enough: just before `exec` a signal is taken and forgotten
                os.kill(server, FAST_SHUTDOWN)
                time.sleep(0.1)
    os._exit(0)


if __name__ == "__main__":
    _become(*sys.argv[1:])
