"""What customers save, pay with again and remove: through two APIs, and by Stripe's own books."""

import asyncio
from typing import Any

import httpx
import pytest

from adapters.postgres.connection import connected
from tests.e2e.customers import Body, Customer, problem, told
from tests.e2e.eventually import eventually
from tests.e2e.running import Service

pytestmark = pytest.mark.xdist_group("service")

A_CARD_NUMBER = "4242424242424242"


def by(method: Body, **facts: Any) -> Body:
    """A payment with a saved method, for an order of its own."""
    return {"paymentMethod": None, "paymentMethodId": method["id"], **facts}


async def attached(customer: Customer, count: int) -> None:
    """So many methods belong to this user at Stripe, as soon as everything else is detached."""

    async def so_many() -> bool:
        return len(await customer.service.stripe.attached(customer.id)) == count

    await eventually(so_many)


async def test_a_saved_card_pays_twice(service: Service) -> None:
    """
    One customer, one method at Stripe; two payments with it, each charged once.
    """
    customer = service.customer()

    saved = told(await customer.save_card(await service.stripe.a_token()))

    assert (saved["brand"], saved["last4"], saved["exp_year"], saved["is_default"]) == ("VISA", "4242", 2034, True)
    assert await customer.methods() == [saved]
    for order in ("order_1", "order_2"):
        payment = told(await customer.pay(customer.by_card(**by(saved, order_id=order))))
        assert payment["status"] == "SUCCEEDED"
        assert payment["paymentMethod"] == {"type": "CARD", "brand": "VISA", "last4": "4242"}
        await customer.story(payment["id"])
    assert len(await service.stripe.charges(customer.id)) == 2
    assert len(await service.stripe.customers(customer.id)) == 1
    await attached(customer, 1)


async def test_a_saved_phone_pays(service: Service) -> None:
    """
    The prompt goes to the number that was saved, in whichever spelling.
    """
    customer = service.customer()
    saved = told(await customer.save({"type": "MPESA", "phoneNumber": f"0{customer.phone[3:]}"}))
    assert saved["phoneNumber"] == customer.phone

    payment = told(await customer.pay(customer.by_phone(**by(saved))))

    await customer.until(payment["id"], "SUCCEEDED")
    await customer.asked_once(payment["id"])
    again = await customer.pay(customer.by_phone())
    assert problem(again, 409, "duplicate-payment")["payment_id"] == payment["id"]


@pytest.mark.parametrize("single_use", [True, False], ids=["tokens of their own", "the same token"])
async def test_the_same_card_saved_by_twenty_at_once_is_one_method(service: Service, single_use: bool) -> None:
    """
    From two APIs: every answer is 201 with the same method, and Stripe holds it once.
    """
    customer = service.customer()
    tokens = [await service.stripe.a_token() if single_use else "tok_visa" for _ in range(20)]

    answers = await asyncio.gather(*(customer.save_card(token) for token in tokens))

    assert len({told(answer)["id"] for answer in answers}) == 1
    assert [one["id"] for one in await customer.methods()] == [told(answers[0])["id"]]
    assert len(await service.stripe.customers(customer.id)) == 1
    await attached(customer, 1)
    payment = told(await customer.pay(customer.by_card(**by(told(answers[0])))))
    assert payment["status"] == "SUCCEEDED"


async def test_the_same_method_of_stripe_saved_by_twenty_at_once_is_one(service: Service) -> None:
    """
    `pm_…` from Stripe's form, instead of a token.
    """
    customer = service.customer()

    answers = await asyncio.gather(*(customer.save_card("pm_card_visa") for _ in range(20)))

    assert len({told(answer)["id"] for answer in answers}) == 1
    await attached(customer, 1)


async def test_twins_with_one_key_get_one_answer(service: Service) -> None:
    """
    201 and 409 while the first runs, then the same bytes; another body is refused, a refused one used no key.
    """
    customer = service.customer()
    body = {"type": "CARD", "token": await service.stripe.a_token()}
    problem(await customer.save({"type": "CARD", "token": "tok_nobody"}, key="mine"), 422, "invalid-request")

    answers = await asyncio.gather(*(customer.save(body, key="mine") for _ in range(20)))

    later = await customer.save(body, key="mine")
    assert later.headers["idempotent-replayed"] == "true"
    for answer in answers:
        if answer.status_code == 201:
            assert answer.content == later.content
        else:
            problem(answer, 409, "idempotency-key-in-use")
    problem(await customer.save({**body, "is_default": True}, key="mine"), 422, "idempotency-key-reused")
    await attached(customer, 1)


