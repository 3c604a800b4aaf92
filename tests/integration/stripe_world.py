"""Shared by the tests of the Stripe adapter: the adapter, the stand-in it speaks to, and a look into its books."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from uuid_utils.compat import uuid7

from adapters.stripe.gateway import StripeGateway
from adapters.stripe.webhooks import StripeSignatures
from application.ports.gateway import Operation, OperationKind
from application.ports.inbox import Message
from domain.evidence import Evidence
from domain.money import Money
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import GatewayName
from domain.refund import Refund, RefundChannel
from tests.builders import now
from tests.fakes import StandingClock
from tests.integration.sandbox_fixtures import KEY, MODULE, SECRET, Caller, Endpoint, eventually
from tests.sandboxes import running

VISA = "tok_visa"


class World:
    """The adapter, the stand-in, and somebody who looks into its books."""

    def __init__(self, url: str, caller: Caller, endpoint: Endpoint) -> None:
        self.clock = StandingClock()
        self.url = url
        self.caller = caller
        self.endpoint = endpoint
        self.gateway = StripeGateway(api_key=KEY, clock=self.clock, base_url=url)

    @classmethod
    @asynccontextmanager
    async def running(cls, ledger: Path) -> AsyncIterator[Self]:
        async with Endpoint.listening() as endpoint:
            hook = ("--webhook-url", endpoint.url, "--webhook-secret", SECRET)
            with running(MODULE, "--ledger", str(ledger), *hook) as url:
                async with Caller.to(url) as caller:
                    world = cls(url, caller, endpoint)
                    yield world
                    await world.gateway.close()

    async def collect(self, payment: Payment, token: str = VISA) -> tuple[Payment, Evidence]:
        return self.learned(payment, await self.gateway.collect(payment, an_operation(payment, token)))

    async def look_up(self, payment: Payment) -> tuple[Payment, Evidence]:
        return self.learned(payment, await self.gateway.look_up(payment, an_operation(payment)))

    async def cancel(self, payment: Payment) -> tuple[Payment, Evidence]:
        return self.learned(payment, await self.gateway.cancel(payment))

    async def capture(self, payment: Payment, amount: int | None = None) -> tuple[Payment, Evidence]:
        operation = Operation(started_at=self.clock.now(), kind=OperationKind.CAPTURE, amount=amount)
        return self.learned(payment, await self.gateway.capture(payment, operation))

    async def refund(self, payment: Payment, refund: Refund) -> tuple[Refund, Evidence]:
        return self.learned_of(refund, await self.gateway.refund(payment, refund, a_refunding(refund)))

    async def look_up_refund(self, payment: Payment, refund: Refund) -> tuple[Refund, Evidence]:
        return self.learned_of(refund, await self.gateway.look_up_refund(payment, refund, a_refunding(refund)))

    def learned_of(self, refund: Refund, report: Report) -> tuple[Refund, Evidence]:
        self.clock.pass_(seconds=1)
        [piece] = report.evidence
        return refund.learn(report, self.clock.now()), piece

    def learned(self, payment: Payment, report: Report) -> tuple[Payment, Evidence]:
        self.clock.pass_(seconds=1)
        [piece] = report.evidence
        return payment.learn(report, self.clock.now()), piece

    async def taken(self, payment: Payment) -> list[tuple[int, str]]:
        """What the stand-in took for this payment, by its own books."""
        charges = (await self.caller.ledger())["charges"]
        intents = {intent["id"] for intent in await self.intents(payment)}
        return [(one["amount"], one["currency"]) for one in charges if one["payment_intent"] in intents]

    async def intents(self, payment: Payment) -> list[Any]:
        intents = (await self.caller.ledger())["payment_intents"]
        return [one for one in intents if one["metadata"].get("payment_id") == str(payment.id)]

    async def behave(self, **rules: Any) -> None:
        await self.caller.steer("behave", **rules)

    async def refunds(self, payment: Payment) -> list[Any]:
        """What the stand-in gave back of this payment, by its own books."""
        refunds = (await self.caller.ledger())["refunds"]
        return [one for one in refunds if one["payment_intent"] == payment.references[ReferenceKind.PAYMENT_INTENT]]

    async def messages(self, intent_id: str) -> list[Message]:
        """What came in about this intent, newest first, each proven to be from Stripe."""
        signatures = StripeSignatures(secrets=["whsec_old", SECRET], clock=StandingClock())

        def about_it() -> list[tuple[str, bytes]]:
            return [one for one in self.endpoint.received if intent_id.encode() in one[1]]

        expected = await self.caller.events_of(intent_id)
        await eventually(lambda: len(about_it()) >= len(expected))
        return [
            Message(uuid7(), GatewayName.STRIPE, signatures.verify(body, header.encode()), body)
            for header, body in reversed(about_it())
        ]


def an_operation(payment: Payment, token: str | None = VISA) -> Operation:
    return Operation(started_at=payment.created_at, token=token)


def a_refunding(refund: Refund) -> Operation:
    return Operation(started_at=refund.requested_at, kind=OperationKind.REFUND)


def a_refund(payment: Payment, amount: int, **facts: Any) -> Refund:
    """Of `amount` minor units of the payment's currency."""
    moment = now()
    return Refund(
        **{
            "id": uuid7(),
            "payment_id": payment.id,
            "user_id": payment.user_id,
            "money": Money(amount, payment.money.currency),
            "channel": RefundChannel.STRIPE,
            "requested_at": moment,
            "updated_at": moment,
        }
        | facts
    )
