"""The Stripe stand-in against the fact sheet: keys, forms, errors, and what it refuses."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.sandbox_fixtures import CARD, MODULE, Caller
from tests.sandboxes import running


@pytest.fixture(scope="module")
async def stripe(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Caller]:
    ledger: Path = tmp_path_factory.mktemp("stripe") / "ledger.jsonl"
    with running(MODULE, "--ledger", str(ledger)) as url:
        async with Caller.to(url) as caller:
            yield caller


def error_of(answer: httpx.Response, status: int = 400) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    error: dict[str, object] = answer.json()["error"]
    return error


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer pk_test_0001", "Bearer nonsense", "Basic c2tfdGVzdA=="])
async def test_a_call_without_a_secret_key_is_401(stripe: Caller, header: str) -> None:
    """
    Only `Bearer sk_test_…` may call; the refusal has Stripe's error form and a request id.
    """
    answer = await stripe.http.get("/v1/payment_intents", headers={"Authorization": header})

    assert error_of(answer, 401)["type"] == "invalid_request_error"
    assert answer.headers["Request-Id"].startswith("req_")


async def test_an_unknown_route_is_404_in_stripes_form(stripe: Caller) -> None:
    """
    Also a known path with another method.
    """
    answers = [await stripe.http.get("/v1/nonsense"), await stripe.http.delete("/v1/payment_intents")]

    for answer in answers:
        assert "Unrecognized request URL" in str(error_of(answer, 404)["message"])


async def test_json_bodies_are_refused(stripe: Caller) -> None:
    """
    API version 1 takes forms only.
    """
    answer = await stripe.http.post("/v1/payment_intents", json={"amount": 2500})

    assert "content type" in str(error_of(answer)["message"])


async def test_an_object_that_does_not_exist_is_resource_missing(stripe: Caller) -> None:
    """
    404 where the path names it, 400 where a parameter does.
    """
    by_path = await stripe.http.get("/v1/payment_intents/pi_none")
    by_parameter = await stripe.pay(payment_method="pm_none")

    assert error_of(by_path, 404)["code"] == "resource_missing"
    assert error_of(by_parameter)["code"] == "resource_missing"


@pytest.mark.parametrize(
    ("different", "code"),
    [
        ({"colour": "red"}, "parameter_unknown"),
        ({"automatic_payment_methods[colour]": "red"}, "parameter_unknown"),
        ({"payment_method_types[]": "card"}, "payment_method_types_no_longer_supported"),
        ({"amount": None}, "parameter_missing"),
        ({"amount": "12.5"}, "parameter_invalid_integer"),
        ({"amount": ""}, "parameter_invalid_empty"),
        ({"amount": "0"}, "parameter_invalid_integer"),
        ({"amount": "49"}, "amount_too_small"),
        ({"amount": "100000000"}, "amount_too_large"),
        ({"currency": "jpy", "amount": "49"}, "amount_too_small"),
        ({"currency": "USD"}, None),
        ({"currency": "xxx"}, None),
        ({"currency": "ugx", "amount": "1050"}, None),
        ({"currency": "kwd", "amount": "1001"}, None),
        ({"description": "x" * 1001}, None),
        ({f"metadata[{'k' * 41}]": "v"}, None),
        ({"metadata[k]": "v" * 501}, None),
        ({f"metadata[k{n}]": "v" for n in range(51)}, None),
        ({"automatic_payment_methods[allow_redirects]": "always"}, None),
        ({"confirm": "false", "off_session": "true"}, None),
        ({"capture_method": "later"}, None),
    ],
)
async def test_what_stripe_refuses_is_refused(stripe: Caller, different: dict[str, Any], code: str | None) -> None:
    """
    400, the code of the fact sheet, and no intent is made.
    """
    before = len((await stripe.ledger())["payment_intents"])

    error = error_of(await stripe.pay(**different))

    assert error["type"] == "invalid_request_error"
    assert error.get("code") == code
    assert len((await stripe.ledger())["payment_intents"]) == before


@pytest.mark.parametrize(
    "amount_and_currency", [(1, "kes"), (50, "usd"), (50, "jpy"), (500, "ugx"), (99_999_999, "usd")]
)
async def test_amounts_at_the_bounds_are_taken(stripe: Caller, amount_and_currency: tuple[int, str]) -> None:
    """
    The minimum and the maximum themselves are allowed; KES has no minimum of its own.
    """
    amount, currency = amount_and_currency

    intent = await stripe.paid(amount=amount, currency=currency)

    assert (intent["amount_received"], intent["currency"]) == (amount, currency)


async def test_nested_forms_are_understood_in_all_spellings(stripe: Caller) -> None:
    """
    `a[b]=c` with brackets bare or escaped, `l[]=x` and `l[0]=x`; numbers as metadata keys stay keys.
    """
    bare = "&".join(f"{name}={value}" for name, value in CARD.items())
    form = f"{bare}&metadata[0]=zero&metadata%5Ba%20b%5D=c+%C3%A9&expand[]=latest_charge&expand[1]=payment_method"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    intent = (await stripe.http.post("/v1/payment_intents", content=form, headers=kind)).json()

    assert intent["metadata"] == {"0": "zero", "a b": "c é"}
    assert intent["latest_charge"]["object"] == "charge"
    assert intent["payment_method"]["card"]["last4"] == "4242"


async def test_card_numbers_are_never_taken(stripe: Caller) -> None:
    """
    Not even test numbers: tokens only.
    """
    number = {"type": "card", "card[number]": "0" * 16, "card[exp_month]": 1, "card[exp_year]": 2034}

    assert "unsafe" in str(error_of(await stripe.post("payment_methods", number), 402)["message"])
    assert "unsafe" in str(error_of(await stripe.post("tokens", number), 402)["message"])


async def test_a_minted_token_can_be_spent_once(stripe: Caller) -> None:
    """
    A second use under another key is `token_already_used`; under the same key it is a replay.
    """
    token = (await stripe.post("tokens", {"test_token": "tok_mastercard"})).json()["id"]
    form = {"type": "card", "card[token]": token}

    first = await stripe.post("payment_methods", form, key=f"{token}:pm")
    again = await stripe.post("payment_methods", form, key=f"{token}:pm")
    other = await stripe.post("payment_methods", form, key=f"{token}:other")

    assert first.json()["card"]["brand"] == "mastercard"
    assert again.content == first.content
    assert error_of(other)["code"] == "token_already_used"


async def test_well_known_tokens_never_wear_out(stripe: Caller) -> None:
    """
    `tok_visa` gives a new payment method every time, with brand and last four, never a number.
    """
    made = [
        (await stripe.post("payment_methods", {"type": "card", "card[token]": "tok_visa"})).json() for _ in range(2)
    ]

    assert made[0]["id"] != made[1]["id"]
    card = made[0]["card"]
    assert (card["brand"], card["last4"], card["exp_month"], card["exp_year"]) == ("visa", "4242", 12, 2034)
    assert card["wallet"] is None
    assert "number" not in card


@pytest.mark.parametrize(("token", "wallet"), [("tok_applePay", "apple_pay"), ("tok_googlePay", "google_pay")])
async def test_a_wallet_is_a_card_that_says_so(stripe: Caller, token: str, wallet: str) -> None:
    """
    Type `card` with `card.wallet.type`.
    """
    method = (await stripe.post("payment_methods", {"type": "card", "card[token]": token})).json()

    assert (method["type"], method["card"]["wallet"]["type"]) == ("card", wallet)


async def test_a_method_without_a_customer_pays_for_one_intent(stripe: Caller) -> None:
    """
    To be used again it must be attached to a customer, and then the intent must name that customer.
    """
    loose = (await stripe.post("payment_methods", {"type": "card", "card[token]": "tok_visa"})).json()["id"]
    saved = (await stripe.post("payment_methods", {"type": "card", "card[token]": "tok_visa"})).json()["id"]
    customer = await stripe.customer()
    await stripe.post(f"payment_methods/{saved}/attach", {"customer": customer})

    await stripe.paid(payment_method=loose)
    error_of(await stripe.pay(payment_method=loose))
    await stripe.paid(payment_method=saved, customer=customer)
    await stripe.paid(payment_method=saved, customer=customer)
    error_of(await stripe.pay(payment_method=saved))

    assert [one["id"] for one in (await stripe.get("payment_methods", customer=customer))["data"]] == [saved]


async def test_a_detached_method_is_of_no_use(stripe: Caller) -> None:
    """
    It leaves the customer's list and can never pay again.
    """
    customer = await stripe.customer()
    method = (await stripe.post("payment_methods/pm_card_visa/attach", {"customer": customer})).json()["id"]

    await stripe.post(f"payment_methods/{method}/detach")

    assert (await stripe.get(f"customers/{customer}/payment_methods"))["data"] == []
    error_of(await stripe.pay(payment_method=method))
    error_of(await stripe.post(f"payment_methods/{method}/attach", {"customer": customer}))


async def test_a_card_that_would_be_declined_cannot_be_attached(stripe: Caller) -> None:
    """
    402, except the card that attaches and fails when charged.
    """
    customer = await stripe.customer()

    refused = await stripe.post("payment_methods/pm_card_chargeDeclined/attach", {"customer": customer})
    taken = await stripe.post("payment_methods/pm_card_chargeCustomerFail/attach", {"customer": customer})

    assert error_of(refused, 402)["code"] == "card_declined"
    declined = await stripe.pay(payment_method=taken.json()["id"], customer=customer)
    assert error_of(declined, 402)["code"] == "card_declined"
