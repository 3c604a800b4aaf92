"""Money back through M-Pesa: a whole payment reversed, a part paid out; never more, whatever is lost on the way."""

from typing import Any

import httpx
import pytest

from tests.e2e.customers import Customer, told
from tests.e2e.eventually import eventually
from tests.e2e.running import Service

pytestmark = pytest.mark.xdist_group("service")

#: Of a payment of ten shillings, in cents. B2C moves no less than ten, so the payments here are larger.
PAID = 15_000
WHOLE, PART = PAID, 5_000


async def a_paid(customer: Customer) -> dict[str, Any]:
    payment = told(await customer.pay(customer.by_phone(amount=PAID)))
    return await customer.until_receipt(payment["id"])


async def ask(customer: Customer, payment: dict[str, Any], amount: int) -> httpx.Response:
    return await customer.service.http.post(
        f"{customer.service.api()}/refunds",
        json={"payment_id": payment["id"], "amount": amount},
        headers={"Authorization": f"Bearer {customer.token}"},
    )


async def until(customer: Customer, refund_id: str, status: str) -> dict[str, Any]:
    async def reached() -> dict[str, Any] | None:
        answer = await customer.service.http.get(
            f"{customer.service.api()}/refunds/{refund_id}", headers={"Authorization": f"Bearer {customer.token}"}
        )
        refund: dict[str, Any] = answer.raise_for_status().json()["data"]
        return refund if refund["status"] == status else None

    refund = await eventually(reached)
    assert refund is not None
    return refund


async def moved(customer: Customer) -> list[int]:
    """Shillings that went back to this phone, by M-Pesa's own books."""
    ledger = await customer.service.daraja.ledger()
    rows = [*ledger["reversals"], *ledger["b2c"]]
    return [row["amount"] for row in rows if row["phone"] == customer.phone and row["result_code"] == "0"]


@pytest.mark.parametrize(("amount", "channel"), [(WHOLE, "reversal"), (PART, "b2c")])
async def test_money_goes_back_to_the_phone(service: Service, amount: int, channel: str) -> None:
    """
    201 and PROCESSING, then SUCCEEDED with a receipt; the payment says how much has gone.
    """
    customer = service.customer()
    payment = await a_paid(customer)

    refund = told(await ask(customer, payment, amount))
    assert (refund["status"], refund["channel"]) == ("PROCESSING", channel)
    refund = await until(customer, refund["id"], "SUCCEEDED")

    after = await customer.look(payment["id"])
    assert (after["status"], after["amount_refunded"]) == ("SUCCEEDED", amount)
    assert refund["receipt"] is not None
    assert await moved(customer) == [amount // 100]
    await customer.story(payment["id"])


@pytest.mark.parametrize("amount", [WHOLE, PART])
@pytest.mark.parametrize(
    "mischief",
    [
        {"drop_answer": 1, "only_path": "/mpesa/"},
        {"drop_answer": 1, "only_path": "/mpesa/", "refund_silences": 1},
        {"refund_results_first": 1},
        {"refund_silences": 1},
        {"refund_timeouts": 1},
        {"deliver_twice": True},
    ],
    ids=["answer lost", "answer and result lost", "result first", "result lost", "queue", "result twice"],
)
async def test_whatever_is_lost_the_money_goes_back_once(
    service: Service, amount: int, mischief: dict[str, Any]
) -> None:
    """
    Sent again, it is already reversed, or its name is taken; asked, M-Pesa's books know it.
    """
    customer = service.customer()
    payment = await a_paid(customer)
    await service.nothing_waits()
    money = {"only_path": "/mpesa/reversal/" if amount == WHOLE else "/mpesa/b2c/"} if "only_path" in mischief else {}
    await service.daraja.behave(**mischief | money)

    refund = (await ask(customer, payment, amount)).json()["data"]
    refund = await until(customer, refund["id"], "SUCCEEDED")

    assert (await customer.look(payment["id"]))["amount_refunded"] == amount
    assert await moved(customer) == [amount // 100]
    await customer.story(payment["id"])


@pytest.mark.parametrize("amount", [WHOLE, PART])
async def test_what_m_pesa_declines_is_free_again(service: Service, amount: int) -> None:
    """
    Our account is empty: FAILED, and the next try may take the same money.
    """
    customer = service.customer()
    payment = await a_paid(customer)
    await service.daraja.behave(refund_code="1")

    refund = await until(customer, told(await ask(customer, payment, amount))["id"], "FAILED")

    assert refund["failure"] == "insufficient_funds"
    assert (await customer.look(payment["id"]))["amount_refundable"] == PAID
    assert await moved(customer) == []
    again = told(await ask(customer, payment, amount))
    await until(customer, again["id"], "SUCCEEDED")


async def test_what_was_reversed_on_the_portal_goes_to_a_person(service: Service) -> None:
    """
    Nothing of ours did it: REVIEW, and its amount stays reserved.
    """
    customer = service.customer()
    payment = await a_paid(customer)
    (await service.http.post(f"{service.daraja.url}/_reverse/{payment['receipt']}")).raise_for_status()

    refund = told(await ask(customer, payment, WHOLE))

    await until(customer, refund["id"], "REVIEW")
    assert (await customer.look(payment["id"]))["amount_refundable"] == 0
    assert await moved(customer) == [WHOLE // 100]
