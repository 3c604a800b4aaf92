"""Whether we are there, and whether we can serve."""

from dataclasses import dataclass
from typing import Any, Protocol

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from adapters.http.refusals import NotReady
from application.ports.inbox import Inbox


class Readiness(Protocol):
    """Whether this process can serve: its database, its clock, its months."""

    async def problems(self) -> list[str]:
        """What is wrong, in words an operator understands and anyone may read; nothing where all is well."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """What the health routes ask."""

    service: str
    version: str
    readiness: Readiness
    inbox: Inbox


class Health(Controller):
    path = "/"

    @get("/", operation_id="Health")
    async def basic(self, pulse: NamedDependency[SkipValidation[Pulse]]) -> dict[str, Any]:
        return {"status": "ok", "service": pulse.service, "version": pulse.version}

    @get("/health/live", operation_id="Live")
    async def live(self) -> dict[str, Any]:
        """The process answers; restart it where it does not."""
        return {"status": "ok"}

    @get("/health/ready", operation_id="Ready")
    async def ready(self, pulse: NamedDependency[SkipValidation[Pulse]]) -> dict[str, Any]:
        """It can serve; send it requests only while it can."""
        wrong = await pulse.readiness.problems()
        if wrong:
            raise NotReady("; ".join(wrong))
        return {"status": "ready"}

    @get("/webhooks/health", operation_id="WebhooksHealth")
    async def webhooks(self, pulse: NamedDependency[SkipValidation[Pulse]]) -> dict[str, Any]:
        """How many of the gateways' messages wait to be applied."""
        return {"status": "ok", "waiting": await pulse.inbox.waiting()}
