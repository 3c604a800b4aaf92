"""How a customer pays: in one spelling, and never with a card number."""

import pytest

from domain.errors import Invalid
from domain.payment_method import MethodType, PaymentMethod, looks_like_card_number, looks_like_phone, msisdn


@pytest.mark.parametrize(
    "spelling",
    ["254712345678", "+254712345678", "0712345678", "712345678", "0712 345 678", "0712-345-678", "+254 712 345-678"],
)
def test_a_phone_has_one_spelling(spelling: str) -> None:
    """However a Kenyan writes it, M-Pesa knows it as 2547XXXXXXXX."""
    assert msisdn(spelling) == "254712345678"


@pytest.mark.parametrize(
    "none",
    [
        None,
        "",
        "255712345678",
        "25471234567",
        "2547123456789",
        "254812345678",
        "٢٥٤٧١٢٣٤٥٦٧٨",
        " 0712345678",
        "0712  345678",
        "0712 345 678 ",
        "+ 254712345678",
    ],
)
def test_what_is_no_kenyan_mobile_number_is_refused(none: str | None) -> None:
    """Too long, too short, another country, other digits."""
    with pytest.raises(Invalid):
        msisdn(none)


@pytest.mark.parametrize(
    "method",
    [
        PaymentMethod(type=MethodType.CARD),
        PaymentMethod(type=MethodType.CARD, token="4242424242424242"),
        PaymentMethod(type=MethodType.CARD, token="tok_visa\n"),
        PaymentMethod(type=MethodType.CARD, token="tok_visa", phone="254712345678"),
        PaymentMethod(type=MethodType.MPESA, phone="254712345678", token="tok_visa"),
        PaymentMethod(type=MethodType.BANK_TRANSFER, token="tok_visa"),
        PaymentMethod(type=MethodType.MPESA),
    ],
)
def test_a_method_has_its_own_parts_and_no_others(method: PaymentMethod) -> None:
    """A part that is missing, foreign or looks wrong is named and refused."""
    with pytest.raises(Invalid):
        method.checked()


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424242",
        "4242 4242 4242 4242",
        "pan: 5555-5555-5555-4444.",
        "qty 3 4242424242424242",
        "345 4242424242424242",
        "pan_4242424242424242,",
        "378282246310005",
        "4242.4242.4242.4242.",
        "card 3782.822463.10005",
        "4242\u00a04242\u00a04242\u00a04242",
        "4242\u200b4242\u200b4242\u200b4242",
        "4242\u20134242\u20134242\u20134242",
        "\uff14\uff12" * 8,
        "\u0664\u0662" * 8,
        "%B4242424242424242^DOE/JANE^2912",
        ";4242424242424242=2912101",
    ],
)
def test_a_card_number_is_recognised(text: str) -> None:
    """Grouped or not, alone or in a sentence."""
    assert looks_like_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",
        "1700000000000",
        "order 12345",
        "254712345678",
        "550e8400-e29b-41d4",
        "42424242-4242-4242-4242-424242424242",
        "1" + "4242" * 4,
        "a4242424242424242",
        "4242424242424242f",
        "36.82194620000000",
        "192.168.100.200",
        "2500.00 3000.00 4500.00",
        "4242.4242.4242.4242.4242.4242",
        "4242.4242.4242.4241",
        "Größe 12345, naïve",
    ],
)
def test_other_numbers_are_left_alone(text: str) -> None:
    """A wrong check digit, a time stamp, an order, a phone."""
    assert not looks_like_card_number(text)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("254712345678", True),
        ("0712345678", True),
        ("req-254712345678.1", True),
        ("+254112345678", True),
        ("712345678", False),
        ("1795401386", False),
        ("a0712345678b", False),
        ("2547123456789", False),
        ("01a20553-00dc-743c-881f-e105512882ca", False),
    ],
)
def test_a_phone_is_recognised_where_none_should_be(text: str, is_one: bool) -> None:
    """With its prefix: nine digits alone are anybody's number."""
    assert looks_like_phone(text) is is_one
