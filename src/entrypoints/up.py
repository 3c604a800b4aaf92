"""Everything on one machine, in the foreground: database, sandbox, worker, documentation, API. Ctrl-C ends all."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from shlex import quote
from typing import Final

import httpx
from rich.console import Console

from adapters.stripe.webhooks import SUBSCRIBED
from entrypoints.local import (
    furnished,
    local_database,
    prepare_database,
    sandbox_certificate,
    uses_sandbox,
    with_initiator,
)
from entrypoints.ports import bound
from entrypoints.process import DIE_WITH_PARENT
from entrypoints.settings import AppEnv, ConfigurationError, Settings
from entrypoints.tokens import SOMEONE, development_token

_READY_WITHIN_S: Final = 30.0
_STOPS_WITHIN_S: Final = 35.0
_LOOK_AGAIN_S: Final = 0.03


class StartError(Exception):
    """Something did not come up; the message says what."""


@dataclass
class Child:
    """A process of ours, and the address at which it says that it is ready (None: as soon as it runs)."""

    name: str
    process: asyncio.subprocess.Process
    ready_at: str | None = None

    async def ready(self) -> None:
        """
        Raises:
            StartError: it ended, or did not get ready in time.
        """
        if self.ready_at is None:
            return
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
            try:
                async with asyncio.timeout(_READY_WITHIN_S):
                    while not await self._answers(client):  # noqa: ASYNC110 - another process has no event of ours
                        await asyncio.sleep(_LOOK_AGAIN_S)
            except TimeoutError:
                raise StartError(f"{self.name} did not get ready within {_READY_WITHIN_S:.0f} s") from None

    async def _answers(self, client: httpx.AsyncClient) -> bool:
        if self.process.returncode is not None:
            raise StartError(f"{self.end}; what it said stands above")
        try:
            return (await client.get(self.ready_at or "")).is_success
        except httpx.TransportError:
            return False

    @property
    def end(self) -> str:
        """How it ended, in words."""
        code = self.process.returncode or 0
        if code >= 0:
            return f"{self.name} ended with code {code}"
        return f"{self.name} was killed by signal {-code} ({signal.strsignal(-code)})"

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), _STOPS_WITHIN_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def up(settings: Settings, console: Console) -> int:
    """Runs until told to stop (0), or until one of the processes ends by itself (1)."""
    if settings.app_env is AppEnv.PRODUCTION:
        raise ConfigurationError("`payments up` is for one machine; in production run `payments serve` and `worker`")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = furnished(settings)
    _insist_on_free_ports(settings)
    console.print(f"Starting: {', '.join(_parts(settings))}…")
    with local_database(settings) as ready:
        await prepare_database(ready)
        async with _children(ready) as children:
            _only_for_us(_answer_file(ready))
            console.print(banner(ready), highlight=False, soft_wrap=True, markup=False)
            return await _watch(children, stop, console)


def _parts(settings: Settings) -> list[str]:
    """What is started here, in order."""
    database = ["database"] if settings.dsn is None else []
    return [*database, *(["sandbox"] if uses_sandbox(settings) else []), "worker", "documentation", "API"]


def _insist_on_free_ports(settings: Settings) -> None:
    """
    Raises:
        ConfigurationError: somebody else listens there, perhaps another `payments up`; names the variable.
    """
    wanted = {"PORT": (settings.host, settings.port), "DOCS_PORT": (settings.host, settings.docs_port)}
    if uses_sandbox(settings):
        wanted["SANDBOX_STRIPE_PORT"] = ("127.0.0.1", settings.sandbox_stripe_port)
        wanted["SANDBOX_DARAJA_PORT"] = ("127.0.0.1", settings.sandbox_daraja_port)
    for name, (host, port) in wanted.items():
        bound(host, port, name).close()


@asynccontextmanager
async def _children(settings: Settings) -> AsyncIterator[list[Child]]:
    children: list[Child] = []
    api = f"http://{settings.host}:{settings.port}"
    try:
        if uses_sandbox(settings):
            children += [await _stripe_sandbox(settings, api), await _daraja_sandbox(settings)]
            await asyncio.gather(*(child.ready() for child in children))
            settings = with_initiator(settings)
        children.append(await _child("worker", settings, "-m", "entrypoints.worker"))
        docs = f"http://{settings.host}:{settings.docs_port}"
        children.append(await _child("docs", settings, "-m", "entrypoints.docs", ready_at=f"{docs}/health/live"))
        await children[-1].ready()
        # The API comes last: who finds its port open finds everything behind it.
        children.append(await _child("api", settings, "-m", "entrypoints.api", ready_at=f"{api}/health/ready"))
        await children[-1].ready()
        yield children
    finally:
        await asyncio.gather(*(child.stop() for child in reversed(children)))


async def _stripe_sandbox(settings: Settings, api: str) -> Child:
    url = f"http://127.0.0.1:{settings.sandbox_stripe_port}"
    return await _child(
        "stripe sandbox",
        settings,
        *("-m", "entrypoints.sandbox.stripe", "--port", str(settings.sandbox_stripe_port)),
        *("--ledger", str(settings.local_dir / "stripe.jsonl")),
        *("--webhook-url", f"{api}/webhooks/stripe", "--webhook-secret", settings.stripe_webhook_secrets[0]),
        *("--webhook-events", ",".join(sorted(SUBSCRIBED))),
        ready_at=f"{url}/_health",
    )


async def _daraja_sandbox(settings: Settings) -> Child:
    url = f"http://127.0.0.1:{settings.sandbox_daraja_port}"
    return await _child(
        "daraja sandbox",
        settings,
        *("-m", "entrypoints.sandbox.daraja", "--port", str(settings.sandbox_daraja_port)),
        *("--ledger", str(settings.local_dir / "daraja.jsonl")),
        *("--certificate-out", str(sandbox_certificate(settings))),
        ready_at=f"{url}/_health",
    )


async def _child(name: str, settings: Settings, *arguments: str, ready_at: str | None = None) -> Child:
    environment = {**os.environ, **settings.environment(), "SANDBOX_DIE_WITH_PARENT": "1", DIE_WITH_PARENT: "1"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments), env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=sys.stderr
    )
    return Child(name, process, ready_at)


async def _watch(children: list[Child], stop: asyncio.Event, console: Console) -> int:
    """Waits until we are told to stop, or one of them is gone."""
    stopping = asyncio.create_task(stop.wait())
    ends = {asyncio.create_task(child.process.wait()): child for child in children}
    done, pending = await asyncio.wait([stopping, *ends], return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    if stopping in done:
        console.print("Stopping…")
        return 0
    for task in done:
        console.print(f"{ends[task].end}; stopping everything")
    return 1


def banner(settings: Settings) -> str:
    """Addresses, a token, and lines to paste. Pasted again they pay nothing twice, and tell the first one's story."""
    api = f"http://{settings.host}:{settings.port}"
    docs = f"http://{settings.host}:{settings.docs_port}"
    lines = ["", f"  API        {api}", f"  Docs       {docs}   (how to start, and every operation to try)"]
    if uses_sandbox(settings):
        lines += [
            f"  Stripe     http://127.0.0.1:{settings.sandbox_stripe_port}   (sandbox; its ledger: /_ledger)",
            f"  Daraja     http://127.0.0.1:{settings.sandbox_daraja_port}   (sandbox; its ledger: /_ledger)",
        ]
    answer = quote(str(_answer_file(settings)))
    post = f"curl -s {api}/payments -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json'"
    pasted = [_token(settings)]
    if settings.has_stripe:
        pasted.append(("A card", f"{post} -d '{_CARD}' | tee {answer}"))
    if settings.has_mpesa:
        pasted.append(("M-Pesa, which takes a moment", f"{post} -d '{_MPESA}' | tee {answer}"))
    story = f'curl -s {api}/payment-history/$({_ITS_ID} {answer}) -H "Authorization: Bearer $TOKEN"'
    for said, line in [*pasted, ("The story of the last payment", story)]:
        lines += ["", f"  {said}:", "", line]
    return "\n".join([*lines, ""])


