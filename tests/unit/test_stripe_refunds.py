"""What Stripe's refunds and the events about them claim; and what could never be given back."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from adapters.stripe import parameters, refund_translation, wire
from adapters.stripe.gateway import StripeGateway
from adapters.stripe.webhooks import INFORMATIVE, OF_REFUNDS, StripeEvents
from application.ports.inbox import Message
from application.ports.webhooks import About, AboutRefund, Unreadable
from domain.errors import Invalid, NotRefundable
from domain.evidence import Claim, Reason, Source
from domain.money import Money
from domain.payment import ReferenceKind
from domain.payment_method import GatewayName, MethodType, PaymentMethod
from domain.refund import Refund, RefundChannel
from tests.builders import a_payment, now, usd
from tests.fakes import StandingClock

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CREATED = 1_790_000_000
INTENT = ReferenceKind.PAYMENT_INTENT


def a_wire_refund(**facts: Any) -> dict[str, Any]:
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 1000,
        "charge": "ch_1",
        "created": CREATED,
        "currency": "usd",
        "metadata": {},
        "payment_intent": "pi_1",
        "reason": None,
        "status": "succeeded",
    } | facts


def a_charge(**card: Any) -> dict[str, Any]:
    shown = {"brand": "visa", "last4": "3220", "three_d_secure": {"result": "authenticated"}} | card
    details = {"type": "card", "card": shown}
    return {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "payment_method_details": details}


def a_refund(money: Money | None = None, **facts: Any) -> Refund:
    return Refund(
        **{
            "id": uuid7(),
            "payment_id": uuid7(),
            "user_id": uuid7(),
            "money": money or usd(1000),
            "channel": RefundChannel.STRIPE,
            "requested_at": now(),
            "updated_at": now(),
        }
        | facts
    )


def an_event(kind: str, thing: Any = None, **facts: Any) -> Message:
    event = {
        "id": "evt_1",
        "object": "event",
        "type": kind,
        "created": CREATED,
        "livemode": False,
        "data": {"object": thing or a_wire_refund()},
    } | facts
    return Message(uuid7(), GatewayName.STRIPE, "evt_1", json.dumps(event).encode())


def told(**facts: Any) -> refund_translation.Report:
    refund = wire.read(wire.REFUND, json.dumps(a_wire_refund(**facts)))
    return refund_translation.report(refund, Source.FETCHED, AT)


EVENTS = StripeEvents(livemode=False)


@pytest.mark.parametrize(
    ("facts", "claim", "reason", "code"),
    [
        ({"status": "pending"}, Claim.PROCESSING, None, None),
        ({"status": "requires_action"}, Claim.PROCESSING, None, None),
        ({"status": "succeeded"}, Claim.SUCCEEDED, None, None),
        ({"status": "canceled"}, Claim.CANCELLED, Reason.CANCELLED, "canceled"),
        ({"status": "failed"}, Claim.RETURNED, Reason.GATEWAY_ERROR, "unknown"),
        *[
            ({"status": "failed", "failure_reason": why}, Claim.RETURNED, reason, why)
            for why, reason in {
                "lost_or_stolen_card": Reason.LOST_OR_STOLEN,
                "expired_or_canceled_card": Reason.CARD_EXPIRED,
                "charge_for_pending_refund_disputed": Reason.REFUND_REFUSED,
                "insufficient_funds": Reason.INSUFFICIENT_FUNDS,
                "declined": Reason.DECLINED,
                "merchant_request": Reason.CANCELLED,
                "unknown": Reason.GATEWAY_ERROR,
                "something_new": Reason.GATEWAY_ERROR,
            }.items()
        ],
    ],
)
def test_every_status_of_a_refund_has_one_meaning(
    facts: dict[str, Any], claim: Claim, reason: Reason | None, code: str | None
) -> None:
    """
    Only a success states an amount; a failure takes back whatever was said before.
    """
    report = told(**facts)

    [piece] = report.evidence
    assert (piece.claim, piece.reason, piece.code) == (claim, reason, code)
    assert piece.amount == (usd(1000) if claim is Claim.SUCCEEDED else None)
    assert (piece.source, piece.at) == (Source.FETCHED, AT)
    assert report.references == {ReferenceKind.REFUND: "re_1"}


@pytest.mark.parametrize("status", ["on_its_way", None])
def test_an_unheard_of_status_claims_nothing_and_is_told_once(status: str | None) -> None:
    """
    Never a guess; the refund's name is still worth keeping.
    """
    with capture_logs() as logs:
        reports = [told(status=status) for _ in range(3)]

    assert [report.evidence for report in reports] == [(), (), ()]
    assert reports[0].references == {ReferenceKind.REFUND: "re_1"}
    assert [entry["value"] for entry in logs] == [status or ""]


@pytest.mark.parametrize(
    ("amount", "currency", "money"),
    [
        (10000, "isk", Money(100, "ISK")),
        (10000, "ugx", Money(100, "UGX")),
        (100, "jpy", Money(100, "JPY")),
        (1, "mga", Money(100, "MGA")),
    ],
)
def test_a_success_says_how_much_went_back_in_our_decimals(amount: int, currency: str, money: Money) -> None:
    """
    As for payments.
    """
    [piece] = told(amount=amount, currency=currency).evidence

    assert piece.amount == money


def test_the_same_refund_always_asks_for_the_same() -> None:
    """
    Stripe refuses a key that comes with other parameters.
    """
    refund = a_refund(Money(100, "ISK"), reason="requested by customer")

    asked = [parameters.refund("pi_1", refund) for _ in range(2)]

    assert asked[0] == asked[1]
    assert asked[0] == {
        "payment_intent": "pi_1",
        "amount": 10000,
        "metadata": {"refund_id": str(refund.id), "payment_id": str(refund.payment_id)},
        "reason": "requested_by_customer",
    }


@pytest.mark.parametrize("reason", [None, "", "The shoes were too small", "duplicates", "fraudulent?"])
def test_words_that_are_not_stripes_are_left_out(reason: str | None) -> None:
    """
    They are the shop's, and Stripe would refuse the refund for them.
    """
    assert "reason" not in parameters.refund("pi_1", a_refund(reason=reason))


@pytest.mark.parametrize("money", [Money(1, "MGA"), Money(1001, "KWD")])
def test_an_amount_that_stripe_cannot_say_is_refused_before_anything_happens(money: Money) -> None:
    """
    The field is named; there is no smallest refund or capture otherwise.
    """
    gateway = StripeGateway(api_key="sk_test_unit", clock=StandingClock())
    payment = a_payment(references={INTENT: "pi_1"})

    with pytest.raises(Invalid) as refused:
        gateway.plan_refund(payment, money)
    with pytest.raises(Invalid):
        gateway.check_capture(a_payment(money=Money(10_000, money.currency)), money.amount)

    assert [fault.field for fault in refused.value.faults] == ["amount"]
    gateway.check_capture(payment, 1)
    assert gateway.plan_refund(payment, usd(1)) is RefundChannel.STRIPE


def test_what_has_no_intent_cannot_go_back() -> None:
    """
    There is nothing at Stripe to refund.
    """
    gateway = StripeGateway(api_key="sk_test_unit", clock=StandingClock())

    with pytest.raises(NotRefundable):
        gateway.plan_refund(a_payment(), usd(1))


@pytest.mark.parametrize("kind", sorted(OF_REFUNDS))
@pytest.mark.parametrize(
    ("facts", "claim"),
    [
        ({"status": "pending"}, Claim.PROCESSING),
        ({"status": "succeeded"}, Claim.SUCCEEDED),
        ({"status": "failed"}, Claim.RETURNED),
    ],
)
def test_an_event_of_a_refund_claims_what_the_refund_in_it_says(kind: str, facts: dict[str, Any], claim: Claim) -> None:
    """
    Whatever the event is called, at the moment it was made; and it is about no payment's own state.
    """
    message = an_event(kind, a_wire_refund(**facts))

    report = EVENTS.translate_refund(message, a_refund())

    [piece] = report.evidence
    assert (piece.claim, piece.source, piece.at) == (claim, Source.SIGNED, datetime.fromtimestamp(CREATED, tz=UTC))
    assert report.references == {ReferenceKind.REFUND: "re_1"}
    assert EVENTS.about(message) is None


def test_an_event_is_about_our_refund_or_else_about_one_made_outside() -> None:
    """
    Ours by the ids in its metadata; the other by its name, its intent and its amount.
    """
    refund_id, payment_id = uuid7(), uuid7()
    ids = {"refund_id": str(refund_id), "payment_id": str(payment_id)}

    ours = EVENTS.about_refund(an_event("refund.created", a_wire_refund(metadata=ids)))
    outside = EVENTS.about_refund(an_event("refund.created", a_wire_refund(metadata=None)))

    assert ours == AboutRefund(
        refund_id=refund_id, reference="re_1", payment=About(payment_id=payment_id), money=usd(1000)
    )
    assert outside == AboutRefund(
        refund_id=None, reference="re_1", payment=About(kind=INTENT, reference="pi_1"), money=usd(1000)
    )


@pytest.mark.parametrize(
    "named", ["", "7", "01A2063E-7CE3-72DC-A7A0-BF67C55D09C5", "00000000-0000-4000-8000-000000000000"]
)
def test_a_refund_id_that_cannot_be_ours_is_none(named: str) -> None:
    """
    Somebody else's system may use the same word.
    """
    about = EVENTS.about_refund(an_event("refund.updated", a_wire_refund(metadata={"refund_id": named})))

    assert about is not None
    assert about.refund_id is None


def test_some_events_are_about_no_refund_of_ours() -> None:
    """
    Of the other mode, of a charge without an intent, or about something else: nothing is said about those in the log
    that come with every refund.
    """
    with capture_logs() as logs:
        for kind in (*INFORMATIVE, "payment_intent.succeeded"):
            assert EVENTS.about_refund(an_event(kind, {"object": "charge"})) is None
        assert EVENTS.about_refund(an_event("refund.created", a_wire_refund(payment_intent=None))) is None
        assert [EVENTS.about(an_event(kind)) for kind in (*INFORMATIVE, *OF_REFUNDS)] == [None] * 5
    live = StripeEvents(livemode=True)

    assert logs == []
    assert live.about_refund(an_event("refund.created")) is None


@pytest.mark.parametrize(
    "thing",
    [
        a_wire_refund(amount="1000"),
        a_wire_refund(amount=-1),
        a_wire_refund(id="ch_1"),
        a_wire_refund(currency="xxx"),
        a_wire_refund(metadata={"refund_id": 7}),
        a_wire_refund(object="charge"),
        {"object": "refund"},
        [1],
    ],
)
def test_an_event_of_another_shape_is_unreadable(thing: Any) -> None:
    """
    Types are strict: an amount is an integer, an id looks like one.
    """
    with pytest.raises(Unreadable):
        EVENTS.about_refund(an_event("refund.created", thing))


@given(st.binary(max_size=300))
def test_whatever_the_body_is_it_is_at_worst_unreadable(body: bytes) -> None:
    """
    No input is a crash.
    """
    with pytest.raises(Unreadable):
        EVENTS.about_refund(Message(uuid7(), GatewayName.STRIPE, "evt_1", body))


def test_the_charge_of_a_customer_who_authenticated_shows_the_card() -> None:
    """
    It proves nothing about the money; a charge that went through at once was described by the answer to our call.
    """
    payment = a_payment(method=PaymentMethod(type=MethodType.CARD), references={INTENT: "pi_1"})
    authenticated = an_event("charge.succeeded", a_charge())
    at_once = an_event("charge.succeeded", a_charge(three_d_secure=None))

    report = EVENTS.translate(authenticated, payment)

    assert EVENTS.about(authenticated) == About(kind=INTENT, reference="pi_1")
    assert EVENTS.about(at_once) is None
    assert report.evidence == ()
    assert report.method == PaymentMethod(type=MethodType.CARD, brand="VISA", last4="3220")
    assert payment.learn(report, AT).status is payment.status
