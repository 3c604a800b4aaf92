"""Keeping cards at Stripe, against the stand-in: its books hold what is attached to whom."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from uuid_utils.compat import uuid7

from adapters.stripe.gateway import StripeGateway
from application.ports.gateway import NothingSent, Operation
from application.ports.saving_gateway import SavingGateway
from domain.errors import InDoubt, Invalid, MethodDeclined, Unavailable
from domain.evidence import Reason
from domain.payment import Payment
from domain.status import Status
from tests.builders import a_card, a_payment, now
from tests.fakes import StandingClock
from tests.integration.sandbox_fixtures import KEY, MODULE, Caller
from tests.sandboxes import running


class World:
    """The adapter, the stand-in, and somebody who looks into its books."""

    def __init__(self, url: str, caller: Caller) -> None:
        self.url = url
        self.caller = caller
        self.clock = StandingClock()
        self.gateway = StripeGateway(api_key=KEY, clock=self.clock, base_url=url)

    async def attached(self, customer: str) -> list[str]:
        methods = await self.caller.get(f"customers/{customer}/payment_methods")
        return [method["id"] for method in methods["data"]]

    async def saved(self, token: str = "tok_visa") -> tuple[str, str]:
        """A card that is attached: its name and its customer."""
        customer, method_id = await self.gateway.customer(uuid4()), uuid7()
        card = await self.gateway.describe(method_id, token)
        await self.gateway.attach(method_id, card.name, customer)
        return card.name, customer

    async def token(self, brand: str = "visa") -> str:
        """A single-use one, as Stripe's form makes them."""
        token: str = (await self.caller.post("tokens", {"card[brand]": brand})).json()["id"]
        return token

    async def pay(self, name: str, customer: str | None) -> Payment:
        payment = a_payment(method=a_card(token=None))
        operation = Operation(started_at=payment.created_at, token=name, customer=customer)
        report = await self.gateway.collect(payment, operation)
        return payment.learn(report, self.clock.now())


@pytest.fixture(scope="module")
async def running_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    ledger = tmp_path_factory.mktemp("stripe") / "ledger.jsonl"
    with running(MODULE, "--ledger", str(ledger)) as url:
        async with Caller.to(url) as caller:
            world = World(url, caller)
            yield world
            await world.gateway.close()


@pytest.fixture
async def world(running_world: World) -> AsyncIterator[World]:
    running_world.clock.moment = now()
    yield running_world
    await running_world.caller.steer("behave", reset=True)


def test_it_is_a_saving_gateway(world: World) -> None:
    """All of the port's page."""
    gateway: SavingGateway = world.gateway
    assert gateway.total_timeout


class TestCustomers:
    async def test_a_user_has_one_however_many_ask(self, world: World) -> None:
        """The key is the user's: twins that ask at the same moment wait for the first."""
        await world.caller.steer("behave", latency_ms=150)
        user = uuid4()

        customers = await asyncio.gather(*(world.gateway.customer(user) for _ in range(10)))

        assert len(set(customers)) == 1
        (mine,) = [one for one in (await world.caller.get("customers", limit=100))["data"] if _user(one) == str(user)]
        assert mine["id"] == customers[0]
        assert mine["metadata"] == {"user_id": str(user)}
        assert await world.gateway.customer(uuid4()) != customers[0]