async def test_of_many_new_defaults_one_is_the_default(service: Service) -> None:
    """
    Cards and phones that all claim to be it, from two APIs.
    """
    customer = service.customer()
    tokens = ("tok_visa", "tok_mastercard", "tok_amex", "tok_discover", "tok_jcb")
    phones = [f"2547999990{n:02d}" for n in range(5)]

    answers = await asyncio.gather(
        *(customer.save_card(token, is_default=True) for token in tokens * 2),
        *(customer.save({"type": "MPESA", "phoneNumber": phone, "is_default": True}) for phone in phones * 2),
    )

    listed = await customer.methods()
    assert {told(answer)["id"] for answer in answers} == {one["id"] for one in listed}
    assert [one["is_default"] for one in listed] == [True] + [False] * 9
    last = told(await customer.save_card("tok_jcb", is_default=True))
    assert [one["id"] for one in await customer.methods() if one["is_default"]] == [last["id"]]


async def test_a_removed_card_pays_no_more_and_is_detached(service: Service) -> None:
    """
    204 and then 404; the next payment with it is refused; what it has paid for is told as before.
    """
    customer = service.customer()
    saved = told(await customer.save_card())
    body = customer.by_card(**by(saved))
    paid = await customer.pay(body, key="paid")

    assert (await customer.remove(saved["id"])).status_code == 204

    problem(await customer.remove(saved["id"]), 404, "not-found")
    assert await customer.methods() == []
    again = await customer.pay(body, key="paid")
    assert (again.status_code, again.content) == (201, paid.content)
    refused = problem(await customer.pay(customer.by_card(**by(saved, order_id="order_2"))), 422, "invalid-request")
    assert [fault["field"] for fault in refused["errors"]] == ["paymentMethodId"]
    await attached(customer, 0)
    anew = told(await customer.save_card())
    assert anew["id"] != saved["id"]
    assert told(await customer.pay(customer.by_card(**by(anew, order_id="order_3"))))["status"] == "SUCCEEDED"


async def test_removing_while_paying_ends_in_a_definite_answer(service: Service) -> None:
    """
    Each payment is SUCCEEDED and charged once, or refused and not charged; never in between.
    """
    customer = service.customer()
    saved = told(await customer.save_card())
    bodies = [customer.by_card(**by(saved, order_id=f"order_{n}")) for n in range(10)]

    *answers, removed = await asyncio.gather(
        *(customer.pay(body) for body in bodies), _a_little_later(customer.remove(saved["id"]))
    )

    assert removed.status_code == 204
    assert {answer.status_code for answer in answers} <= {201, 402, 422}
    succeeded = {told(answer)["id"] for answer in answers if answer.status_code == 201}
    for answer in answers:
        if answer.status_code == 402:
            assert told(answer, 402)["reason"] == "invalid_method"
    charges = await service.stripe.charges(customer.id)
    assert sorted(charge["metadata"]["payment_id"] for charge in charges) == sorted(succeeded)
    await attached(customer, 0)


async def _a_little_later(request: Any) -> httpx.Response:
    await asyncio.sleep(0.02)
    answer: httpx.Response = await request
    return answer


async def test_a_saved_card_may_be_declined(service: Service) -> None:
    """
    402 with the FAILED payment, as any card; the method stays.
    """
    customer = service.customer()
    saved = told(await customer.save_card("tok_chargeCustomerFail"))

    answer = await customer.pay(customer.by_card(**by(saved)))

    problem(answer, 402, "payment-declined")
    assert told(answer, 402)["reason"] == "declined"
    assert await customer.methods() == [saved]
    assert await service.stripe.charges(customer.id) == []


async def test_a_card_whose_bank_does_not_want_it_is_not_saved(service: Service) -> None:
    """
    402 method-declined with the reason, and again under the same key; nothing is attached.
    """
    customer = service.customer()
    body = {"type": "CARD", "token": await service.stripe.a_token("tok_chargeDeclinedInsufficientFunds")}

    first, again = await customer.save(body, key="declined"), await customer.save(body, key="declined")

    assert problem(first, 402, "method-declined")["reason"] == "insufficient_funds"
    assert again.content == first.content
    assert await customer.methods() == []
    await attached(customer, 0)


async def test_what_is_anothers_pays_for_nobody_else(service: Service) -> None:
    """
    Not listed, not removed, not used to pay: not by its id, and not by Stripe's name for it.
    """
    owner, stranger = service.customer(), service.customer()
    saved = told(await owner.save_card())
    (name,) = await service.stripe.attached(owner.id)

    refused = problem(await stranger.pay(stranger.by_card(**by(saved))), 422, "invalid-request")
    assert [fault["field"] for fault in refused["errors"]] == ["paymentMethodId"]
    problem(await stranger.remove(saved["id"]), 404, "not-found")
    problem(await stranger.save_card(name), 422, "invalid-request")
    problem(await stranger.pay(stranger.by_card(name)), 402, "payment-declined")

    url = f"{service.api()}/payments/methods/{owner.id}"
    answer = await service.http.get(url, headers={"Authorization": f"Bearer {stranger.token}"})
    problem(answer, 403, "forbidden")
    assert await owner.methods() == [saved]
    await attached(owner, 1)
    assert await service.stripe.charges(stranger.id) == await service.stripe.charges(owner.id) == []


