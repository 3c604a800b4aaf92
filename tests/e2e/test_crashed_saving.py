"""`kill -9` while a card is saved or removed: it is kept once or not at all, and nothing else stays attached."""

from collections.abc import Callable

import httpx
import pytest

from adapters.postgres.connection import connected
from tests.e2e.customers import Body, Customer, told
from tests.e2e.eventually import eventually
from tests.e2e.running import API, STRIPE, WORKER, Service
from tests.e2e.wire import when_answered, when_asked

pytestmark = pytest.mark.xdist_group("fragile")

_TOKEN = rb"\APOST /v1/payment_methods "
_CUSTOMER = rb"\APOST /v1/customers "
_ATTACH = rb"\APOST /v1/payment_methods/pm_\w+/attach "
_DETACH = rb"\APOST /v1/payment_methods/pm_\w+/detach "
#: A statement with its values, in PostgreSQL's protocol: the message Bind.
_STATEMENT = rb"\AB"
_LEFT = b"DELETE FROM unkept_methods"


def before_anything_is_sent(service: Service) -> None:
    """The draft is durable, Stripe never heard of it."""
    service.wires[STRIPE].watch = when_asked(_TOKEN, lambda: service.kill(API))


def after_the_token_is_spent(service: Service) -> None:
    """The customer's token is used up, and nobody here knows what for."""
    service.wires[STRIPE].watch = when_answered(_TOKEN, lambda: service.kill(API))


def after_the_customer_is_made(service: Service) -> None:
    """Stripe has a customer that we have not heard of."""
    service.wires[STRIPE].watch = when_answered(_CUSTOMER, lambda: service.kill(API))


def before_it_is_attached(service: Service) -> None:
    """Stripe's name for it is durable."""
    service.wires[STRIPE].watch = when_asked(_ATTACH, lambda: service.kill(API))


def after_it_is_attached(service: Service) -> None:
    """It is, and nobody here has heard of it."""
    service.wires[STRIPE].watch = when_answered(_ATTACH, lambda: service.kill(API))


def before_it_is_kept(service: Service) -> None:
    """The API has read the answer; what it says to the database next never arrives."""
    die = when_asked(_STATEMENT, lambda: service.kill(API))
    service.wires[STRIPE].watch = when_answered(
        _ATTACH, lambda: setattr(service.wires[f"{API}-database"], "watch", die), passes=True
    )


def after_it_is_kept(service: Service) -> None:
    """It is durable; nobody was told."""
    die = when_answered(_STATEMENT, lambda: service.kill(API))
    service.wires[STRIPE].watch = when_answered(
        _ATTACH, lambda: setattr(service.wires[f"{API}-database"], "watch", die), passes=True
    )


POINTS = [
    before_anything_is_sent,
    after_the_token_is_spent,
    after_the_customer_is_made,
    before_it_is_attached,
    after_it_is_attached,
    before_it_is_kept,
    after_it_is_kept,
]


@pytest.mark.parametrize("point", POINTS)
async def test_a_repeat_saves_it_once_wherever_the_api_is_killed(
    fragile: Service, point: Callable[[Service], None]
) -> None:
    """
    The same request without a key, at once: 201, one method, attached once, to one customer.
    """
    customer = fragile.customer()
    body = {"type": "CARD", "token": await fragile.stripe.a_token()}
    point(fragile)

    await _save_into_a_crash(customer, body)
    await fragile.heal_processes()
    saved = told(await customer.save(body))

    assert await customer.methods() == [saved]
    assert len(await fragile.stripe.customers(customer.id)) == 1
    await _attached(customer, 1)


@pytest.mark.parametrize("point", POINTS[:-1])
async def test_what_nobody_asks_for_again_is_detached(fragile: Service, point: Callable[[Service], None]) -> None:
    """
    The worker takes it off when the draft's time is up, and nothing is kept.
    """
    customer = fragile.customer()
    point(fragile)

    await _save_into_a_crash(customer, {"type": "CARD", "token": await fragile.stripe.a_token()})
    await fragile.heal_processes()

    await _attached(customer, 0)
    assert await customer.methods() == []


async def test_a_key_that_died_with_the_api_is_free_after_its_lease(fragile: Service) -> None:
    """
    The method was kept, the answer was not: 409 for a while, then 201 with that method, though its token is spent.
    """
    customer = fragile.customer()
    body = {"type": "CARD", "token": await fragile.stripe.a_token()}
    after_it_is_kept(fragile)
    await _save_into_a_crash(customer, body, key="the-key")
    await fragile.heal_processes()
    (kept,) = await customer.methods()

    async def saved() -> httpx.Response | None:
        answer = await customer.save(body, key="the-key")
        assert answer.status_code in {201, 409}, answer.text
        return answer if answer.status_code == 201 else None

    answer = await eventually(saved)
    assert answer is not None
    assert told(answer) == kept
    again = await customer.save(body, key="the-key")
    assert (again.content, again.headers["idempotent-replayed"]) == (answer.content, "true")


@pytest.mark.parametrize("confirmed", [False, True], ids=["before Stripe answers", "before it is noted"])
async def test_a_detaching_whose_worker_died_is_finished_by_another(fragile: Service, *, confirmed: bool) -> None:
    """
    Whoever comes next detaches it again, which does nothing more.
    """
    customer = fragile.customer()
    saved = told(await customer.save({"type": "CARD", "token": "tok_visa"}))
    if confirmed:
        die = when_asked(_LEFT, lambda: fragile.kill(WORKER))
        fragile.kill(WORKER)
        await fragile.heal_processes()  # its statements are not prepared yet: their text is to be seen
        fragile.wires[f"{WORKER}-database"].watch = die
    else:
        fragile.wires[STRIPE].watch = when_answered(_DETACH, lambda: fragile.kill(WORKER))
    assert (await customer.remove(saved["id"])).status_code == 204

    async def is_dead() -> bool:
        return not fragile.runs(WORKER)

    await eventually(is_dead)
    await fragile.heal_processes()

    await _attached(customer, 0)
    await eventually(lambda: _nothing_is_left(customer))


async def _attached(customer: Customer, count: int) -> None:
    async def so_many() -> bool:
        return len(await customer.service.stripe.attached(customer.id)) == count

    await eventually(so_many)


async def _nothing_is_left(customer: Customer) -> bool:
    async with connected(customer.service.database.owner_dsn) as owner:
        return not await owner.fetchval("SELECT EXISTS (SELECT FROM unkept_methods WHERE user_id = $1)", customer.id)


async def _save_into_a_crash(customer: Customer, body: Body, key: str | None = None) -> None:
    with pytest.raises(httpx.TransportError):
        await customer.save(body, key=key)

    async def is_dead() -> bool:
        return not customer.service.runs(API)

    await eventually(is_dead)
