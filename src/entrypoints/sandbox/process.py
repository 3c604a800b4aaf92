"""What both stand-ins are as processes: ready when they say so, gone when told to, and never left behind by a test."""

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import sys

import uvloop
from aiohttp import web

_PR_SET_PDEATHSIG = 1


def run(name: str, app: web.Application, host: str, port: int) -> None:
    """
    Serve until SIGTERM or SIGINT; port 0 takes a free one.

    Says `<name> sandbox listening on http://host:port` once it does.
    """
    _die_with_parent()
    # Nearly everything allocated here is either gone with its request or kept for good: look for cycles seldom.
    gc.set_threshold(50_000, 20, 50)
    uvloop.run(_serve(name, app, host, port))


async def _serve(name: str, app: web.Application, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0, keepalive_timeout=300.0)
    try:
        await runner.setup()
        await web.TCPSite(runner, host, port, backlog=1024).start()
        address = runner.addresses[0]
        print(f"{name} sandbox listening on http://{host}:{address[1]}", flush=True)  # noqa: T201  # what callers wait for
        await stop.wait()
    finally:
        await runner.cleanup()


def _die_with_parent() -> None:
    if os.environ.get("SANDBOX_DIE_WITH_PARENT") != "1" or sys.platform != "linux":
        return
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before it could be asked for
        sys.exit(0)