class TestDescribing:
    @pytest.mark.parametrize(
        ("token", "brand", "last4"),
        [("tok_visa", "VISA", "4242"), ("pm_card_mastercard", "MASTERCARD", "4444"), ("tok_applePay", "VISA", "4242")],
    )
    async def test_a_token_or_a_method_is_described(self, world: World, token: str, brand: str, last4: str) -> None:
        """What people recognise it by, when it ends, and what it is recognised by."""
        card = await world.gateway.describe(uuid7(), token)

        assert (card.brand, card.last4, card.exp_month, card.exp_year) == (brand, last4, 12, 2034)
        assert card.name.startswith("pm_")
        assert card.fingerprint
        assert card.customer is None
        assert (await world.gateway.describe(uuid7(), token)).fingerprint == card.fingerprint

    async def test_a_single_use_token_is_spent_for_one_method(self, world: World) -> None:
        """For that one it means the same ever after; for another it is used up."""
        token, method_id = await world.token(), uuid7()

        first = await world.gateway.describe(method_id, token)

        assert await world.gateway.describe(method_id, token) == first
        with pytest.raises(Invalid) as refused:
            await world.gateway.describe(uuid7(), token)
        assert refused.value.faults[0].field == "token"

    async def test_twins_share_what_the_first_was_told(self, world: World) -> None:
        """They wait for it."""
        await world.caller.steer("behave", latency_ms=150)
        token, method_id = await world.token(), uuid7()

        cards = await asyncio.gather(*(world.gateway.describe(method_id, token) for _ in range(10)))

        assert len(set(cards)) == 1

    @pytest.mark.parametrize("token", ["tok_nobody", "pm_nobody", "pm_card_nobody"])
    async def test_what_is_no_token_is_a_fault_of_the_caller(self, world: World, token: str) -> None:
        """Named, so that the shop can mend it."""
        with pytest.raises(Invalid) as refused:
            await world.gateway.describe(uuid7(), token)
        assert refused.value.faults[0].field == "token"

    async def test_what_is_no_card_is_a_fault_of_the_caller(self, world: World) -> None:
        """A bank transfer's method cannot be used again."""
        cash = (await world.caller.post("payment_methods", {"type": "customer_balance"})).json()["id"]
        with pytest.raises(Invalid):
            await world.gateway.describe(uuid7(), cash)

    async def test_whose_it_is_already_is_told(self, world: World) -> None:
        """So that nobody's card is saved by another."""
        name, customer = await world.saved()

        assert (await world.gateway.describe(uuid7(), name)).customer == customer


class TestAttaching:
    async def test_it_is_attached_once_however_often_it_is_asked_for(self, world: World) -> None:
        """Twins, repeats: the same answer."""
        await world.caller.steer("behave", latency_ms=100)
        customer, method_id = await world.gateway.customer(uuid4()), uuid7()
        card = await world.gateway.describe(method_id, "tok_visa")

        await asyncio.gather(*(world.gateway.attach(method_id, card.name, customer) for _ in range(5)))
        await world.gateway.attach(method_id, card.name, customer)

        assert await world.attached(customer) == [card.name]

    async def test_a_lost_answer_is_in_doubt_and_the_repeat_finds_it(self, world: World) -> None:
        """It was attached: the same key says so."""
        customer, method_id = await world.gateway.customer(uuid4()), uuid7()
        card = await world.gateway.describe(method_id, "tok_visa")
        await world.caller.steer("behave", drop_answer=1, only_path=f"/v1/payment_methods/{card.name}/attach")
        with pytest.raises(InDoubt):
            await world.gateway.attach(method_id, card.name, customer)

        await world.gateway.attach(method_id, card.name, customer)

        assert await world.attached(customer) == [card.name]

    async def test_a_decline_says_why(self, world: World) -> None:
        """The customer's bank does not want it, and it is attached to nobody."""
        customer, method_id = await world.gateway.customer(uuid4()), uuid7()
        card = await world.gateway.describe(method_id, "tok_chargeDeclinedInsufficientFunds")

        for _ in range(2):
            with pytest.raises(MethodDeclined) as declined:
                await world.gateway.attach(method_id, card.name, customer)

        assert declined.value.facts == {"reason": Reason.INSUFFICIENT_FUNDS}
        assert await world.attached(customer) == []

    async def test_anothers_method_is_not_taken_away(self, world: World) -> None:
        """A fault of the caller; it stays where it is."""
        name, owner = await world.saved()
        thief = await world.gateway.customer(uuid4())

        with pytest.raises(Invalid):
            await world.gateway.attach(uuid7(), name, thief)

        assert await world.attached(owner) == [name]

    async def test_a_customer_that_is_gone_is_no_fault_of_the_caller(self, world: World) -> None:
        """The operator's, who has deleted it or changed the account."""
        card = await world.gateway.describe(uuid7(), "tok_visa")
        with pytest.raises(Unavailable) as told:
            await world.gateway.attach(uuid7(), card.name, "cus_gone")
        assert type(told.value) is Unavailable

    async def test_an_absent_stripe_did_nothing(self, world: World) -> None:
        """Surely: nobody listens there."""
        gateway = StripeGateway(api_key=KEY, clock=world.clock, base_url="http://127.0.0.1:1")
        for call in (
            gateway.customer(uuid4()),
            gateway.describe(uuid7(), "tok_visa"),
            gateway.attach(uuid7(), "pm_1", "cus_1"),
            gateway.detach("pm_1"),
        ):
            with pytest.raises(NothingSent):
                await call
        await gateway.close()