async def test_a_lost_answer_is_told_and_the_same_request_saves_it_once(service: Service) -> None:
    """
    503 with Retry-After wherever it was lost, and no key is occupied: the repeat goes on, single-use token or not.
    """
    for path in ("/v1/customers", "/v1/payment_methods", "/v1/payment_methods/pm_"):
        customer = service.customer()
        body = {"type": "CARD", "token": await service.stripe.a_token()}
        await service.stripe.behave(drop_answer=1, only_path=path)

        lost = await customer.save(body, key="lost")

        problem(lost, 503, "outcome-unknown")
        assert int(lost.headers["retry-after"]) > 0
        saved = told(await customer.save(body, key="lost"))
        assert await customer.methods() == [saved]
        assert len(await service.stripe.customers(customer.id)) == 1
        await attached(customer, 1)


async def test_what_was_attached_and_never_kept_is_detached(service: Service) -> None:
    """
    The answer is lost, and the customer does not come back: the worker takes it off.
    """
    customer = service.customer()
    await service.stripe.behave(drop_answer=1, only_path="/v1/payment_methods/pm_")

    problem(await customer.save_card(await service.stripe.a_token()), 503, "outcome-unknown")

    assert len(await service.stripe.attached(customer.id)) == 1
    await attached(customer, 0)
    assert await customer.methods() == []


async def test_a_detaching_that_failed_is_done_again(service: Service) -> None:
    """
    Stripe is in trouble when the worker comes: it comes again.
    """
    customer = service.customer()
    saved = told(await customer.save_card())
    (name,) = await service.stripe.attached(customer.id)
    await service.stripe.behave(fail_next=1, only_path=f"/v1/payment_methods/{name}/detach")

    await customer.remove(saved["id"])

    await attached(customer, 0)


async def test_a_card_number_is_refused_in_every_field_and_kept_nowhere(service: Service) -> None:
    """
    422 that does not repeat it; no table and no log has it.
    """
    customer = service.customer()
    card = {"type": "CARD", "token": "tok_visa"}
    bodies = [card | {field: A_CARD_NUMBER} for field in ("token", "type", "user_id", "is_default", "number")]
    bodies += [card | {"token": int(A_CARD_NUMBER)}, {"type": "MPESA", "phoneNumber": A_CARD_NUMBER}]
    bodies += [customer.by_card(**by({"id": A_CARD_NUMBER})), card | {A_CARD_NUMBER: 1}]

    for body in bodies:
        answer = await customer.save(body)
        assert answer.status_code == 422
        assert A_CARD_NUMBER not in answer.text
    problem(await customer.save(card, key=A_CARD_NUMBER), 400, "invalid-idempotency-key")
    problem(await customer.remove(A_CARD_NUMBER), 400, "malformed-id")
    refused = await customer.pay(customer.by_card(**by({"id": A_CARD_NUMBER})))
    assert A_CARD_NUMBER not in problem(refused, 422, "invalid-request")["errors"][0].values()

    async with connected(service.database.owner_dsn) as owner:
        for (table,) in await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            rows = str(await owner.fetch(f'SELECT t::text FROM "{table}" AS t'))  # noqa: S608 - our own tables
            assert A_CARD_NUMBER not in rows
            assert A_CARD_NUMBER.encode().hex() not in rows
    for name in service.plan.programs:
        if not name.startswith(("stripe", "daraja")):
            assert A_CARD_NUMBER not in service._programs[name].log.read_text(errors="replace")


async def test_the_types_that_are_configured_are_told(service: Service) -> None:
    """
    What it says is what it takes: the least amount is taken, one step less is not.
    """
    customer = service.customer()
    answer = await customer._get("/payment/types")
    types = {kind["type"]: kind for kind in answer["data"]}
    assert set(types) == {"CARD", "WALLET", "BANK_TRANSFER", "MPESA"}
    (usd,) = (one for one in types["CARD"]["currencies"] if one["currency"] == "USD")
    (kes,) = types["MPESA"]["currencies"]

    least = customer.by_card(amount=usd["min_amount"])
    assert told(await customer.pay(least))["status"] == "SUCCEEDED"
    problem(await customer.pay(customer.by_card(amount=usd["min_amount"] - 1)), 422, "invalid-request")
    problem(
        await customer.pay(customer.by_phone(amount=kes["max_amount"] + kes["multiple_of"])), 422, "invalid-request"
    )
