"""
What one call to Stripe costs our processor: by the transport under stripe-python, and by what it makes of the answer.

    python bench/stripe_transport.py --calls 2000 --rounds 5

One process answers every request with the same PaymentIntent; this one creates intents, 16 at a time, and takes its own
CPU time. The transports take turns within every round, so that whatever else the machine does falls on all of them.
"""

import argparse
import asyncio
import json
import logging
import multiprocessing
import statistics
import sys
import time
import warnings
from collections.abc import Awaitable, Callable
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import stripe
import uvloop
from aiohttp import web
from stripe.params import PaymentIntentCreateParams

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from adapters.stripe.api import Api
from adapters.stripe.client import connect
from adapters.stripe.transport import Transport

_IN_FLIGHT = 16
_WARM_UP = 200
_PARAMS: PaymentIntentCreateParams = {
    "amount": 2500,
    "currency": "usd",
    "confirm": True,
    "payment_method": "pm_1NabcdEfGhIjKlMn1opQrStU",
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
}
_INTENT = {
    "id": "pi_3NabcdEfGhIjKlMn1opQrStU",
    "object": "payment_intent",
    "amount": 2500,
    "amount_capturable": 0,
    "amount_received": 2500,
    "automatic_payment_methods": {"allow_redirects": "never", "enabled": True},
    "capture_method": "automatic",
    "client_secret": "pi_3NabcdEfGhIjKlMn1opQrStU_secret_0123456789abcdefghijklmno",
    "created": 1_790_000_000,
    "currency": "usd",
    "latest_charge": {"id": "ch_1", "object": "charge", "amount": 2500, "payment_method_details": {"card": {}}},
    "livemode": False,
    "metadata": {"payment_id": "01a2b3c4-d5e6-7f01-8203-040506070809", "order_id": "order_1"},
    "payment_method_types": ["card", "link"],
    "status": "succeeded",
}

Call = Callable[[], Awaitable[object]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000, help="per transport and round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="the median counts (default: %(default)s)")
    given = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    try:
        uvloop.run(_measure(f"http://127.0.0.1:{ours.recv()}", given.calls, given.rounds))
    finally:
        server.terminate()
        server.join()


async def _measure(url: str, calls: int, rounds: int) -> None:
    stripe.enable_telemetry = False
    logging.getLogger("stripe").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", DeprecationWarning)  # of HTTPXClient, once a call
    seconds = timedelta(seconds=1)
    ours = Transport(connect_timeout=2 * seconds, total_timeout=10 * seconds, connections=_IN_FLIGHT)
    clients = {
        "HTTPXClient": stripe.HTTPXClient(timeout=10),
        "AIOHTTPClient": stripe.AIOHTTPClient(timeout=10),
        "ours": ours,
    }
    asks: dict[str, Call] = {name: _asking(url, client) for name, client in clients.items()}
    asks["ours, raw"] = _asking_raw(url, ours)
    async with aiohttp.ClientSession() as session:
        asks["bare aiohttp"] = _bare(url, session)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in asks}
        for ask in asks.values():
            await _run(ask, _WARM_UP)
        for _ in range(rounds):
            for name, ask in asks.items():
                found[name].append(await _run(ask, calls))
    for client in clients.values():
        await client.close_async()
    _show(found)


def _asking(url: str, client: stripe.HTTPClient) -> Call:
    api = stripe.StripeClient("sk_test_bench", base_addresses={"api": url}, http_client=client, max_network_retries=0)

    async def ask() -> object:
        return await api.v1.payment_intents.create_async(_PARAMS, {"idempotency_key": "bench"})

    return ask


def _asking_raw(url: str, transport: Transport) -> Call:
    """As the adapter does it: no objects of stripe-python's, its own wire structs."""
    api = Api(connect("sk_test_bench", url, transport))

    async def ask() -> object:
        return await api.create_intent(_PARAMS, "bench")

    return ask


def _bare(url: str, session: aiohttp.ClientSession) -> Call:
    async def ask() -> object:
        async with session.post(f"{url}/v1/payment_intents", data={"amount": "2500", "currency": "usd"}) as answer:
            return await answer.read()

    return ask


async def _run(ask: Call, calls: int) -> tuple[float, float]:
    """CPU microseconds of this process and calls per second, over `calls` calls."""

    async def some(share: int) -> None:
        for _ in range(share):
            await ask()

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(some(calls // _IN_FLIGHT) for _ in range(_IN_FLIGHT)))
    done = calls // _IN_FLIGHT * _IN_FLIGHT
    return (time.process_time() - cpu) / done * 1e6, done / (time.perf_counter() - wall)


def _show(found: dict[str, list[tuple[float, float]]]) -> None:
    cheapest = min(statistics.median(cpu for cpu, _ in runs) for name, runs in found.items() if name != "bare aiohttp")
    sys.stdout.write(f"{'transport':<15}{'CPU us/call':>12}{'calls/s':>10}{'x cheapest':>12}\n")
    for name, runs in found.items():
        cpu, rate = (statistics.median(values) for values in zip(*runs, strict=True))
        sys.stdout.write(f"{name:<15}{cpu:>12.0f}{rate:>10.0f}{cpu / cheapest:>12.2f}\n")


def _serve(told: Connection) -> None:
    text = json.dumps(_INTENT).encode()

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=text, content_type="application/json", headers={"Request-Id": "req_1"})

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/v1/payment_intents", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        told.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    uvloop.run(serve())


if __name__ == "__main__":
    main()