def _token(settings: Settings) -> tuple[str, str]:
    if settings.jwt_secret is None:
        return f"A token of your auth service's, whose sub is {SOMEONE}", "export TOKEN=…"
    said = "A token for the examples (another: .venv/bin/payments token --user UUID)"
    return said, f"export TOKEN={development_token(settings, SOMEONE)}"


def _answer_file(settings: Settings) -> Path:
    """Where the printed lines put what they were answered."""
    return (settings.local_dir / "payment.json").resolve()


def _only_for_us(file: Path) -> None:
    """An answer may hold a client secret."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.chmod(0o600)


#: Another order at each start: what was paid before is no duplicate.
_ORDER: Final = f"order_{token_hex(4)}"
_CARD: Final = (
    f'{{"user_id": "{SOMEONE}", "order_id": "{_ORDER}", "amount": 2500, "currency": "USD",'
    ' "paymentMethod": {"type": "CARD", "token": "tok_visa"}}'
)
_MPESA: Final = (
    f'{{"user_id": "{SOMEONE}", "order_id": "{_ORDER}", "amount": 1000, "currency": "KES",'
    ' "paymentMethod": {"type": "MPESA", "phoneNumber": "254712345678"}}'
)
#: The payment's id, or what a refused duplicate names; nothing of any other problem.
_ITS_ID: Final = r"""sed -n 's/.*"\(payment_\)*id":"\([^"]*\)".*/\2/p'"""
