"""Money through M-Pesa: a prompt, a PIN, a receipt; and what happens when one of them goes wrong."""

import pytest

from tests.e2e.customers import Customer, problem, told
from tests.e2e.eventually import eventually
from tests.e2e.running import Service

pytestmark = pytest.mark.xdist_group("service")


async def test_a_paid_prompt_succeeds_within_five_seconds(service: Service) -> None:
    """
    201 at once: the customer has to act. Then SUCCEEDED, with M-Pesa's receipt; one prompt, one payment.
    """
    customer = service.customer()

    payment = told(await customer.pay(customer.by_phone()))

    assert (payment["status"], payment["next_action"]["type"]) == ("REQUIRES_ACTION", "confirm_on_phone")
    paid = await customer.until_receipt(payment["id"], within=5)
    (movement,) = await service.daraja.payments(customer.phone)
    assert (paid["receipt"], paid["amount_captured"]) == (movement["receipt"], 1000)
    assert movement["amount"] == 10
    await customer.asked_once(payment["id"])
    await customer.story(payment["id"])


async def test_the_customer_s_phone_and_the_prompt_s_name_are_in_no_history(service: Service) -> None:
    """
    A story is kept for years: it tells what happened, and not to whom.
    """
    customer = service.customer()
    payment = told(await customer.pay(customer.by_phone()))
    await customer.until(payment["id"], "SUCCEEDED")
    (prompt,) = await service.daraja.prompts(customer.phone)

    story = str(await customer.story(payment["id"]))

    assert customer.phone[-9:] not in story
    assert prompt["checkout_request_id"] not in story


@pytest.mark.parametrize("does", ["0404", "0500", "0998", "0999", "0996", "4999"])
async def test_whatever_the_gateway_does_a_paid_prompt_succeeds(service: Service, does: str) -> None:
    """
    No callback (0404), a 500 for a prompt that went out (0500), a callback before the answer (0998), the same one
    three times (0999), "unreachable" before the payment (0996), a customer who takes long (4999).
    """
    customer = service.customer(does=does)

    answer = await customer.pay(customer.by_phone(), key="the-key")

    assert answer.status_code in {201, 202}, answer.text
    payment = answer.json()["data"]
    await customer.until(payment["id"], "SUCCEEDED")
    await customer.asked_once(payment["id"])
    story = await customer.story(payment["id"])
    became = [entry["status"] for entry in story if entry["status"] != entry["was"]]
    assert became.count("SUCCEEDED") == 1
    assert (became[-1], story[-1]["amount_captured"]) == ("SUCCEEDED", 1000)


async def test_a_push_whose_answer_never_comes_is_unknown_then_paid(service: Service) -> None:
    """
    202 and UNKNOWN, never FAILED; the callback brings the prompt's name, a query the truth; nobody is asked again.
    """
    customer = service.customer(does="0408")
    body = customer.by_phone()

    unknown = told(await customer.pay(body, key="lost"), 202)
    assert unknown["status"] in {"UNKNOWN", "PROCESSING"}
    paid = await customer.until(unknown["id"], "SUCCEEDED")
    answer = told(await customer.pay_until_told(body, "lost"))

    assert paid["receipt"] is not None
    assert answer["id"] == unknown["id"]
    await customer.asked_once(unknown["id"])
    await customer.story(unknown["id"])


async def test_three_callbacks_have_one_effect(service: Service) -> None:
    """
    The second and the third are acknowledged, and change neither payment nor story.
    """
    customer = service.customer(does="0999")
    payment = told(await customer.pay(customer.by_phone()))
    await customer.until_receipt(payment["id"])
    before = await customer.story(payment["id"])

    async def all_three() -> bool:
        return len(await service.daraja.callbacks(customer.phone)) == 3

    await eventually(all_three)
    await service.nothing_waits()

    assert await customer.story(payment["id"]) == before
    assert {one["status"] for one in await service.daraja.callbacks(customer.phone)} == {200}


async def test_another_amount_goes_to_a_person(service: Service) -> None:
    """
    A callback that claims other money than was asked for contradicts us: REVIEW, whatever a query says.
    """
    customer = service.customer(does="0997")

    payment = told(await customer.pay(customer.by_phone()))

    await customer.until(payment["id"], "REVIEW")
    await customer.asked_once(payment["id"])
    await customer.story(payment["id"])


@pytest.mark.parametrize(
    ("does", "status", "reason"),
    [
        ("0001", "FAILED", "insufficient_funds"),
        ("1032", "CANCELLED", "cancelled_by_payer"),
        ("2001", "FAILED", "wrong_pin"),
    ],
)
async def test_a_prompt_that_took_no_money_says_why(service: Service, does: str, status: str, reason: str) -> None:
    """
    A definite no closes the payment, with a reason a shop can act on; the phone is free again.
    """
    customer = service.customer(does=does)

    payment = told(await customer.pay(customer.by_phone()))

    assert (await customer.until(payment["id"], status))["reason"] == reason
    await customer.asked_once(payment["id"], paid=False)
    await customer.story(payment["id"])
    again = told(await customer.pay(customer.by_phone()))
    await customer.until(again["id"], status)


async def test_unreachable_closes_nothing_by_itself(service: Service) -> None:
    """
    1037 was seen before successes: the payment stays open until a query a minute later agrees.
    """
    customer = service.customer(does="1037")
    payment = told(await customer.pay(customer.by_phone()))

    async def is_told() -> bool:
        return any(piece.get("verify_first") for piece in await _evidence(customer, payment["id"]))

    await eventually(is_told)

    assert (await customer.look(payment["id"]))["status"] == "REQUIRES_ACTION"
    await customer.asked_once(payment["id"], paid=False)


async def test_a_throttled_push_asks_nobody_and_occupies_no_key(service: Service) -> None:
    """
    Spike arrest: surely nothing was sent. 503 with Retry-After; the key may be used again, even with another body.
    """
    customer = service.customer(does="0003")

    answer = await customer.pay(customer.by_phone(), key="throttled")

    problem(answer, 503, "gateway-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert await service.daraja.prompts(customer.phone) == []
    (payment_id,) = await customer.payments()
    kept = await customer.look(payment_id)
    assert (kept["status"], kept["reason"]) == ("FAILED", "gateway-unavailable")
    told(await customer.pay(customer.by_card(), key="throttled"))
    await customer.story(payment_id)


async def test_a_phone_is_asked_by_one_prompt_at_a_time(service: Service) -> None:
    """
    While one prompt lives, another payment by that phone is refused, whoever asks; its key is not occupied.
    """
    customer = service.customer(does="1019")
    first = told(await customer.pay(customer.by_phone()))

    refused = await customer.pay(customer.by_phone(order_id="order_2"), key="busy")

    problem(refused, 409, "phone-busy")
    assert int(refused.headers["retry-after"]) > 0
    await customer.asked_once(first["id"], paid=False)
    told(await customer.pay(customer.by_card(order_id="order_2"), key="busy"))


async def _evidence(customer: Customer, payment_id: str) -> list[dict[str, object]]:
    return [piece for entry in await customer.story(payment_id) for piece in entry["evidence"]]
