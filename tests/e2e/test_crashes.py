"""`kill -9` of the API at every point between the promise and the answer: one charge, and the retry is told of it."""

from collections.abc import Callable

import httpx
import pytest

from tests.e2e import stories
from tests.e2e.customers import Body, Customer, told
from tests.e2e.eventually import eventually
from tests.e2e.running import API, DARAJA, STRIPE, Service
from tests.e2e.wire import when_answered, when_asked

pytestmark = pytest.mark.xdist_group("fragile")

_TOKEN = rb"\APOST /v1/payment_methods "
_INTENT = rb"\APOST /v1/payment_intents "
_PUSH = rb"\APOST /mpesa/stkpush/v1/processrequest "
#: The values of the statement that records an outcome, in PostgreSQL's protocol: the message Bind, with the history's
#: entry in it. Others pass meanwhile: a webhook of an earlier test that is delivered again, say.
_STATEMENT = rb'(?s)\AB.*"was":"PROCESSING"'
_DATABASE = f"{API}-database"


def before_anything_is_sent(service: Service) -> None:
    """The promise is durable, Stripe never heard of it."""
    service.wires[STRIPE].watch = when_asked(_TOKEN, lambda: service.kill(API))


def after_the_token_is_spent(service: Service) -> None:
    """The customer's token is used up, the charge was not asked for."""
    service.wires[STRIPE].watch = when_asked(_INTENT, lambda: service.kill(API))


def before_the_answer_arrives(service: Service) -> None:
    """The money is taken; nobody here has heard of it."""
    service.wires[STRIPE].watch = when_answered(_INTENT, lambda: service.kill(API))


def before_the_commit_is_sent(service: Service) -> None:
    """The API has read the answer; what it says to the database next never arrives."""
    die = when_asked(_STATEMENT, lambda: service.kill(API))
    _arm(service, STRIPE, _INTENT, lambda: setattr(service.wires[_DATABASE], "watch", die))


def before_the_commit_is_confirmed(service: Service) -> None:
    """The outcome is durable; nobody was told."""
    die = when_answered(_STATEMENT, lambda: service.kill(API))
    _arm(service, STRIPE, _INTENT, lambda: setattr(service.wires[_DATABASE], "watch", die))


@pytest.mark.parametrize(
    ("point", "charges", "status"),
    [
        (before_anything_is_sent, 0, "PROCESSING"),
        (after_the_token_is_spent, 0, "PROCESSING"),
        (before_the_answer_arrives, 1, "PROCESSING"),
        (before_the_commit_is_sent, 1, "PROCESSING"),
        (before_the_commit_is_confirmed, 1, "SUCCEEDED"),
    ],
)
async def test_a_card_is_charged_once_wherever_the_api_is_killed(
    fragile: Service, point: Callable[[Service], None], charges: int, status: str
) -> None:
    """
    Without any webhook: the payment ends SUCCEEDED, and the client's retry with the same key gets its 201.
    """
    customer = fragile.customer()
    body = customer.by_card()
    await fragile.stripe.behave(hold_webhooks=True)
    point(fragile)

    await _pay_into_a_crash(customer, body)
    (payment_id,) = await customer.payments()
    assert len(await fragile.stripe.charges(customer.id)) == charges
    assert await stories.status_of(fragile.database.owner_dsn, payment_id) == status
    await fragile.heal_processes()
    answer = await customer.pay_until_told(body, "the-key")

    assert told(answer)["id"] == payment_id
    await customer.until(payment_id, "SUCCEEDED")
    await customer.charged_once(payment_id)
    story = await customer.story(payment_id)
    assert sum(entry["status"] == "SUCCEEDED" and entry["was"] != "SUCCEEDED" for entry in story) == 1
    again = await customer.pay(body, key="the-key")
    assert (again.content, again.headers["idempotent-replayed"]) == (answer.content, "true")


