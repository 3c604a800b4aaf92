"""Answers that never came, and webhooks that never came: the truth is found all the same, and nothing is done twice."""

import pytest

from tests.e2e.customers import told
from tests.e2e.running import Service

pytestmark = pytest.mark.xdist_group("service")


async def test_a_lost_answer_is_unknown_and_the_worker_finds_the_charge(service: Service) -> None:
    """
    The charge was made, the connection died: 202 UNKNOWN. Without any webhook it ends SUCCEEDED, charged once.
    """
    customer = service.customer()
    body = customer.by_card()
    await service.stripe.behave(hold_webhooks=True, drop_answer=1)

    unknown = told(await customer.pay(body, key="lost"), 202)

    assert unknown["status"] == "UNKNOWN"
    assert len(await service.stripe.charges(customer.id)) == 1
    await customer.until(unknown["id"], "SUCCEEDED")
    assert told(await customer.pay_until_told(body, "lost"))["id"] == unknown["id"]
    await customer.charged_once(unknown["id"])
    await customer.story(unknown["id"])


async def test_a_request_that_never_arrived_is_sent_again_under_its_own_key(service: Service) -> None:
    """
    Dropped before Stripe did anything: nobody can tell from here, so it is UNKNOWN; the worker sends it, once.
    """
    customer = service.customer()
    await service.stripe.behave(hold_webhooks=True, drop_before=1)

    unknown = told(await customer.pay(customer.by_card()), 202)

    await customer.until(unknown["id"], "SUCCEEDED")
    await customer.charged_once(unknown["id"])
    await customer.story(unknown["id"])


async def test_an_answer_that_takes_too_long_is_unknown_then_found(service: Service) -> None:
    """
    Slower than our time-out: 202, not 500, and the charge that was made after we had gone is found.
    """
    customer = service.customer()
    slow = {"latency_ms": 4000, "only_path": "/v1/payment_intents", "only_method": "POST"}
    await service.stripe.behave(hold_webhooks=True, **slow)

    unknown = told(await customer.pay(customer.by_card()), 202)
    await service.stripe.behave(latency_ms=0)

    assert unknown["status"] == "UNKNOWN"
    await customer.until(unknown["id"], "SUCCEEDED")
    await customer.charged_once(unknown["id"])
    await customer.story(unknown["id"])


async def test_a_webhook_that_is_faster_than_the_answer_is_not_waited_behind(service: Service) -> None:
    """
    The event is applied while our call still waits; who asked is told what is true by then, though the answer is lost.
    """
    customer = service.customer()
    await service.stripe.behave(latency_ms=4000, only_path="/v1/payment_intents", only_method="POST")

    payment = told(await customer.pay(customer.by_card()))

    assert payment["status"] == "SUCCEEDED"
    await customer.charged_once(payment["id"])
    await customer.story(payment["id"])


async def test_a_saved_500_is_not_believed(service: Service) -> None:
    """
    Stripe made the charge, answered 500, and says 500 to that key for a day: a webhook or a look finds the charge.
    """
    customer = service.customer()
    await service.stripe.behave(fail_after=1)

    answer = await customer.pay(customer.by_card(), key="saved")

    assert answer.status_code in {201, 202}, answer.text
    payment = answer.json()["data"]
    await customer.until(payment["id"], "SUCCEEDED")
    await customer.charged_once(payment["id"])
    await customer.story(payment["id"])


async def test_an_outage_that_did_nothing_is_followed_by_one_charge(service: Service) -> None:
    """
    503 from Stripe before it did anything: UNKNOWN to us; when it is back, the payment is made, once.
    """
    customer = service.customer()
    await service.stripe.behave(fail_next=2, fail_status=503)

    answer = await customer.pay(customer.by_card())

    assert answer.status_code == 202, answer.text
    payment = answer.json()["data"]
    await customer.until(payment["id"], "SUCCEEDED")
    await customer.charged_once(payment["id"])


@pytest.mark.parametrize("outcome", ["succeed", "fail"])
async def test_without_webhooks_the_worker_finds_how_a_charge_was_settled(service: Service, outcome: str) -> None:
    """
    A charge that was PROCESSING when we asked ends as Stripe says when it is asked again.
    """
    customer = service.customer()
    await service.stripe.behave(hold_webhooks=True)
    payment = told(await customer.pay(customer.by_card("tok_processing")))
    assert payment["status"] == "PROCESSING"

    await service.stripe.play("settle", (await service.stripe.intent(customer.id))["id"], outcome=outcome)

    await customer.until(payment["id"], "SUCCEEDED" if outcome == "succeed" else "FAILED")
    assert len(await service.stripe.charges(customer.id)) == (outcome == "succeed")
    await customer.story(payment["id"])


async def test_without_webhooks_an_authenticated_card_is_found_paid(service: Service) -> None:
    """
    3-D Secure, and no event ever: the worker looks, and sees the money.
    """
    customer = service.customer()
    await service.stripe.behave(hold_webhooks=True)
    payment = told(await customer.pay(customer.by_card("tok_threeDSecureRequired")))

    await service.stripe.play("authenticate", (await service.stripe.intent(customer.id))["id"])

    await customer.until(payment["id"], "SUCCEEDED")
    await customer.charged_once(payment["id"])
    await customer.story(payment["id"])


async def test_an_expired_access_token_costs_no_payment(service: Service) -> None:
    """
    Daraja forgets its token: the push is refused, surely undone, and sent once with a new one.
    """
    customer = service.customer()
    told(await customer.pay(customer.by_phone(order_id="before")))
    await service.daraja.behave(invalidate_token=True)
    other = service.customer()

    payment = told(await other.pay(other.by_phone()))

    await other.until(payment["id"], "SUCCEEDED")
    await other.asked_once(payment["id"])
