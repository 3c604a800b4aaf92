"""The whole service as the processes it is: APIs, worker and the two stand-ins, on a database of its own."""

import asyncio
import itertools
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes, token_hex
from signal import SIGKILL
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx

from entrypoints.settings import load
from entrypoints.tokens import SCOPES, development_token
from tests.databases import Database
from tests.e2e import stories
from tests.e2e.customers import Customer
from tests.e2e.eventually import eventually
from tests.e2e.gateways import Daraja, Stripe
from tests.e2e.processes import Program, free_port
from tests.e2e.wire import Wire

STRIPE: Final = "stripe"
DARAJA: Final = "daraja"
API: Final = "api-1"
WORKER: Final = "worker-1"

#: The stand-in's only merchant.
_MERCHANT: Final = {
    "MPESA_CONSUMER_KEY": "sandbox-consumer-key",
    "MPESA_CONSUMER_SECRET": "sandbox-consumer-secret",
    "MPESA_PASSKEY": "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919",
    "MPESA_SHORTCODE": "174379",
}
#: Looks at an open payment soon and often; time-outs that a slow machine does not reach by itself.
_USUAL: Final = {
    "STRIPE_TIMEOUT_SECONDS": "3",
    "MPESA_TIMEOUT_SECONDS": "2",
    "LEASE_SECONDS": "7",
    "CHECK_AFTER_SECONDS": "0.5,1,1.5,2,3,4,5,6,7,8,10,12,15,20,30",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a service consists of. `wired`: a `Wire` lies before each gateway, and before each process's database."""

    apis: int = 1
    workers: int = 1
    wired: bool = False
    pay_after_ms: int = 200
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def programs(self) -> list[str]:
        apis = [f"api-{n}" for n in range(1, self.apis + 1)]
        return [STRIPE, DARAJA, *(f"worker-{n}" for n in range(1, self.workers + 1)), *apis]


class Service:
    """
    Its processes are called `stripe`, `daraja`, `worker-1`… and `api-1`…; its wires `stripe`, `daraja`, and
    `api-1-database` and its like.
    """

    def __init__(self, plan: Plan, database: Database, folder: Path, http: httpx.AsyncClient) -> None:
        self.plan = plan
        self.database = database
        self.http = http
        self.webhook_secret = f"whsec_{token_hex(24)}"
        self.wires: dict[str, Wire] = {}
        self._folder = folder
        self._programs: dict[str, Program] = {}
        self._ports = {name: free_port() for name in plan.programs if not name.startswith("worker")}
        self._secrets = {"JWT_SECRET": token_hex(32), "ENCRYPTION_KEYS": f"e2e:{b64encode(token_bytes(32)).decode()}"}
        self._next_api = itertools.cycle(name for name in plan.programs if name.startswith("api"))
        self._next_phone = itertools.count(1)
        self.stripe = Stripe(http, self._url(STRIPE))
        self.daraja = Daraja(http, self._url(DARAJA))

    @property
    def _certificate(self) -> Path:
        """What the stand-in of Daraja publishes, to encrypt an initiator's password for it."""
        return self._folder / "daraja.pem"

    @property
    def _initiator(self) -> Mapping[str, str]:
        """Who may ask the stand-in of Daraja for the state of a transaction, and give money back."""
        return {
            "MPESA_INITIATOR_NAME": "testapi",
            "MPESA_INITIATOR_PASSWORD": "sandbox-initiator-password",
            "MPESA_CERTIFICATE": str(self._certificate),
            "MPESA_B2C_SHORTCODE": "600992",
        }

    @classmethod
    @asynccontextmanager
    async def running(cls, plan: Plan, database: Database, folder: Path) -> AsyncIterator["Service"]:
        """Ready to serve, for as long as the block runs."""
        limits = httpx.Limits(max_connections=400, max_keepalive_connections=20)
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=30.0, limits=limits))
            service = cls(plan, database, folder, http)
            if plan.wired:
                await service._lay_wires(stack)
            try:
                await service.start(STRIPE, DARAJA)  # the certificate of one of them is read by whoever starts later
                await service.start(*(name for name in plan.programs if name not in {STRIPE, DARAJA}))
                yield service
            finally:
                await service._stop_all()

    async def start(self, *names: str, **variables: str) -> None:
        """Start these processes, with these variables beside the usual ones, and wait until they can serve."""
        for name in names:
            module, *arguments = self._command(name)
            log = self._folder / f"{name}.log"
            self._programs[name] = Program.start(
                module, *arguments, variables=self._variables(name) | variables, log=log
            )
        await asyncio.gather(*(eventually(lambda name=name: self._is_ready(name)) for name in names))

    def kill(self, name: str) -> None:
        """End a process as a crash does; what it held in memory is gone."""
        self._programs[name].kill()

    def ask_to_stop(self, name: str) -> None:
        self._programs[name].ask_to_stop()

    async def ended(self, name: str) -> int:
        """The exit code of a process that is ending."""
        return await asyncio.to_thread(self._programs[name].wait)

    def runs(self, name: str) -> bool:
        return name in self._programs and self._programs[name].runs

    async def heal(self) -> None:
        """As after the start, but for what is kept: everything of the plan runs and behaves, nothing else runs."""
        for wire in self.wires.values():
            wire.watch = None
        for name in self._programs.keys() - set(self.plan.programs):
            self._programs.pop(name).kill()
        self._check_ends()
        await self.heal_processes()
        await asyncio.gather(self.stripe.behave(reset=True), self.daraja.behave(reset=True))

    async def heal_processes(self) -> None:
        """Whatever of the plan does not run is started again."""
        await self.start(*(name for name in self.plan.programs if not self.runs(name)))

    def customer(self, *, does: str = "0000") -> Customer:
        """Somebody new. What they do with a prompt is told by the last four digits of their phone."""
        user = uuid4()
        phone = f"2547{next(self._next_phone):04d}{does}"
        return Customer(self, user, self.token(user), phone)

    def token(self, user: UUID) -> str:
        return development_token(load(self._variables(API)), user, SCOPES)

    def api(self, name: str | None = None) -> str:
        """The address of one of the APIs: the next one, unless it is named."""
        return self._url(name or next(self._next_api))

    async def nothing_waits(self) -> None:
        """Every webhook that has arrived is applied."""

        async def all_applied() -> bool:
            told = (await self.http.get(f"{self.api()}/webhooks/health")).raise_for_status().json()
            return bool(told["waiting"] == 0)

        await eventually(all_applied)

    async def applied(self, event_id: str) -> None:
        """The worker is done with this event."""

        async def done() -> bool:
            return await stories.state_of(self.database.owner_dsn, event_id) == "done"

        await eventually(done)

    def _url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    def _through_wire(self, name: str) -> str:
        return f"http://127.0.0.1:{self.wires[name].port}" if name in self.wires else self._url(name)

    def _command(self, name: str) -> list[str]:
        match name.split("-", maxsplit=1)[0]:
            case "stripe":
                told = ("--webhook-url", f"{self._url(API)}/webhooks/stripe", "--webhook-secret", self.webhook_secret)
                return ["entrypoints.sandbox.stripe", *self._stand_in(name), *told]
            case "daraja":
                told = ("--pay-after-ms", str(self.plan.pay_after_ms), "--certificate-out", str(self._certificate))
                return ["entrypoints.sandbox.daraja", *self._stand_in(name), *told]
            case kind:
                return [f"entrypoints.{kind}"]

    def _stand_in(self, name: str) -> list[str]:
        return ["--port", str(self._ports[name]), "--ledger", str(self._folder / f"{name}.jsonl")]

    def _variables(self, name: str) -> dict[str, str]:
        database = self.database.dsn
        if wire := self.wires.get(f"{name}-database"):
            parts = urlsplit(database)
            login = parts.netloc.rpartition("@")[0]
            database = parts._replace(netloc=f"{login}@127.0.0.1:{wire.port}").geturl()
        return {
            "APP_ENV": "test",
            "PORT": str(self._ports.get(name, 1)),
            "DATABASE_URL": database,
            "DATABASE_OWNER_URL": self.database.owner_dsn,
            "STRIPE_SECRET_KEY": "sk_test_e2e",
            "STRIPE_WEBHOOK_SECRET": self.webhook_secret,
            "STRIPE_BASE_URL": self._through_wire(STRIPE),
            "MPESA_BASE_URL": self._through_wire(DARAJA),
            "MPESA_CALLBACK_URL": self._url(API),
            **_MERCHANT,
            **self._initiator,
            **self._secrets,
            **_USUAL,
            **self.plan.settings,
        }

    async def _lay_wires(self, stack: AsyncExitStack) -> None:
        database = urlsplit(self.database.dsn).port or 5432
        ends = {STRIPE: self._ports[STRIPE], DARAJA: self._ports[DARAJA]}
        ends |= {f"{name}-database": database for name in self.plan.programs if name not in ends}
        for name, port in ends.items():
            self.wires[name] = await stack.enter_async_context(Wire(port).laid())

    async def _is_ready(self, name: str) -> bool:
        program = self._programs[name]
        if name.startswith("worker"):
            assert program.runs, program.said
            return "worker.started" in program.said
        assert program.runs, program.said
        path = "/health/ready" if name.startswith("api") else "/_health"
        try:
            return (await self.http.get(self._url(name) + path)).is_success
        except httpx.TransportError:
            return False

    async def _stop_all(self) -> None:
        for program in self._programs.values():
            program.ask_to_stop()
        for program in self._programs.values():
            await asyncio.to_thread(program.wait)
        self._check_ends()

    def _check_ends(self) -> None:
        """Whatever has ended was asked to, or killed by a test."""
        for name, program in self._programs.items():
            assert program.process.poll() in {None, 0, -SIGKILL}, f"{name} ended by itself:\n{program.said}"