async def test_a_prompt_whose_answer_died_with_the_api_is_paid_once(fragile: Service) -> None:
    """
    The phone rang, the API is gone: the callback names the prompt, a query confirms it, and nobody is asked again.
    """
    customer = fragile.customer()
    body = customer.by_phone()
    await _warm_up(fragile)
    await fragile.daraja.behave(hold_webhooks=True)
    fragile.wires[DARAJA].watch = when_answered(_PUSH, lambda: fragile.kill(API))

    await _pay_into_a_crash(customer, body)
    (payment_id,) = await customer.payments()
    await fragile.heal_processes()
    await fragile.daraja.behave(hold_webhooks=False)

    assert (await customer.until(payment_id, "SUCCEEDED"))["receipt"] is not None
    assert told(await customer.pay_until_told(body, "the-key"))["id"] == payment_id
    await customer.asked_once(payment_id)
    await customer.story(payment_id)


async def test_a_prompt_that_was_perhaps_never_sent_is_never_sent_again(fragile: Service) -> None:
    """
    Killed just before the push: nobody can know, so it is UNKNOWN, and neither worker nor retry makes the phone ring.
    """
    customer = fragile.customer()
    body = customer.by_phone()
    await _warm_up(fragile)
    fragile.wires[DARAJA].watch = when_asked(_PUSH, lambda: fragile.kill(API))

    await _pay_into_a_crash(customer, body)
    (payment_id,) = await customer.payments()
    await fragile.heal_processes()

    await customer.until(payment_id, "UNKNOWN")
    retried = told(await customer.pay(body, key="the-key"), 202)
    assert (retried["id"], retried["status"]) == (payment_id, "UNKNOWN")
    assert await fragile.daraja.prompts(customer.phone) == []
    await customer.story(payment_id)


async def test_a_prompt_whose_commit_died_with_the_api_is_paid_once(fragile: Service) -> None:
    """
    The API knew the prompt's name and could not keep it: its callback brings it back.
    """
    customer = fragile.customer()
    body = customer.by_phone()
    await _warm_up(fragile)
    await fragile.daraja.behave(hold_webhooks=True)
    die = when_asked(_STATEMENT, lambda: fragile.kill(API))
    _arm(fragile, DARAJA, _PUSH, lambda: setattr(fragile.wires[_DATABASE], "watch", die))

    await _pay_into_a_crash(customer, body)
    (payment_id,) = await customer.payments()
    await fragile.heal_processes()
    await fragile.daraja.behave(hold_webhooks=False)

    await customer.until(payment_id, "SUCCEEDED")
    assert told(await customer.pay_until_told(body, "the-key"))["id"] == payment_id
    await customer.asked_once(payment_id)
    await customer.story(payment_id)


async def test_a_database_that_is_lost_behind_the_gateway_costs_no_payment(fragile: Service) -> None:
    """
    Nobody is killed, but the commit cannot be made: 202 with the payment's id, never a bare 503; then SUCCEEDED.
    """
    customer = fragile.customer()
    body = customer.by_card()
    await fragile.stripe.behave(hold_webhooks=True)
    database = fragile.wires[_DATABASE]
    _arm(fragile, STRIPE, _INTENT, lambda: setattr(database, "watch", lambda _question, _answer: False))

    unknown = told(await customer.pay(body, key="the-key"), 202)
    database.watch = None

    assert await customer.payments() == [unknown["id"]]
    assert told(await customer.pay_until_told(body, "the-key"))["id"] == unknown["id"]
    await customer.until(unknown["id"], "SUCCEEDED")
    await customer.charged_once(unknown["id"])
    await customer.story(unknown["id"])


def _arm(service: Service, gateway: str, call: bytes, then: Callable[[], None]) -> None:
    """`then`, as soon as the gateway's answer has passed."""
    service.wires[gateway].watch = when_answered(call, then, passes=True)


async def _warm_up(service: Service) -> None:
    """So that the next push needs no access token first."""
    customer = service.customer()
    payment = told(await customer.pay(customer.by_phone()))
    await customer.until(payment["id"], "SUCCEEDED")


async def _pay_into_a_crash(customer: Customer, body: Body) -> None:
    with pytest.raises(httpx.TransportError):
        await customer.pay(body, key="the-key")

    async def is_dead() -> bool:
        return not customer.service.runs(API)

    await eventually(is_dead)
