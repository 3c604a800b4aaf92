"""What the gateways say they take is what they take."""

from collections.abc import Iterator

import pytest

from adapters.daraja.gateway import DarajaGateway
from adapters.daraja.unshared_token import UnsharedToken
from adapters.stripe.gateway import StripeGateway
from application.ports.gateway import PaymentGateway
from domain.errors import Invalid
from domain.money import Money
from domain.payment_method import MethodType, PaymentMethod
from domain.payment_type import Limits, PaymentType
from tests.builders import a_payment
from tests.fakes import StandingClock

METHODS = {
    MethodType.CARD: PaymentMethod(type=MethodType.CARD),
    MethodType.WALLET: PaymentMethod(type=MethodType.WALLET),
    MethodType.BANK_TRANSFER: PaymentMethod(type=MethodType.BANK_TRANSFER),
    MethodType.MPESA: PaymentMethod(type=MethodType.MPESA, phone="254712345678"),
}


def gateways() -> Iterator[PaymentGateway]:
    yield StripeGateway(api_key="sk_test_1", clock=StandingClock())
    yield DarajaGateway(
        base_url="http://127.0.0.1:1",
        consumer_key="k",
        consumer_secret="s",
        passkey="p",
        shortcode="174379",
        callback_base="https://shop.example",
        shared_token=UnsharedToken(),
        clock=StandingClock(),
    )


GATEWAYS = list(gateways())
CASES = [
    pytest.param(gateway, kind, code, id=f"{kind.type}-{code}")
    for gateway in GATEWAYS
    for kind in gateway.types
    for code in kind.limits
]


def takes(gateway: PaymentGateway, kind: PaymentType, money: Money) -> bool:
    method = METHODS[kind.type]
    if kind.type is MethodType.BANK_TRANSFER and money.currency == "EUR":
        method = PaymentMethod(type=kind.type, country="DE")
    return all(_checks(gateway, money, method, capture) for capture in kind.capture_methods)


def _checks(gateway: PaymentGateway, money: Money, method: PaymentMethod, capture: object) -> bool:
    try:
        gateway.check(a_payment(money=money, method=method, capture_method=capture))
    except Invalid:
        return False
    return True


@pytest.mark.parametrize(("gateway", "kind", "code"), CASES)
def test_the_limits_are_the_last_good_values(gateway: PaymentGateway, kind: PaymentType, code: str) -> None:
    """The least and the most are taken in every way of capturing, a step beyond is not, nor half a step."""
    limits = kind.limits[code]

    assert takes(gateway, kind, Money(limits.least, code))
    assert takes(gateway, kind, Money(limits.most, code))
    assert limits.least == limits.step or not takes(gateway, kind, Money(limits.least - limits.step, code))
    assert not takes(gateway, kind, Money(limits.most + limits.step, code))
    if limits.step > 1:
        assert not takes(gateway, kind, Money(limits.least + limits.step // 2, code))


def test_each_way_to_pay_is_told_once() -> None:
    """All four, and M-Pesa's shillings are whole."""
    types = [kind for gateway in GATEWAYS for kind in gateway.types]

    assert sorted(kind.type for kind in types) == sorted(MethodType)
    (mpesa,) = (kind for kind in types if kind.type is MethodType.MPESA)
    assert mpesa.limits == {"KES": Limits(100, 25_000_000, 100)}
    assert not mpesa.refunds  # nobody may ask for a reversal here
    assert not next(kind for kind in types if kind.type is MethodType.BANK_TRANSFER).can_be_saved
