"""The Stripe stand-in against the fact sheet: the life of a PaymentIntent."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.integration.sandbox_fixtures import MODULE, TRANSFER, Caller
from tests.sandboxes import running


@pytest.fixture(scope="module")
async def stripe(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Caller]:
    with running(MODULE, "--ledger", str(tmp_path_factory.mktemp("stripe") / "ledger.jsonl")) as url:
        async with Caller.to(url) as caller:
            yield caller


@pytest.mark.parametrize(
    "method", ["pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_createDispute", "pm_card_refundFail"]
)
async def test_a_good_card_is_charged_once_and_at_once(stripe: Caller, method: str) -> None:
    """
    200, succeeded, and exactly one charge of that amount with the intent's metadata.
    """
    intent = await stripe.paid(payment_method=method, **{"metadata[payment_id]": "p1"})

    assert (intent["status"], intent["amount_received"], intent["capture_method"]) == (
        "succeeded",
        2500,
        "automatic_async",
    )
    (charge,) = await stripe.charges_of(intent["id"])
    assert (charge["id"], charge["amount"], charge["currency"]) == (intent["latest_charge"], 2500, "usd")
    assert charge["metadata"] == {"payment_id": "p1"}
    assert await stripe.events_of(intent["id"]) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


@pytest.mark.parametrize(
    ("name", "code", "decline_code"),
    [
        ("visa_chargeDeclined", "card_declined", "generic_decline"),
        ("chargeDeclined", "card_declined", "generic_decline"),
        ("chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
        ("chargeDeclinedExpiredCard", "expired_card", None),
        ("chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("chargeDeclinedProcessingError", "processing_error", None),
        ("chargeCustomerFail", "card_declined", "generic_decline"),
        ("radarBlock", "card_declined", "fraudulent"),
    ],
)
async def test_a_declined_card_is_402_and_takes_nothing(
    stripe: Caller, name: str, code: str, decline_code: str | None
) -> None:
    """
    The intent stands in the error, waits for another payment method and remembers why.
    """
    answer = await stripe.pay(payment_method=f"pm_card_{name}")

    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (402, "card_error", code)
    assert error.get("decline_code") == decline_code
    intent = error["payment_intent"]
    assert intent["status"] == "requires_payment_method"
    assert intent["last_payment_error"]["code"] == code
    assert await stripe.get(f"payment_intents/{intent['id']}") == intent
    assert (await stripe.get(f"charges/{error['charge']}"))["status"] == "failed"
    assert await stripe.charges_of(intent["id"]) == []
    assert (await stripe.events_of(intent["id"]))[1:] == ["charge.failed", "payment_intent.payment_failed"]


async def test_tokens_decline_like_the_methods_of_their_name(stripe: Caller) -> None:
    """
    `tok_X` does what `pm_card_X` does.
    """
    form = {"type": "card", "card[token]": "tok_chargeDeclinedInsufficientFunds"}
    method = (await stripe.post("payment_methods", form)).json()["id"]

    answer = await stripe.pay(payment_method=method)

    assert answer.json()["error"]["decline_code"] == "insufficient_funds"


async def test_a_declined_intent_can_be_paid_with_another_card(stripe: Caller) -> None:
    """
    The same intent, confirmed again: succeeded, one charge.
    """
    declined = (await stripe.pay(payment_method="pm_card_chargeDeclined")).json()["error"]["payment_intent"]

    again = await stripe.post(f"payment_intents/{declined['id']}/confirm", {"payment_method": "pm_card_visa"})

    assert again.json()["status"] == "succeeded"
    assert again.json()["last_payment_error"] is None
    assert len(await stripe.charges_of(declined["id"])) == 1


async def test_an_intent_is_created_then_confirmed(stripe: Caller) -> None:
    """
    requires_payment_method without a method, requires_confirmation with one, succeeded after confirm and only once.
    """
    bare = await stripe.paid(confirm=None, payment_method=None)
    ready = await stripe.paid(confirm=None)

    assert (bare["status"], ready["status"]) == ("requires_payment_method", "requires_confirmation")
    assert re.fullmatch(rf"{ready['id']}_secret_\w+", ready["client_secret"])
    assert (await stripe.post(f"payment_intents/{ready['id']}/confirm")).json()["status"] == "succeeded"
    for intent in (bare, ready):
        refused = await stripe.post(f"payment_intents/{intent['id']}/confirm")
        assert refused.json()["error"]["code"] == "payment_intent_unexpected_state"


@pytest.mark.parametrize("name", ["threeDSecure2Required", "authenticationRequired", "authenticationRequiredOnSetup"])
async def test_three_d_secure_waits_for_the_customer(stripe: Caller, name: str) -> None:
    """
    requires_action and no money; once the customer has authenticated, succeeded and one charge.
    """
    intent = await stripe.paid(payment_method=f"pm_card_{name}")

    assert (intent["status"], intent["next_action"]["type"]) == ("requires_action", "use_stripe_sdk")
    assert await stripe.charges_of(intent["id"]) == []
    done = await stripe.steer(f"authenticate/{intent['id']}", outcome="succeed")
    assert (done["status"], done["next_action"]) == ("succeeded", None)
    assert len(await stripe.charges_of(intent["id"])) == 1
    assert "payment_intent.requires_action" in await stripe.events_of(intent["id"])


async def test_a_failed_authentication_asks_for_another_method(stripe: Caller) -> None:
    """
    Back to requires_payment_method with the reason, payment_failed told, nothing taken.
    """
    intent = await stripe.paid(payment_method="pm_card_authenticationRequired")

    failed = await stripe.steer(f"authenticate/{intent['id']}", outcome="fail")

    assert failed["status"] == "requires_payment_method"
    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert (await stripe.events_of(intent["id"]))[-1] == "payment_intent.payment_failed"
    assert await stripe.charges_of(intent["id"]) == []


@pytest.mark.parametrize(
    ("name", "decline_code"),
    [
        ("authenticationRequiredChargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("threeDSecureRequiredChargeDeclined", "generic_decline"),
    ],
)
async def test_the_bank_may_decline_after_authentication(stripe: Caller, name: str, decline_code: str) -> None:
    """
    The customer did everything right and the card still fails.
    """
    intent = await stripe.paid(payment_method=f"pm_card_{name}")

    failed = await stripe.steer(f"authenticate/{intent['id']}", outcome="succeed")

    assert failed["last_payment_error"]["decline_code"] == decline_code


async def test_a_return_url_gives_a_redirect_that_a_person_can_follow(stripe: Caller) -> None:
    """
    redirect_to_url names a page whose button leads back to the return_url with the result.
    """
    intent = await stripe.paid(
        payment_method="pm_card_threeDSecure2Required", return_url="https://shop.example/done?a=1"
    )
    redirect = intent["next_action"]["redirect_to_url"]

    page = await stripe.http.get(redirect["url"])
    pressed = await stripe.http.post(redirect["url"], data={"outcome": "succeed"})

    assert "succeed" in page.text
    assert pressed.status_code == 303
    assert pressed.headers["Location"].startswith(f"https://shop.example/done?a=1&payment_intent={intent['id']}")


async def test_off_session_nobody_can_authenticate(stripe: Caller) -> None:
    """
    402 authentication_required at once.
    """
    answer = await stripe.pay(payment_method="pm_card_authenticationRequired", off_session="true")

    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "authentication_required")


async def test_a_held_amount_is_captured_once_and_the_rest_released(stripe: Caller) -> None:
    """
    requires_capture is no money; a partial capture takes that much and ends it.
    """
    held = await stripe.paid(capture_method="manual")
    path = f"payment_intents/{held['id']}/capture"
    assert (held["status"], held["amount_capturable"]) == ("requires_capture", 2500)
    assert await stripe.charges_of(held["id"]) == []

    too_much = await stripe.post(path, {"amount_to_capture": 2501})
    done = (await stripe.post(path, {"amount_to_capture": 1000})).json()
    twice = await stripe.post(path)

    assert too_much.status_code == 400
    assert (done["status"], done["amount_received"], done["amount_capturable"]) == ("succeeded", 1000, 0)
    assert twice.json()["error"]["code"] == "payment_intent_unexpected_state"
    assert [charge["amount"] for charge in await stripe.charges_of(held["id"])] == [1000]
    assert await stripe.events_of(held["id"]) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
    ]


async def test_cancelling_a_hold_takes_nothing_and_is_final(stripe: Caller) -> None:
    """
    canceled with the reason; no charge, no second cancel, no capture, and no reason that is Stripe's own.
    """
    held = await stripe.paid(capture_method="manual")
    path = f"payment_intents/{held['id']}"

    refused = await stripe.post(f"{path}/cancel", {"cancellation_reason": "automatic"})
    done = (await stripe.post(f"{path}/cancel", {"cancellation_reason": "requested_by_customer"})).json()
    after = [await stripe.post(f"{path}/{verb}") for verb in ("cancel", "capture", "confirm")]

    assert refused.status_code == 400
    assert (done["status"], done["cancellation_reason"]) == ("canceled", "requested_by_customer")
    assert done["canceled_at"] is not None
    assert {answer.json()["error"]["code"] for answer in after} == {"payment_intent_unexpected_state"}
    assert await stripe.charges_of(held["id"]) == []
    assert "payment_intent.canceled" in await stripe.events_of(held["id"])


async def test_what_succeeded_cannot_be_cancelled(stripe: Caller) -> None:
    """
    400, and the error carries the intent as it is.
    """
    intent = await stripe.paid()

    answer = await stripe.post(f"payment_intents/{intent['id']}/cancel")

    assert answer.json()["error"]["payment_intent"]["status"] == "succeeded"


async def test_a_hold_that_nobody_captures_expires(stripe: Caller) -> None:
    """
    canceled with reason automatic; events payment_intent.canceled and charge.expired.
    """
    held = await stripe.paid(capture_method="manual")

    gone = await stripe.steer(f"expire/{held['id']}")

    assert (gone["status"], gone["cancellation_reason"]) == ("canceled", "automatic")
    assert (await stripe.events_of(held["id"]))[-2:] == ["payment_intent.canceled", "charge.expired"]


@pytest.mark.parametrize(("outcome", "status"), [("succeed", "succeeded"), ("fail", "requires_payment_method")])
async def test_a_charge_may_stay_processing_for_a_while(stripe: Caller, outcome: str, status: str) -> None:
    """
    It cannot be cancelled meanwhile, and ends as it is settled.
    """
    intent = await stripe.paid(payment_method="pm_card_processing")
    assert intent["status"] == "processing"
    assert (await stripe.post(f"payment_intents/{intent['id']}/cancel")).status_code == 400

    assert (await stripe.steer(f"settle/{intent['id']}", outcome=outcome))["status"] == status


async def test_a_bank_transfer_arrives_in_parts(stripe: Caller) -> None:
    """
    Instructions first; partially funded says what remains; only the whole amount is a success.
    """
    intent = (await stripe.post("payment_intents", {**TRANSFER, "customer": await stripe.customer()})).json()
    shown = intent["next_action"]["display_bank_transfer_instructions"]
    assert intent["next_action"]["type"] == "display_bank_transfer_instructions"
    assert valid_iban(shown["financial_addresses"][0]["iban"]["iban"])

    part = await stripe.steer(f"fund/{intent['id']}", amount=2000)
    assert part["next_action"]["display_bank_transfer_instructions"]["amount_remaining"] == 3000
    assert await stripe.charges_of(intent["id"]) == []
    whole = await stripe.steer(f"fund/{intent['id']}")

    assert (whole["status"], whole["amount_received"]) == ("succeeded", 5000)
    assert [charge["amount"] for charge in await stripe.charges_of(intent["id"])] == [5000]
    assert "payment_intent.partially_funded" in await stripe.events_of(intent["id"])


@pytest.mark.parametrize("country", ["BE", "DE", "ES", "FR", "IE", "NL"])
async def test_every_country_has_a_well_formed_account(stripe: Caller, country: str) -> None:
    """
    The IBAN passes the check of its two digits.
    """
    name = "payment_method_options[customer_balance][bank_transfer][eu_bank_transfer][country]"
    intent = (
        await stripe.post("payment_intents", {**TRANSFER, name: country, "customer": await stripe.customer()})
    ).json()

    shown = intent["next_action"]["display_bank_transfer_instructions"]["financial_addresses"][0]["iban"]["iban"]

    assert shown.startswith(country)
    assert valid_iban(shown)


@pytest.mark.parametrize(("kind", "currency"), [("gb", "gbp"), ("jp", "jpy"), ("mx", "mxn"), ("us", "usd")])
async def test_each_currency_has_its_own_kind_of_transfer(stripe: Caller, kind: str, currency: str) -> None:
    """
    And another currency with it is refused.
    """
    name = "payment_method_options[customer_balance][bank_transfer]"
    form = {name_: value for name_, value in TRANSFER.items() if "[eu_bank_transfer]" not in name_}
    form |= {f"{name}[type]": f"{kind}_bank_transfer", "customer": await stripe.customer()}

    right = await stripe.post("payment_intents", {**form, "currency": currency})
    wrong = await stripe.post("payment_intents", {**form, "currency": "eur"})

    assert right.json()["status"] == "requires_action"
    assert wrong.status_code == 400


async def test_a_bank_transfer_needs_a_customer(stripe: Caller) -> None:
    """
    Refused without one, as at Stripe.
    """
    answer = await stripe.post("payment_intents", TRANSFER)

    assert answer.json()["error"]["param"] == "customer"


async def test_lists_are_newest_first_and_paged_both_ways(stripe: Caller) -> None:
    """
    starting_after gives older ones, ending_before newer ones, and has_more is true while there are more.
    """
    customer = await stripe.customer()
    ids = [(await stripe.paid(customer=customer))["id"] for _ in range(5)][::-1]

    first = await stripe.get("payment_intents", customer=customer, limit=2)
    older = await stripe.get("payment_intents", customer=customer, limit=10, starting_after=ids[1])
    newer = await stripe.get("payment_intents", customer=customer, limit=2, ending_before=ids[3])

    assert (found(first), first["has_more"]) == (ids[:2], True)
    assert (found(older), older["has_more"]) == (ids[2:], False)
    assert (found(newer), newer["has_more"]) == (ids[1:3], True)


async def test_lists_are_narrowed_by_creation_time(stripe: Caller) -> None:
    """
    gte and lte include the second itself, gt and lt do not.
    """
    intent = await stripe.paid(customer=await stripe.customer())
    moment = intent["created"]

    async def listed(**bounds: Any) -> bool:
        query = {f"created[{name}]": value for name, value in bounds.items()}
        return intent["id"] in found(
            await stripe.get("payment_intents", limit=100, customer=intent["customer"], **query)
        )

    assert await listed(gte=moment, lte=moment)
    assert not await listed(gt=moment)
    assert not await listed(lt=moment)


@pytest.mark.parametrize("limit", [0, 101])
async def test_a_page_has_one_to_a_hundred(stripe: Caller, limit: int) -> None:
    """
    Any other limit is 400.
    """
    assert (await stripe.http.get("/v1/payment_intents", params={"limit": limit})).status_code == 400


async def test_events_tell_what_an_endpoint_may_have_missed(stripe: Caller) -> None:
    """
    Since the last one seen, of the wanted types only; each can be read by its id.
    """
    await stripe.paid()
    last = (await stripe.get("events", limit=1))["data"][0]["id"]
    intent = await stripe.paid()

    query = {"types[]": ["payment_intent.succeeded", "charge.succeeded"], "ending_before": last}
    missed = (await stripe.get("events", **query))["data"]

    assert [event["type"] for event in missed] == ["payment_intent.succeeded", "charge.succeeded"]
    event = await stripe.get(f"events/{missed[0]['id']}")
    assert event == missed[0]
    assert event["data"]["object"] == intent
    assert (event["api_version"], event["object"], event["livemode"]) == ("2026-10-28.endive", "event", False)


def found(page: Any) -> list[str]:
    return [thing["id"] for thing in page["data"]]


def valid_iban(iban: str) -> bool:
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 == 1
