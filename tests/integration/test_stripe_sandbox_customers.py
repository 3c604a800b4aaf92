"""The Stripe stand-in against the fact sheet: customers, and the cards they leave for the next time."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe as sdk

from tests.integration.sandbox_fixtures import KEY, MODULE, Caller
from tests.sandboxes import Sandbox, running


@pytest.fixture(scope="module")
async def stripe(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Caller]:
    with running(MODULE, "--ledger", str(tmp_path_factory.mktemp("stripe") / "ledger.jsonl")) as url:
        async with Caller.to(url) as caller:
            yield caller


async def a_method(stripe: Caller, token: str = "tok_visa") -> Any:
    return (await stripe.post("payment_methods", {"type": "card", "card[token]": token})).json()


async def attached(stripe: Caller, customer: str, method: str = "pm_card_visa", key: str | None = None) -> Any:
    answer = await stripe.post(f"payment_methods/{method}/attach", {"customer": customer}, key)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refusal(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    message: str = answer.json()["error"]["message"]
    return message


async def test_a_saved_card_pays_again_and_again_without_its_customer(stripe: Caller) -> None:
    """
    Attached to a customer it is good for any number of intents, also with nobody there to authenticate.
    """
    customer = await stripe.customer()
    method = await attached(stripe, customer, (await a_method(stripe))["id"])

    for _ in range(3):
        intent = await stripe.paid(customer=customer, payment_method=method["id"], off_session="true")
        assert (intent["status"], intent["customer"], intent["payment_method"]) == (
            "succeeded",
            customer,
            method["id"],
        )
    assert (await stripe.get(f"payment_methods/{method['id']}"))["customer"] == customer


async def test_a_test_value_that_is_attached_becomes_a_method(stripe: Caller) -> None:
    """
    `pm_card_visa` itself belongs to nobody: the answer names the new one, and a repeat under the key the same.
    """
    customer = await stripe.customer()

    first = await attached(stripe, customer, key=f"{customer}:attach")
    again = await attached(stripe, customer, key=f"{customer}:attach")

    assert first["id"].startswith("pm_3")
    assert again == first
    listed = (await stripe.get(f"customers/{customer}/payment_methods"))["data"]
    assert listed == [first]


@pytest.mark.parametrize("token", ["tok_visa", "tok_mastercard", "tok_applePay"])
async def test_the_same_card_has_the_same_fingerprint(stripe: Caller, token: str) -> None:
    """
    However often it is given: that is how it is recognised. Another card has another one.
    """
    cards = [(await a_method(stripe, token))["card"] for _ in range(2)]
    other = (await a_method(stripe, "tok_amex"))["card"]

    assert cards[0]["fingerprint"] == cards[1]["fingerprint"]
    assert other["fingerprint"] != cards[0]["fingerprint"]


async def test_nobody_pays_with_the_card_of_another(stripe: Caller) -> None:
    """
    Refused in a payment and in an attachment; its owner keeps it.
    """
    owner, other = await stripe.customer(), await stripe.customer()
    method = (await attached(stripe, owner))["id"]

    paying = refusal(await stripe.pay(customer=other, payment_method=method))
    saving = refusal(await stripe.post(f"payment_methods/{method}/attach", {"customer": other}))

    assert "does not belong to the Customer" in paying
    assert "already been attached" in saving
    await stripe.paid(customer=owner, payment_method=method)


async def test_a_detached_card_is_gone_for_its_owner_too(stripe: Caller) -> None:
    """
    It pays nothing any more, cannot be attached or detached again, and can still be looked at.
    """
    customer = await stripe.customer()
    method = (await attached(stripe, customer))["id"]

    gone = (await stripe.post(f"payment_methods/{method}/detach")).json()

    assert gone["customer"] is None
    assert "may not be used again" in refusal(await stripe.pay(payment_method=method))
    assert "may not be used again" in refusal(
        await stripe.post(f"payment_methods/{method}/attach", {"customer": customer})
    )
    assert "not attached" in refusal(await stripe.post(f"payment_methods/{method}/detach"))
    assert await stripe.get(f"payment_methods/{method}") == gone


async def test_coming_and_going_are_told(stripe: Caller) -> None:
    """
    payment_method.attached and payment_method.detached, with the method as it then was.
    """
    customer = await stripe.customer()
    method = await attached(stripe, customer)
    gone = (await stripe.post(f"payment_methods/{method['id']}/detach")).json()

    detached, came = (await stripe.get("events", type="payment_method.*", limit=2))["data"]

    assert (came["type"], came["data"]["object"]) == ("payment_method.attached", method)
    assert (detached["type"], detached["data"]["object"]) == ("payment_method.detached", gone)


async def test_a_card_may_be_good_to_keep_and_bad_to_charge(stripe: Caller) -> None:
    """
    chargeCustomerFail attaches and every payment with it is declined.
    """
    customer = await stripe.customer()
    method = (await attached(stripe, customer, "pm_card_chargeCustomerFail"))["id"]

    for _ in range(2):
        declined = await stripe.pay(customer=customer, payment_method=method)
        assert (declined.status_code, declined.json()["error"]["code"]) == (402, "card_declined")


async def test_customers_and_methods_that_do_not_exist(stripe: Caller) -> None:
    """
    404 where the path names them, 400 where a parameter does.
    """
    answers = [
        await stripe.http.get("/v1/customers/cus_none/payment_methods"),
        await stripe.post("payment_methods/pm_none/attach", {"customer": await stripe.customer()}),
        await stripe.post("payment_methods/pm_none/detach"),
        await stripe.post("payment_methods/pm_card_visa/attach", {"customer": "cus_none"}),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 400]
    assert {answer.json()["error"]["code"] for answer in answers} == {"resource_missing"}


async def test_what_belongs_to_whom_survives_a_crash(tmp_path: Path) -> None:
    """
    After kill -9 the saved card pays, and the detached one does not.
    """
    ledger = str(tmp_path / "ledger.jsonl")
    sandbox = Sandbox.start(MODULE, "--ledger", ledger)
    async with Caller.to(sandbox.url) as stripe:
        customer = await stripe.customer()
        kept, gone = [(await attached(stripe, customer))["id"] for _ in range(2)]
        await stripe.post(f"payment_methods/{gone}/detach")
    sandbox.kill()

    with running(MODULE, "--ledger", ledger) as url:
        async with Caller.to(url) as stripe:
            await stripe.paid(customer=customer, payment_method=kept)
            refusal(await stripe.pay(payment_method=gone))


# Its HTTPX client still hands httpx a body the old way.
@pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw:DeprecationWarning")
async def test_the_sdk_saves_uses_and_removes_a_card(stripe: Caller) -> None:
    """
    stripe-python's own calls, from the customer to the detached method.
    """
    http: Any = sdk.HTTPXClient(timeout=10)
    client: Any = sdk.StripeClient(
        KEY, http_client=http, base_addresses={"api": str(stripe.http.base_url).rstrip("/")}, max_network_retries=0
    )
    customer = await client.v1.customers.create_async({"metadata": {"user_id": "u1"}})
    made = await client.v1.payment_methods.create_async({"type": "card", "card": {"token": "tok_visa"}})
    saved = await client.v1.payment_methods.attach_async(made.id, {"customer": customer.id})
    listed = await client.v1.customers.payment_methods.list_async(customer.id)
    gone = await client.v1.payment_methods.detach_async(made.id)
    await http.close_async()

    assert (saved.customer, saved.card.last4) == (customer.id, "4242")
    assert [one.id for one in listed.data] == [made.id]
    assert gone.customer is None
