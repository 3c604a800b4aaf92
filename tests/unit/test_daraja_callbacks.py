"""STK callbacks, in every shape they come in and many they do not."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from adapters.daraja.translation import Confirm
from adapters.daraja.webhooks import DarajaCallbacks
from application.ports.inbox import Message
from application.ports.webhooks import About, Unreadable
from domain.evidence import Claim, Evidence, Reason, Source
from domain.money import Money
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import GatewayName
from domain.status import Status
from tests.builders import an_mpesa_payment, kes
from tests.fakes import IdsOf, StandingClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROMPT = "ws_CO_191220191020363925"
#: The portal's own samples.
PAID = (
    b'{"Body":{"stkCallback":{"MerchantRequestID":"29115-34620561-1","CheckoutRequestID":"ws_CO_191220191020363925",'
    b'"ResultCode":0,"ResultDesc":"The service request is processed successfully.","CallbackMetadata":{"Item":'
    b'[{"Name":"Amount","Value":1.00},{"Name":"MpesaReceiptNumber","Value":"NLJ7RT61SV"},'
    b'{"Name":"TransactionDate","Value":20191219102115},{"Name":"PhoneNumber","Value":254708374149}]}}}}'
)
CANCELLED = (
    b'{"Body":{"stkCallback":{"MerchantRequestID":"f1e2-4b95-a71d-b30d3cdbb7a7942864","CheckoutRequestID":'
    b'"ws_CO_21072024125243250722943992","ResultCode":1032,"ResultDesc":"Request cancelled by user"}}}'
)


def a_payment() -> Payment:
    return an_mpesa_payment(money=kes(1), references={ReferenceKind.CHECKOUT_REQUEST: PROMPT})


def a_message(body: bytes, payment_id: UUID | None = None) -> Message:
    arrived_at_noon = IdsOf(StandingClock(NOON))()
    return Message(arrived_at_noon, GatewayName.MPESA, "event", body, payment_id)


def a_callback(code: Any = 0, *items: dict[str, Any], prompt: Any = PROMPT) -> bytes:
    told: dict[str, Any] = {"CheckoutRequestID": prompt, "ResultCode": code, "ResultDesc": "…"}
    if items:
        told["CallbackMetadata"] = {"Item": list(items)}
    return json.dumps({"Body": {"stkCallback": told}}).encode()


def paid(literal: str) -> bytes:
    """A paid callback with this JSON for the amount."""
    return PAID.replace(b"1.00", literal.encode())


def translated(body: bytes, confirm: Confirm = Confirm.QUERY) -> Report:
    return DarajaCallbacks(confirm).translate(a_message(body), a_payment())


@pytest.mark.parametrize(
    ("confirm", "claim"),
    [(Confirm.CALLBACK, Claim.SUCCEEDED), (Confirm.QUERY, Claim.PAID), (Confirm.STATUS, Claim.PAID)],
)
def test_what_a_paid_callback_is_by_itself(confirm: Confirm, claim: Claim) -> None:
    """
    A success only where the operator says that callbacks suffice; else a claim that must be confirmed.
    """
    assert translated(PAID, confirm) == Report(
        evidence=(Evidence(claim=claim, source=Source.SIGNED, at=NOON, amount=Money(100, "KES"), code="0"),),
        references={ReferenceKind.CHECKOUT_REQUEST: PROMPT, ReferenceKind.RECEIPT: "NLJ7RT61SV"},
    )


def test_a_failure_carries_no_metadata() -> None:
    """
    The portal's failure sample: the name and the code are all there is.
    """
    report = translated(CANCELLED)

    assert report.evidence == (
        Evidence(claim=Claim.CANCELLED, source=Source.SIGNED, at=NOON, code="1032", reason=Reason.CANCELLED_BY_PAYER),
    )
    assert report.references == {ReferenceKind.CHECKOUT_REQUEST: "ws_CO_21072024125243250722943992"}


@pytest.mark.parametrize("code", [1032, "1032"])
def test_a_code_may_be_a_number_or_text(code: object) -> None:
    """
    Callbacks send numbers, queries text; both are the same word, and a later query must find it equal.
    """
    assert translated(a_callback(code)).evidence[0].code == "1032"


def test_items_come_in_any_order_and_without_values() -> None:
    """
    A Balance without a value is known from the field.
    """
    body = a_callback(
        0,
        {"Name": "PhoneNumber", "Value": "2547 ***** 149"},
        {"Name": "Balance"},
        {"Name": "MpesaReceiptNumber", "Value": "NLJ7RT61SV"},
        {"Name": "Balance", "Value": None},
        {"Name": "Amount", "Value": "1"},
    )

    assert translated(body).evidence == translated(PAID).evidence


@pytest.mark.parametrize(
    ("literal", "cents"),
    [("1.00", 100), ("1", 100), ('"1"', 100), ("10.50", 1050), ("0.1", 10), ("250000.0", 25_000_000), ("1e2", 10_000)],
)
def test_an_amount_is_exact_to_the_cent(literal: str, cents: int) -> None:
    """
    Through no float: 10.50 is 1050 cents, whatever we had asked for.
    """
    assert translated(paid(literal)).evidence[0].amount == Money(cents, "KES")


@pytest.mark.parametrize("confirm", Confirm)
def test_another_amount_goes_to_a_person(confirm: Confirm) -> None:
    """
    Neither success nor failure: money moved, but not the money that was asked for.
    """
    payment = a_payment()

    report = DarajaCallbacks(confirm).translate(a_message(paid("1.50")), payment)

    assert payment.learn(report, NOON).status is Status.REVIEW


@pytest.mark.parametrize("confirm", Confirm)
def test_a_success_without_an_amount_must_be_confirmed(confirm: Confirm) -> None:
    """
    A callback that does not say what was paid proves nothing by itself.
    """
    (claim,) = translated(a_callback(0), confirm).evidence

    assert (claim.claim, claim.amount) == (Claim.PAID, None)


@pytest.mark.parametrize(
    "literal",
    [
        "-1",
        "0.001",
        "1.000000000000000000000000000001",
        "9" * 17,
        "1" * 5000,
        "1e400",
        "1e999999999",
        '"NaN"',
        '"sNaN"',
        '"Infinity"',
        '""',
        '"x"',
        "true",
        "[]",
    ],
)
def test_an_amount_that_is_none_is_not_rounded_to_one(literal: str) -> None:
    """
    What does not fit cents exactly, or the ledger, is not read at all.
    """
    with pytest.raises(Unreadable):
        translated(paid(literal))


def test_two_amounts_in_one_callback_are_none() -> None:
    """
    Which of them is true is not ours to choose.
    """
    with pytest.raises(Unreadable):
        translated(a_callback(0, {"Name": "Amount", "Value": 1}, {"Name": "Amount", "Value": 2}))


def test_an_unlisted_code_claims_nothing_and_is_told_once() -> None:
    """
    Its name is adopted all the same: with it, the gateway can be asked.
    """
    callbacks = DarajaCallbacks()

    with capture_logs() as log:
        reports = [callbacks.translate(a_message(a_callback(7777)), a_payment()) for _ in range(3)]

    assert [report.evidence for report in reports] == [(), (), ()]
    assert reports[0].references == {ReferenceKind.CHECKOUT_REQUEST: PROMPT}
    assert log == [{"event": "result_code.unlisted", "code": "7777", "log_level": "warning"}]


def test_the_phone_number_goes_nowhere() -> None:
    """
    It may be masked, and it is personal: neither kept nor logged.
    """
    with capture_logs() as log:
        report = translated(PAID)

    assert "254708374149" not in repr((report, log))


def test_a_callback_names_its_prompt_and_its_path_its_payment() -> None:
    """
    The secret path says whose it is; on the open path only the prompt's name does.
    """
    callbacks, payment_id = DarajaCallbacks(), uuid7()

    assert callbacks.about(a_message(PAID, payment_id)) == About(payment_id, ReferenceKind.CHECKOUT_REQUEST, PROMPT)
    assert callbacks.about(a_message(PAID)) == About(None, ReferenceKind.CHECKOUT_REQUEST, PROMPT)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'"text"', b"1", b'{"Body":{}}', b'{"Body":[]}'])
def test_json_about_something_else_is_nothing_we_act_on(body: bytes) -> None:
    """
    It is acknowledged and left alone.
    """
    assert DarajaCallbacks().about(a_message(body)) is None
    assert translated(body) == Report()


def test_an_answer_names_the_question_it_answers() -> None:
    """
    Its conversation is looked up: only an answer to a question of ours is believed.
    """
    body = b'{"Result":{"ConversationID":"AG_1","ResultCode":0}}'
    assert DarajaCallbacks().about(a_message(body)) == About(None, ReferenceKind.CONVERSATION, "AG_1")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"paid",
        b"\xff\xfe",
        b"[" * 100_000,
        PAID[:-1],
        b'{"Body":{"stkCallback":null}}',
        b'{"Body":{"stkCallback":{}}}',
        a_callback(True),
        a_callback(0.0),
        a_callback(None),
        a_callback(-1),
        a_callback("10\n"),
        a_callback(10**40),
        a_callback(0, prompt=""),
        a_callback(0, prompt="a b"),
        a_callback(0, prompt="\0"),
        a_callback(0, prompt=5),
        a_callback(0, prompt="x" * 65),
        a_callback(0, {"Value": 1}),
        a_callback(0, {"Name": "MpesaReceiptNumber", "Value": 7}),
        a_callback(0, {"Name": "MpesaReceiptNumber", "Value": "A\0"}),
    ],
)
def test_a_shape_nobody_has_seen_is_unreadable(body: bytes) -> None:
    """
    It is kept for a person, not guessed at.
    """
    with pytest.raises(Unreadable):
        translated(body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(PROMPT),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_ITEM = st.fixed_dictionaries({"Name": st.sampled_from(["Amount", "MpesaReceiptNumber", "Balance"]), "Value": _JSON})
_CALLBACK = st.fixed_dictionaries(
    {"CheckoutRequestID": st.just(PROMPT) | _JSON, "ResultCode": st.sampled_from([0, "0", 1, "1037"]) | _JSON},
    optional={"CallbackMetadata": st.fixed_dictionaries({"Item": st.lists(_ITEM) | _JSON}) | _JSON},
)
_BODIES = (
    st.binary()
    | _JSON.map(lambda document: json.dumps(document).encode())
    | _CALLBACK.map(lambda told: json.dumps({"Body": {"stkCallback": told}}).encode())
)


@given(_BODIES)
@settings(max_examples=400, deadline=None)
def test_whatever_comes_is_read_or_unreadable(body: bytes) -> None:
    """
    No body on earth makes anything else of a translator than a report or a refusal.
    """
    callbacks = DarajaCallbacks(Confirm.CALLBACK)
    message = a_message(body)
    with capture_logs():
        try:
            callbacks.about(message)
            callbacks.translate(message, a_payment())
        except Unreadable:
            pass