class TestDetaching:
    async def test_it_is_detached_however_often_it_is_asked_for(self, world: World) -> None:
        """A second time there is nothing to do; nor for what never was attached, or never was."""
        name, customer = await world.saved()
        never = await world.gateway.describe(uuid7(), "tok_visa")

        for one in (name, name, never.name, "pm_nobody"):
            await world.gateway.detach(one)

        assert await world.attached(customer) == []

    async def test_a_lost_answer_is_in_doubt(self, world: World) -> None:
        """Asked again, it is done."""
        name, customer = await world.saved()
        await world.caller.steer("behave", drop_answer=1, only_path=f"/v1/payment_methods/{name}/detach")
        with pytest.raises(InDoubt):
            await world.gateway.detach(name)

        await world.gateway.detach(name)

        assert await world.attached(customer) == []


class TestPaying:
    async def test_a_saved_card_pays_again_and_again(self, world: World) -> None:
        """With the customer it belongs to."""
        name, customer = await world.saved()

        payments = [await world.pay(name, customer) for _ in range(2)]

        assert [payment.status for payment in payments] == [Status.SUCCEEDED] * 2
        intents = (await world.caller.ledger())["payment_intents"]
        ours = [one for one in intents if one["customer"] == customer]
        assert [one["payment_method"] for one in ours] == [name] * 2

    async def test_a_repeat_asks_for_the_same(self, world: World) -> None:
        """The customer lives with the operation: one intent, one charge."""
        name, customer = await world.saved()
        payment = a_payment()
        operation = Operation(started_at=payment.created_at, token=name, customer=customer)

        for _ in range(2):
            report = await world.gateway.collect(payment, operation)

        assert payment.learn(report, world.clock.now()).status is Status.SUCCEEDED
        assert len([one for one in (await world.caller.ledger())["charges"] if _payment(one) == payment.id]) == 1

    async def test_a_card_that_was_detached_pays_no_more(self, world: World) -> None:
        """A definite no, whatever the race: FAILED, not UNKNOWN."""
        name, customer = await world.saved()
        await world.gateway.detach(name)

        payment = await world.pay(name, customer)

        assert (payment.status, payment.reason) == (Status.FAILED, Reason.INVALID_METHOD)

    async def test_a_card_that_was_saved_may_be_declined_later(self, world: World) -> None:
        """It attaches; its charge fails."""
        name, customer = await world.saved("tok_chargeCustomerFail")

        payment = await world.pay(name, customer)

        assert (payment.status, payment.reason) == (Status.FAILED, Reason.DECLINED)


def _user(customer: Any) -> str | None:
    user: str | None = customer["metadata"].get("user_id")
    return user


def _payment(charge: Any) -> UUID:
    return UUID(charge["metadata"]["payment_id"])
