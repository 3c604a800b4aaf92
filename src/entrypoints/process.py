"""What our processes have in common: settings, mostly a database, and an end when their parent ends."""

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from typing import Any, Final

import uvloop

from adapters import telemetry
from entrypoints.database import TROUBLE
from entrypoints.local import furnished, local_database
from entrypoints.settings import AppEnv, ConfigurationError, Settings, load

#: Set by `payments up`: a child must not outlive it, however it ends.
DIE_WITH_PARENT: Final = "PAYMENTS_DIE_WITH_PARENT"
_PR_SET_PDEATHSIG: Final = 1


def run(work: Callable[[Settings], Coroutine[Any, Any, None]], *, keeps_data: bool = True) -> None:
    """
    Runs one process of the service, with the configured database or development's; exits with 2 if it cannot.

    `keeps_data` False: it needs neither a database nor anybody's keys.
    """
    _tie_to_parent()
    # Nearly everything allocated here is either gone with its request or kept for good: look for cycles seldom.
    gc.set_threshold(50_000, 20, 50)
    try:
        settings = furnished(load(to_serve=keeps_data, to_store=keeps_data))
        telemetry.configure(pretty=settings.app_env is AppEnv.DEVELOPMENT and sys.stderr.isatty())
        with local_database(settings) if keeps_data else nullcontext(settings) as ready:
            uvloop.run(work(ready))
    except (ConfigurationError, *TROUBLE) as why:
        print(str(why) or type(why).__name__, file=sys.stderr)  # noqa: T201 - before there is a log
        sys.exit(2)


def _tie_to_parent() -> None:
    if os.environ.get(DIE_WITH_PARENT) != "1" or sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we could ask
        sys.exit(0)
