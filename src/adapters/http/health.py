"""Whether we are there, and whether we can serve."""

from dataclasses import dataclass
from typing import Protocol

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from adapters.http.refusals import NotReady
from adapters.http.replies import Reply
from application.ports.inbox import Inbox


class Readiness(Protocol):
    """Whether this process can serve: its database, its clock, its months."""

    async def problems(self) -> list[str]:
        """What is wrong, in words an operator understands and anyone may read; nothing where all is well."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """What the health routes ask. `mode`: `live` where real money may move, else `test`."""

    service: str
    version: str
    mode: str
    readiness: Readiness
    inbox: Inbox


class Health(Controller):
    path = "/"

    @get("/", operation_id="Health")
    async def basic(self, pulse: NamedDependency[SkipValidation[Pulse]]) -> Reply:
        return Reply.bare({"status": "ok", "service": pulse.service, "version": pulse.version, "mode": pulse.mode})

    @get("/health/live", operation_id="Live")
    async def live(self) -> Reply:
        """The process answers; restart it where it does not."""
        return Reply.bare({"status": "ok"})

    @get("/health/ready", operation_id="Ready")
    async def ready(self, pulse: NamedDependency[SkipValidation[Pulse]]) -> Reply:
        """It can serve; send it requests only while it can."""
        wrong = await pulse.readiness.problems()
        if wrong:
            raise NotReady("; ".join(wrong))
        return Reply.bare({"status": "ready"})

    @get("/webhooks/health", operation_id="WebhooksHealth")
    async def webhooks(self, pulse: NamedDependency[SkipValidation[Pulse]]) -> Reply:
        """How many of the gateways' messages wait to be applied."""
        return Reply.bare({"status": "ok", "waiting": await pulse.inbox.waiting()})
