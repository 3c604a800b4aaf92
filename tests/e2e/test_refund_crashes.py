"""`kill -9` of the API while M-Pesa is asked to give money back: it goes back once, and the refund says so."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.e2e.eventually import eventually
from tests.e2e.running import API, DARAJA, Service
from tests.e2e.test_refunds_by_phone import PART, WHOLE, a_paid, ask, moved
from tests.e2e.wire import Watch, when_answered, when_asked

pytestmark = pytest.mark.xdist_group("fragile")

_REFUND = rb"\APOST /mpesa/(reversal|b2c)/"


@pytest.mark.parametrize("amount", [WHOLE, PART])
@pytest.mark.parametrize(
    ("point", "mischief"),
    [(when_asked, {}), (when_answered, {}), (when_answered, {"refund_silences": 1})],
    ids=["before it is sent", "before the answer", "and the result is lost too"],
)
async def test_money_goes_back_once_wherever_the_api_is_killed(
    fragile: Service, amount: int, point: Callable[[bytes, Callable[[], None]], Watch], mischief: dict[str, Any]
) -> None:
    """
    What the crash left is sent again: M-Pesa reverses nothing twice and takes no name twice, and what it says of that
    is not taken for somebody else's doing.
    """
    customer = fragile.customer()
    payment = await a_paid(customer)
    await fragile.daraja.behave(**mischief)
    fragile.wires[DARAJA].watch = point(_REFUND, lambda: fragile.kill(API))

    with pytest.raises(httpx.TransportError):
        await ask(customer, payment, amount)
    await fragile.heal_processes()

    async def given_back() -> bool:
        return bool((await customer.look(payment["id"]))["amount_refunded"] == amount)

    await eventually(given_back)
    assert await moved(customer) == [amount // 100]
    await customer.story(payment["id"])
