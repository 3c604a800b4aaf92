"""What Stripe's objects and events claim; what Stripe would refuse; and that nothing strange gets through."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from adapters.stripe import amounts, checks, declines, parameters, translation, wire
from adapters.stripe.webhooks import StripeEvents
from application.ports.inbox import Message
from application.ports.webhooks import About, Unreadable
from domain.currencies import EXPONENTS
from domain.errors import Invalid
from domain.evidence import Claim, Reason, Source
from domain.money import Money
from domain.payment import CaptureMethod, Payment, ReferenceKind
from domain.payment_method import GatewayName, MethodType, PaymentMethod
from domain.status import Status
from tests.builders import a_card, a_payment, evidence, kes, usd

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CREATED = 1_790_000_000
INSTRUCTIONS = {"type": "eu_bank_transfer", "reference": "ABC", "amount_remaining": 2500}
DECLINED = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}
GIVEN_OUT = {"type": "three_d_secure", "client_secret": "pi_1_secret"}
SEVEN_DAYS = timedelta(days=7)


def an_intent(**facts: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 2500,
        "amount_capturable": 0,
        "amount_received": 2500,
        "currency": "usd",
        "status": "succeeded",
        "created": CREATED,
        "metadata": {},
        "client_secret": "pi_1_secret",
        "latest_charge": "ch_1",
        "last_payment_error": None,
        "next_action": None,
        "cancellation_reason": None,
    } | facts


def told(payment: Payment | None = None, source: Source = Source.FETCHED, **facts: Any) -> translation.Report:
    intent = wire.read(wire.INTENT, json.dumps(an_intent(**facts)))
    return translation.report(intent, payment or a_payment(), source, AT)


def an_event(kind: str, thing: dict[str, Any] | None = None, **facts: Any) -> Message:
    event = {
        "id": "evt_1",
        "object": "event",
        "type": kind,
        "created": CREATED,
        "livemode": False,
        "data": {"object": thing or an_intent()},
    } | facts
    return a_message(json.dumps(event).encode())


def a_message(body: bytes) -> Message:
    return Message(uuid7(), GatewayName.STRIPE, "evt_1", body)


@pytest.mark.parametrize(
    ("facts", "claim", "reason", "code"),
    [
        ({"status": "processing"}, Claim.PROCESSING, None, None),
        ({"status": "requires_action"}, Claim.REQUIRES_ACTION, None, None),
        ({"status": "requires_confirmation"}, Claim.REQUIRES_ACTION, None, None),
        ({"status": "requires_payment_method"}, Claim.REQUIRES_ACTION, None, None),
        (
            {"status": "requires_payment_method", "last_payment_error": DECLINED},
            Claim.FAILED,
            Reason.INSUFFICIENT_FUNDS,
            "insufficient_funds",
        ),
        ({"status": "requires_capture", "amount_capturable": 2500}, Claim.AUTHORIZED, None, None),
        ({"status": "succeeded"}, Claim.SUCCEEDED, None, None),
        ({"status": "canceled"}, Claim.CANCELLED, Reason.CANCELLED, "canceled"),
        ({"status": "canceled", "cancellation_reason": "duplicate"}, Claim.CANCELLED, Reason.CANCELLED, "canceled"),
        ({"status": "canceled", "cancellation_reason": "abandoned"}, Claim.CANCELLED, Reason.ABANDONED, "canceled"),
        ({"status": "canceled", "cancellation_reason": "automatic"}, Claim.EXPIRED, Reason.EXPIRED, "canceled"),
        ({"status": "canceled", "cancellation_reason": "expired"}, Claim.EXPIRED, Reason.EXPIRED, "canceled"),
        (
            {"status": "canceled", "cancellation_reason": "abandoned", "last_payment_error": DECLINED},
            Claim.FAILED,
            Reason.INSUFFICIENT_FUNDS,
            "canceled",
        ),
    ],
)
def test_every_status_of_an_intent_has_one_meaning(
    facts: dict[str, Any], claim: Claim, reason: Reason | None, code: str | None
) -> None:
    """
    Whoever tells it: what counts is the intent, and of a decline or an ending also why.
    """
    [piece] = told(**facts).evidence

    assert (piece.claim, piece.reason, piece.code) == (claim, reason, code)
    assert (piece.source, piece.at) == (Source.FETCHED, AT)


def test_an_unheard_of_status_claims_nothing_and_is_told_once() -> None:
    """
    Never a guess; the name of the intent is still worth keeping.
    """
    with capture_logs() as logs:
        reports = [told(status="requires_a_miracle") for _ in range(3)]

    assert [report.evidence for report in reports] == [(), (), ()]
    assert reports[0].references == {ReferenceKind.PAYMENT_INTENT: "pi_1"}
    assert [entry["value"] for entry in logs] == ["requires_a_miracle"]


def test_a_decline_the_customer_can_still_mend_is_not_the_end() -> None:
    """
    Whoever has the client secret may try another card.
    """
    payment = a_payment(next_action=GIVEN_OUT)

    [piece] = told(payment, status="requires_payment_method", last_payment_error=DECLINED).evidence

    assert piece.claim is Claim.REQUIRES_ACTION


def test_a_cancellation_after_a_decline_is_the_decline() -> None:
    """
    Also where Stripe no longer says why: we were told before.
    """
    refused = evidence(Claim.FAILED, code="lost_card", reason=Reason.LOST_OR_STOLEN)
    payment = a_payment().learn(translation.Report(evidence=(refused,)), AT)

    [piece] = told(payment, Source.SIGNED, status="canceled", cancellation_reason="abandoned").evidence

    assert (piece.claim, piece.reason, piece.code) == (Claim.FAILED, Reason.LOST_OR_STOLEN, "canceled")


@pytest.mark.parametrize(
    ("facts", "money"),
    [
        ({"amount_received": 2400}, usd(2400)),
        ({"currency": "eur"}, Money(2500, "EUR")),
        ({"currency": "isk", "amount_received": 50000}, Money(500, "ISK")),
        ({"currency": "ugx", "amount_received": 50000}, Money(500, "UGX")),
        ({"currency": "mga", "amount_received": 5}, Money(500, "MGA")),
        ({"currency": "kwd", "amount_received": 5000}, Money(5000, "KWD")),
    ],
)
def test_a_success_says_how_much_really_came(facts: dict[str, Any], money: Money) -> None:
    """
    Another amount or currency than was owed is a person's business.
    """
    payment = a_payment()

    learned = payment.learn(told(payment, **facts), AT)

    assert next(iter(learned.known.evidence)).amount == money
    assert learned.status is Status.REVIEW


@pytest.mark.parametrize("facts", [{"currency": "isk", "amount_received": 550}, {"currency": "xxz"}])
def test_money_that_cannot_be_is_unreadable(facts: dict[str, Any]) -> None:
    """
    A fraction of what has none, or no currency at all: better no evidence than wrong evidence.
    """
    with pytest.raises(Unreadable):
        told(**facts)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (
            {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}},
            {"type": "three_d_secure", "client_secret": "pi_1_secret", "redirect_url": None},
        ),
        (
            {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/1", "return_url": None}},
            {"type": "three_d_secure", "client_secret": "pi_1_secret", "redirect_url": "https://bank.example/1"},
        ),
        (
            {
                "type": "display_bank_transfer_instructions",
                "display_bank_transfer_instructions": INSTRUCTIONS,
            },
            {"type": "bank_transfer", "instructions": INSTRUCTIONS},
        ),
        (
            {"type": "something_new"},
            {"type": "something_new", "client_secret": "pi_1_secret", "redirect_url": None},
        ),
    ],
)
def test_what_the_customer_must_do_is_told_in_our_form(action: dict[str, Any], expected: dict[str, Any]) -> None:
    """
    3-D Secure by client secret or redirect, a bank transfer by its instructions.
    """
    assert told(status="requires_action", next_action=action).next_action == expected


@pytest.mark.parametrize("status", ["requires_payment_method", "processing", "succeeded", "canceled"])
def test_the_client_secret_leaves_only_where_the_customer_must_act(status: str) -> None:
    """
    A declined intent's secret is never given out, so that nobody can pay what we told as failed.
    """
    assert told(status=status, next_action={"type": "use_stripe_sdk"}).next_action is None


def test_held_money_says_until_when() -> None:
    """
    What the charge says, else seven days: Stripe's own rule.
    """
    card = {"brand": "visa", "last4": "4242", "capture_before": CREATED + 3600}
    charge = {"object": "charge", "payment_method_details": {"card": card}}

    assert told(status="requires_capture", latest_charge=charge).capture_before == _at(CREATED + 3600)
    assert told(status="requires_capture").capture_before == _at(CREATED) + SEVEN_DAYS


def test_the_card_is_described_as_stripe_knows_it() -> None:
    """
    Brand and last four from Stripe, never the token.
    """
    charge = {"object": "charge", "payment_method_details": {"card": {"brand": "mastercard", "last4": "4444"}}}

    assert told(latest_charge=charge).method == PaymentMethod(type=MethodType.CARD, brand="MASTERCARD", last4="4444")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DECLINED, Reason.INSUFFICIENT_FUNDS),
        ({"type": "card_error", "code": "expired_card"}, Reason.CARD_EXPIRED),
        ({"type": "card_error", "code": "incorrect_cvc"}, Reason.INCORRECT_CVC),
        ({"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}, Reason.LOST_OR_STOLEN),
        ({"type": "card_error", "code": "card_declined", "decline_code": "stolen_card"}, Reason.LOST_OR_STOLEN),
        ({"type": "card_error", "code": "processing_error"}, Reason.GATEWAY_ERROR),
        ({"type": "card_error", "code": "authentication_required"}, Reason.AUTHENTICATION_FAILED),
        ({"type": "card_error", "code": "card_declined", "decline_code": "brand_new"}, Reason.DECLINED),
        ({"type": "card_error"}, Reason.DECLINED),
        (
            {"type": "invalid_request_error", "code": "resource_missing", "param": "payment_method"},
            Reason.INVALID_METHOD,
        ),
        ({"type": "invalid_request_error", "code": "resource_missing", "param": "card[token]"}, Reason.INVALID_METHOD),
        ({"type": "invalid_request_error", "code": "amount_too_small", "param": "amount"}, Reason.LIMIT_EXCEEDED),
        ({"type": "invalid_request_error", "param": "payment_method_types"}, Reason.CONFIGURATION),
        ({}, Reason.CONFIGURATION),
    ],
)
def test_a_refusal_has_a_reason_a_shop_can_act_on(error: dict[str, str], reason: Reason) -> None:
    """
    A card's decline is the customer's; what is wrong with our request is ours.
    """
    assert declines.reason(wire.Error(**error)) is reason


@pytest.mark.parametrize(
    ("kind", "thing", "claim"),
    [
        ("payment_intent.created", {"status": "requires_payment_method"}, None),
        ("payment_intent.processing", {"status": "processing"}, Claim.PROCESSING),
        ("payment_intent.requires_action", {"status": "requires_action"}, Claim.REQUIRES_ACTION),
        ("payment_intent.amount_capturable_updated", {"status": "requires_capture"}, Claim.AUTHORIZED),
        ("payment_intent.partially_funded", {"status": "requires_action"}, Claim.PROCESSING),
        (
            "payment_intent.payment_failed",
            {"status": "requires_payment_method", "last_payment_error": DECLINED},
            None,
        ),
        ("payment_intent.succeeded", {}, Claim.SUCCEEDED),
        ("payment_intent.canceled", {"status": "canceled", "cancellation_reason": "automatic"}, Claim.EXPIRED),
    ],
)
def test_an_event_claims_what_it_says_and_no_more(kind: str, thing: dict[str, Any], claim: Claim | None) -> None:
    """
    Signed, at the second of the event, and always with the intent's name.
    """
    report = StripeEvents(livemode=False).translate(an_event(kind, an_intent(**thing)), a_payment())

    assert [piece.claim for piece in report.evidence] == ([claim] if claim else [])
    assert all((piece.source, piece.at) == (Source.SIGNED, _at(CREATED)) for piece in report.evidence)
    assert report.references == {ReferenceKind.PAYMENT_INTENT: "pi_1"}


def test_a_lapsed_hold_is_expired() -> None:
    """
    charge.expired is about a charge; the intent it belongs to names the payment.
    """
    charge = {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": {}}
    event, events = an_event("charge.expired", charge), StripeEvents(livemode=False)

    assert events.about(event) == About(kind=ReferenceKind.PAYMENT_INTENT, reference="pi_1")
    assert [piece.claim for piece in events.translate(event, a_payment()).evidence] == [Claim.EXPIRED]


@pytest.mark.parametrize(
    "named", ["", "nonsense", "550e8400-e29b-41d4-a716-446655440000", "{01a2b3c4-d5e6-7f01-8203-040506070809}"]
)
def test_an_event_is_about_our_id_or_else_about_its_own(named: str) -> None:
    """
    Metadata are believed where they hold an id that can be ours, in its one spelling.
    """
    ours, events = a_payment().id, StripeEvents(livemode=False)

    by_id = events.about(an_event("payment_intent.succeeded", an_intent(metadata={"payment_id": str(ours)})))
    by_name = events.about(an_event("payment_intent.succeeded", an_intent(metadata={"payment_id": named})))

    assert by_id == About(payment_id=ours)
    assert by_name == About(kind=ReferenceKind.PAYMENT_INTENT, reference="pi_1")


def test_events_of_the_other_mode_or_of_no_interest_are_about_nobody() -> None:
    """
    Test events must not move real payments, nor the other way round.
    """
    assert StripeEvents(livemode=True).about(an_event("payment_intent.succeeded")) is None
    assert StripeEvents(livemode=False).about(an_event("payment_intent.succeeded", livemode=True)) is None
    assert StripeEvents(livemode=False).about(an_event("customer.created", {"object": "customer"})) is None


@pytest.mark.parametrize(
    "thing",
    [
        an_intent(amount="2500"),
        an_intent(amount_received=25.0),
        an_intent(amount_received=-1),
        an_intent(amount_received=10**30),
        an_intent(id="pi_1\n"),
        an_intent(created=10**12),
        an_intent(object="charge"),
        an_intent(metadata={"payment_id": 7}),
        {"object": "payment_intent"},
        [],
        None,
    ],
)
def test_an_event_of_another_shape_is_unreadable(thing: Any) -> None:
    """
    Types are strict: an amount is an integer, an id looks like one.
    """
    body = json.dumps(json.loads(an_event("payment_intent.succeeded").body) | {"data": {"object": thing}})

    with pytest.raises(Unreadable):
        StripeEvents(livemode=False).about(a_message(body.encode()))


def test_a_key_said_twice_is_unreadable() -> None:
    """
    Two readers of such a body may take two different values.
    """
    body = an_event("payment_intent.succeeded").body.replace(b'"status":', b'"status": "canceled", "status":')

    with pytest.raises(Unreadable):
        StripeEvents(livemode=False).about(a_message(body))


@given(st.binary(max_size=300) | st.builds(lambda depth: b'{"id":' + b"[" * depth, st.integers(0, 100_000)))
def test_whatever_the_body_is_it_is_at_worst_unreadable(body: bytes) -> None:
    """
    No bytes make the translator fail in another way.
    """
    with pytest.raises(Unreadable):
        StripeEvents(livemode=False).about(a_message(body))


@given(st.sampled_from(sorted(EXPONENTS)), st.integers(1, 10**8))
def test_money_comes_back_from_stripe_as_it_went(currency: str, amount: int) -> None:
    """
    Whatever decimals Stripe uses; what Stripe cannot express is refused, never rounded.
    """
    money = Money(amount, currency)
    try:
        sent = amounts.to_wire(money)
    except Invalid:
        assert currency == "MGA"
        assert amount % 100
    else:
        assert amounts.from_wire(sent, currency.lower()) == money


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"money": usd(49)}, "amount"),
        ({"money": Money(29, "GBP")}, "amount"),
        ({"money": usd(100_000_000)}, "amount"),
        ({"money": Money(5001, "KWD")}, "amount"),
        ({"money": Money(150, "MGA")}, "amount"),
        ({"order_id": "o" * 501}, "order_id"),
        ({"description": "d" * 1001}, "description"),
        ({"money": kes(10), "method": PaymentMethod(type=MethodType.BANK_TRANSFER)}, "currency"),
        ({"money": Money(900, "EUR"), "method": PaymentMethod(type=MethodType.BANK_TRANSFER)}, "paymentMethod.country"),
        (
            {"money": Money(900, "EUR"), "method": PaymentMethod(type=MethodType.BANK_TRANSFER, country="XX")},
            "paymentMethod.country",
        ),
        ({"method": PaymentMethod(type=MethodType.BANK_TRANSFER, country="US")}, "paymentMethod.country"),
        (
            {"method": PaymentMethod(type=MethodType.BANK_TRANSFER), "capture_method": CaptureMethod.MANUAL},
            "capture_method",
        ),
    ],
)
def test_what_stripe_would_refuse_is_refused_before_anything_happens(facts: dict[str, Any], field: str) -> None:
    """
    With the field's name as the request spells it.
    """
    with pytest.raises(Invalid) as refused:
        checks.check(a_payment(**facts), largest=99_999_999)

    assert [fault.field for fault in refused.value.faults] == [field]


@pytest.mark.parametrize(
    "facts",
    [
        {"money": usd(50)},
        {"money": usd(99_999_999)},
        {"money": kes(1)},
        {"money": Money(1, "ISK")},
        {"money": Money(50, "JPY")},
        {"money": Money(5010, "KWD")},
        {"money": Money(900, "EUR"), "method": PaymentMethod(type=MethodType.BANK_TRANSFER, country="DE")},
        {"money": Money(900, "GBP"), "method": PaymentMethod(type=MethodType.BANK_TRANSFER)},
        {"capture_method": CaptureMethod.MANUAL},
    ],
)
def test_what_stripe_takes_is_not_refused(facts: dict[str, Any]) -> None:
    """
    The smallest and largest amounts, and currencies without a minimum of their own.
    """
    checks.check(a_payment(**facts), largest=99_999_999)


def test_the_same_payment_always_asks_for_the_same() -> None:
    """
    Stripe refuses a key that comes back with other parameters: nothing that changes while we wait may be in them.
    """
    asked = a_payment()
    later = asked.learn(told(asked, status="requires_action", next_action={"type": "use_stripe_sdk"}), AT)

    assert parameters.card_intent(asked, "pm_1") == parameters.card_intent(later, "pm_1")
    assert parameters.metadata(asked)["payment_id"] == str(asked.id)


def test_a_customer_is_sent_away_only_where_there_is_a_way_back() -> None:
    """
    Without a return URL no method that redirects is offered.
    """
    stays = parameters.card_intent(a_payment(method=a_card()), "pm_1")
    returns = parameters.card_intent(a_payment(return_url="https://shop.example/back"), "pm_1")

    assert stays["automatic_payment_methods"] == {"enabled": True, "allow_redirects": "never"}
    assert returns["automatic_payment_methods"] == {"enabled": True, "allow_redirects": "always"}
    assert returns["return_url"] == "https://shop.example/back"


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def test_a_failed_attempt_is_not_the_end_where_the_customer_can_still_pay() -> None:
    """
    Who was given a client secret may try another card; who never was has been told of the decline by our own answer.
    """
    intent = an_intent(status="requires_payment_method", last_payment_error=DECLINED)
    event = an_event("payment_intent.payment_failed", intent)
    given_out = a_payment(next_action={"type": "three_d_secure"})

    claims = [
        [piece.claim for piece in StripeEvents(livemode=False).translate(event, payment).evidence]
        for payment in (given_out, a_payment())
    ]

    assert claims == [[Claim.REQUIRES_ACTION], []]
