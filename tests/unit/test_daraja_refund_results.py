"""What M-Pesa posts about reversals and B2C payments, in the portal's own samples and in shapes nobody hopes for."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from adapters.daraja.refund_results import REASONS
from adapters.daraja.webhooks import DarajaCallbacks
from application.ports.inbox import Message
from application.ports.payments import Purpose
from application.ports.webhooks import About, AboutRefund, Unreadable
from domain.evidence import Claim, Evidence, Reason, Source
from domain.money import Money
from domain.payment import ReferenceKind, Report
from domain.payment_method import GatewayName
from domain.refund import Refund, RefundChannel, RefundStatus
from domain.verdict import Known
from tests.builders import kes
from tests.daraja_refunds import a_refund, lost
from tests.fakes import IdsOf, StandingClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REVERSAL, B2C = RefundChannel.REVERSAL, RefundChannel.B2C
#: The portal's own samples, but for a name.
REVERSED = (
    b'{"Result":{"ResultType":0,"ResultCode":0,"ResultDesc":"The service request is processed successfully.",'
    b'"OriginatorConversationID":"dad6-4c34-8787-c8cb963a496d1268232","ConversationID":"AG_20211114_201018edbbf9f1582eaa",'
    b'"TransactionID":"SKE52PAWR9","ResultParameters":{"ResultParameter":['
    b'{"Key":"DebitAccountBalance","Value":"Utility Account|KES|7722179.62|7722179.62|0.00|0.00"},'
    b'{"Key":"Amount","Value":1.00},{"Key":"TransCompletedTime","Value":20211114132711},'
    b'{"Key":"OriginalTransactionID","Value":"SKC82PACB8"},{"Key":"Charge","Value":0.00},'
    b'{"Key":"CreditPartyPublicName","Value":"254705912645 - JOHN DOE"},'
    b'{"Key":"DebitPartyPublicName","Value":"600992 - Safaricom Daraja 992"}]},"ReferenceData":{"ReferenceItem":'
    b'{"Key":"QueueTimeoutURL","Value":"https://internalsandbox.safaricom.co.ke/mpesa/reversalresults/v1/submit"}}}}'
)
NOT_REVERSED = (
    b'{"Result":{"ResultType":0,"ResultCode":"R000002","ResultDesc":"The OriginalTransactionID is invalid.",'
    b'"OriginatorConversationID":"3124-481d-b706-10bdd6fbc8e21792398","ConversationID":"AG_20211114_2010573069aefb6b625a",'
    b'"TransactionID":"SKE0000000","ReferenceData":{"ReferenceItem":{"Key":"QueueTimeoutURL","Value":'
    b'"https://internalsandbox.safaricom.co.ke/mpesa/reversalresults/v1/submit"}}}}'
)
ONE_SHILLING = Money(100, "KES")
CONVERSATION = "AG_20211114_201018edbbf9f1582eaa"


def a_message(body: bytes, purpose: Purpose = Purpose.REFUND, refund: Refund | None = None) -> Message:
    arrived_at_noon = IdsOf(StandingClock(NOON))()
    about = refund or a_refund()
    return Message(
        id=arrived_at_noon,
        gateway=GatewayName.MPESA,
        event_id="event",
        body=body,
        payment_id=about.payment_id,
        refund_id=about.id,
        purpose=purpose,
    )


def a_result(code: Any, *parameters: dict[str, Any], **told: Any) -> bytes:
    result: dict[str, Any] = {"ConversationID": CONVERSATION, "ResultCode": code, "ResultDesc": "…"} | told
    if parameters:
        result["ResultParameters"] = {"ResultParameter": list(parameters)}
    return json.dumps({"Result": result}).encode()


def a_paid_out(**changes: Any) -> bytes:
    parameters: dict[str, Any] = {
        "TransactionAmount": 10,
        "TransactionReceipt": "SG632NMT0D",
        "ReceiverPartyPublicName": "254705912645 - JOHN DOE",
        "TransactionCompletedDateTime": "06.07.2024 22:48:52",
        "B2CRecipientIsRegisteredCustomer": "Y",
    }
    told = [{"Key": key, "Value": value} for key, value in (parameters | changes).items()]
    return a_result(0, *told, OriginatorConversationID="NAME", TransactionID="SG632NMT0D")


def translated(body: bytes, refund: Refund, purpose: Purpose = Purpose.REFUND) -> Report:
    return DarajaCallbacks().translate_refund(a_message(body, purpose, refund), refund)


def learned(refund: Refund, *bodies: bytes) -> Refund:
    """The refund after these results, each translated by what was known then."""
    for body in bodies:
        refund = refund.learn(translated(body, refund), NOON)
    return refund


def knowing(refund: Refund, *evidence: Evidence, **names: str) -> Refund:
    references = {ReferenceKind(kind): name for kind, name in names.items()}
    return replace(refund, known=Known(frozenset(evidence)), references=references)


class TestSuccess:
    def test_a_reversal_tells_its_amount_and_its_own_receipt(self) -> None:
        """
        The portal's sample; `OriginalTransactionID` is the payment's receipt, not the refund's.
        """
        assert translated(REVERSED, a_refund()) == Report(
            evidence=(Evidence(claim=Claim.SUCCEEDED, source=Source.SIGNED, at=NOON, amount=ONE_SHILLING, code="0"),),
            references={ReferenceKind.CONVERSATION: CONVERSATION, ReferenceKind.RECEIPT: "SKE52PAWR9"},
        )

    def test_b2c_tells_them_under_names_of_its_own(self) -> None:
        """
        TransactionAmount, in whole shillings.
        """
        report = translated(a_paid_out(), a_refund(B2C))

        assert report.evidence[0].amount == kes(10)
        assert report.references[ReferenceKind.RECEIPT] == "SG632NMT0D"

    def test_another_amount_goes_to_a_person(self) -> None:
        """
        Money moved, but not the money that was asked for.
        """
        assert learned(a_refund(money=ONE_SHILLING), REVERSED).status is RefundStatus.SUCCEEDED
        assert learned(a_refund(money=kes(2)), REVERSED).status is RefundStatus.REVIEW

    def test_parameters_may_come_without_a_list_and_without_values(self) -> None:
        """
        Both are seen in the field.
        """
        single = {"Key": "Amount", "Value": "1.00"}
        body = a_result(0, ResultParameters={"ResultParameter": single}, TransactionID=None)
        bare = a_result(0, {"Key": "Amount"}, {"Key": "Charge", "Value": None})

        assert translated(body, a_refund()).evidence[0].amount == ONE_SHILLING
        assert translated(bare, a_refund()).evidence[0].amount is None

    def test_nobodys_name_or_phone_is_kept(self) -> None:
        """
        The result names the customer; nothing of that goes anywhere.
        """
        with capture_logs() as log:
            told = [translated(REVERSED, a_refund()), translated(a_paid_out(), a_refund(B2C))]

        assert "JOHN" not in repr((told, log))
        assert "254705912645" not in repr((told, log))


class TestFailure:
    def test_the_portals_sample_of_a_failure(self) -> None:
        """
        The code is text, and there are no parameters.
        """
        (failure,) = translated(NOT_REVERSED, a_refund()).evidence

        assert (failure.claim, failure.rank, failure.code) == (Claim.FAILED, 3, "R000002")
        assert learned(a_refund(), NOT_REVERSED).status is RefundStatus.FAILED

    @pytest.mark.parametrize(
        ("channel", "code"), [(channel, code) for channel, reasons in REASONS.items() for code in reasons]
    )
    def test_every_code_of_the_table_closes(self, channel: RefundChannel, code: str) -> None:
        """
        Number or text: nothing moved, and the amount is free again.
        """
        for spelt in {code, int(code) if code.isdigit() else code}:
            refund = learned(a_refund(channel), a_result(spelt))

            assert (refund.status, refund.failure) == (RefundStatus.FAILED, REASONS[channel][code])
            assert refund.amount_held == 0

    def test_the_tables_hold_all_that_the_portal_lists(self) -> None:
        """
        But R000001, which is no plain failure.
        """
        assert set(REASONS[REVERSAL]) == {"1", "11", "21", "2001", "2006", "2028", "8006", "R000002"}
        assert set(REASONS[B2C]) == {
            *("1", "2", "3", "4", "8", "11", "15", "21"),
            *("2001", "2006", "2028", "2040", "8006", "SFC_IC0003"),
        }

    def test_a_code_that_names_our_configuration_alarms_once(self) -> None:
        """
        The operator must act, whoever refunds next.
        """
        callbacks, refund = DarajaCallbacks(), a_refund()
        with capture_logs() as log:
            for _ in range(3):
                callbacks.translate_refund(a_message(a_result(8006), refund=refund), refund)

        assert log == [{"event": "daraja.misconfigured", "code": "8006", "log_level": "error"}]

    def test_an_unlisted_code_ends_nothing_and_is_told_once(self) -> None:
        """
        21 with a success text is in an old sample: the code counts, not the words; and 77 is no end at all.
        """
        callbacks, refund = DarajaCallbacks(), a_refund()
        with capture_logs() as log:
            told = [callbacks.translate_refund(a_message(a_result(77), refund=refund), refund) for _ in range(3)]

        assert [report.evidence for report in told] == [(), (), ()]
        assert log == [{"event": "result_code.unlisted", "code": "77", "log_level": "warning"}]
        success = "The service request is processed successfully."
        assert learned(refund, a_result("21", ResultDesc=success)).failure is Reason.CONFIGURATION


class TestAlreadyReversed:
    def test_after_a_lost_answer_it_was_us(self) -> None:
        """
        The one natural idempotency there is: what we sent before went through.
        """
        for source in (Source.CLOCK, Source.SIGNED):
            refund = knowing(a_refund(), lost(source))

            assert learned(refund, a_result("R000001")).status is RefundStatus.SUCCEEDED

    def test_whichever_of_the_two_is_heard_first(self) -> None:
        """
        After a crash the result may be there before anybody knows that an answer was lost.
        """
        refund = learned(a_refund(), a_result("R000001"))

        refund = refund.learn(Report(evidence=(lost(),)), NOON)

        assert refund.status is RefundStatus.SUCCEEDED

    def test_else_it_was_somebody_else(self) -> None:
        """
        Reversed on the portal, say: a person decides, and the amount stays reserved.
        """
        refund = learned(a_refund(), a_result("R000001"))

        assert refund.status is RefundStatus.REVIEW
        assert refund.amount_held == refund.money.amount

    def test_b2c_knows_no_such_code(self) -> None:
        """
        It would be news.
        """
        with capture_logs():
            assert translated(a_result("R000001"), a_refund(B2C)).evidence == ()


class TestWhoseResultItIs:
    def test_another_conversation_than_ours_is_not_believed(self) -> None:
        """
        The path is secret, but a result that names another call is no answer to ours.
        """
        refund = knowing(a_refund(money=ONE_SHILLING), conversation="AG_ANOTHER")
        with capture_logs() as log:
            report = translated(REVERSED, refund)

        assert report == Report()
        assert [entry["event"] for entry in log] == ["refund_result.contradicted"]

    def test_either_of_our_names_will_do(self) -> None:
        """
        Daraja's, or the one that we gave.
        """
        by_theirs = knowing(a_refund(money=ONE_SHILLING), conversation=CONVERSATION)
        ours = {"conversation": "AG_ANOTHER", "originator_conversation": "dad6-4c34-8787-c8cb963a496d1268232"}
        by_ours = knowing(a_refund(money=ONE_SHILLING), **ours)

        for refund in (by_theirs, by_ours):
            assert learned(refund, REVERSED).status is RefundStatus.SUCCEEDED

    def test_a_result_of_an_attempt_whose_answer_was_lost_is_ours(self) -> None:
        """
        Its conversation was in the answer that we never saw; the name we know stays.
        """
        refund = learned(knowing(a_refund(money=ONE_SHILLING), lost(), conversation="AG_SECOND"), REVERSED)

        assert refund.status is RefundStatus.SUCCEEDED
        assert refund.references[ReferenceKind.CONVERSATION] == "AG_SECOND"
        assert refund.references[ReferenceKind.RECEIPT] == "SKE52PAWR9"

    def test_one_failed_attempt_of_two_closes_nothing(self) -> None:
        """
        The other may have gone through: its amount must not be given a second time.
        """
        twice = knowing(a_refund(), lost(), conversation=CONVERSATION)
        once = knowing(a_refund(), lost())

        refund = learned(twice, a_result(1))

        assert (refund.status, refund.amount_held) == (RefundStatus.UNKNOWN, refund.money.amount)
        assert learned(refund, a_result("R000001")).status is RefundStatus.SUCCEEDED
        assert learned(once, a_result(1)).status is RefundStatus.FAILED

    def test_attempts_of_b2c_are_one(self) -> None:
        """
        They have one name, so a failure is everyone's; only "duplicate" may mean that the first went through.
        """
        twice = knowing(a_refund(B2C), lost(), conversation=CONVERSATION)

        assert learned(twice, a_result(1)).status is RefundStatus.FAILED
        assert learned(twice, a_result(15)).status is RefundStatus.UNKNOWN
        assert learned(a_refund(B2C), a_result(15)).failure is Reason.DUPLICATE_SUSPECTED


class TestQueue:
    @pytest.mark.parametrize("body", [b'{"Result":{"ConversationID":"AG_1"}}', b"{}", b'"text"', REVERSED])
    def test_a_time_out_says_nothing_whatever_it_says(self, body: bytes) -> None:
        """
        No source shows its body; the money may have moved, so it is UNKNOWN and stays reserved.
        """
        refund = a_refund()
        message = a_message(body, Purpose.REFUND_TIMEOUT, refund)

        assert DarajaCallbacks().about_refund(message) is not None
        refund = refund.learn(DarajaCallbacks().translate_refund(message, refund), NOON)
        assert (refund.status, refund.amount_held) == (RefundStatus.UNKNOWN, refund.money.amount)
        assert learned(refund, a_result(1)).status is RefundStatus.FAILED

    def test_a_result_without_a_code_is_none(self) -> None:
        """
        As it would look if the time-out came by the wrong path.
        """
        refund = learned(a_refund(), b'{"Result":{"ConversationID":"AG_1"}}')

        assert refund.status is RefundStatus.UNKNOWN


class TestBooks:
    """Transaction Status, asked by the name that the refund goes by."""

    @staticmethod
    def said(state: str | None = "Completed", name: str = "NAME", amount: str = "150", code: int = 0) -> bytes:
        return a_result(
            code,
            {"Key": "DebitPartyName", "Value": "600992 - Shop"},
            {"Key": "DebitPartyName", "Value": "254708374149 - Customer"},
            {"Key": "OriginatorConversationID", "Value": name},
            {"Key": "TransactionReason"},
            {"Key": "TransactionStatus", "Value": state},
            {"Key": "Amount", "Value": amount},
            {"Key": "ReceiptNo", "Value": "SG632NMT0D"},
        )

    def told(self, refund: Refund, **said: Any) -> Refund:
        named = replace(refund, references={**refund.references, ReferenceKind.ORIGINATOR_CONVERSATION: "NAME"})
        return named.learn(translated(self.said(**said), named, Purpose.STATUS), NOON)

    def test_what_they_say_is_the_strongest_evidence_there_is(self) -> None:
        """
        The gateway's own record, on a path that only our question knew.
        """
        refund = self.told(a_refund(B2C))

        (piece,) = refund.known.evidence
        assert (refund.status, piece.rank, piece.amount) == (RefundStatus.SUCCEEDED, 4, kes(150))
        assert refund.references[ReferenceKind.RECEIPT] == "SG632NMT0D"

    @pytest.mark.parametrize(
        ("state", "status"),
        [
            ("Declined", RefundStatus.FAILED),
            ("Expired", RefundStatus.FAILED),
            ("Cancelled", RefundStatus.CANCELLED),
            ("Initiated", RefundStatus.PROCESSING),
            ("Authorized", RefundStatus.PROCESSING),
            (None, RefundStatus.PROCESSING),
        ],
    )
    def test_only_final_words_are_an_end(self, state: str | None, status: RefundStatus) -> None:
        """
        The portal's FAQ lists them.
        """
        with capture_logs():
            assert self.told(a_refund(B2C), state=state).status is status

    @pytest.mark.parametrize("said", [{"name": "ANOTHER"}, {"code": 2001}])
    def test_a_question_that_was_not_answered_says_nothing(self, said: dict[str, Any]) -> None:
        """
        Another transaction, or we may not ask.
        """
        with capture_logs() as log:
            refund = self.told(a_refund(B2C), **said)

        assert refund.status is RefundStatus.PROCESSING
        assert log[0]["event"] in {"transaction_status.inconclusive", "transaction_status.failed"}

    def test_a_declined_reversal_of_two_closes_nothing(self) -> None:
        """
        They were asked for one of them.
        """
        twice = knowing(a_refund(), lost(), conversation=CONVERSATION)

        assert self.told(twice, state="Declined").known == twice.known


def test_a_message_is_about_the_refund_whose_path_it_came_by() -> None:
    """
    Messages about payments, and JSON that is no result, are about none.
    """
    refund = a_refund()

    assert DarajaCallbacks().about_refund(a_message(REVERSED, refund=refund)) == AboutRefund(
        refund_id=refund.id, reference=None, payment=About(refund.payment_id), money=None
    )
    assert DarajaCallbacks().about_refund(replace(a_message(REVERSED), refund_id=None)) is None
    assert DarajaCallbacks().about_refund(a_message(b"{}")) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"paid",
        REVERSED[:-1],
        b'{"Result":{}}',
        b'{"Result":null}',
        a_result(True),
        a_result(-1),
        a_result(0, ConversationID="a b"),
        a_result(0, TransactionID="no receipt\n"),
        a_result(0, {"Key": "Amount", "Value": "-1"}),
        a_result(0, {"Key": "Amount", "Value": 1}, {"Key": "Amount", "Value": 2}),
    ],
)
def test_a_shape_nobody_has_seen_is_unreadable(body: bytes) -> None:
    """
    It is kept for a person, not guessed at.
    """
    with pytest.raises(Unreadable):
        translated(body, a_refund())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_PARAMETER = st.fixed_dictionaries(
    {"Key": st.sampled_from(["Amount", "TransactionAmount", "ReceiptNo", "TransactionStatus"])},
    optional={"Value": _JSON},
)
_RESULT = st.fixed_dictionaries(
    {"ConversationID": st.just(CONVERSATION) | _JSON, "ResultCode": st.sampled_from([0, "0", 1, "R000001"]) | _JSON},
    optional={
        "TransactionID": _JSON,
        "OriginatorConversationID": _JSON,
        "ResultParameters": st.fixed_dictionaries({"ResultParameter": st.lists(_PARAMETER) | _PARAMETER}) | _JSON,
    },
)
_BODIES = st.binary() | _RESULT.map(lambda told: json.dumps({"Result": told}).encode())


@given(
    _BODIES,
    st.sampled_from([Purpose.REFUND, Purpose.REFUND_TIMEOUT, Purpose.STATUS]),
    st.sampled_from([REVERSAL, B2C]),
)
@settings(max_examples=400, deadline=None)
def test_whatever_comes_is_read_or_unreadable(body: bytes, purpose: Purpose, channel: RefundChannel) -> None:
    """
    No body on earth makes anything else of a translator than a report or a refusal.
    """
    refund = knowing(a_refund(channel), lost(), conversation=uuid7().hex)
    with capture_logs():
        try:
            DarajaCallbacks().about_refund(a_message(body, purpose, refund))
            translated(body, refund, purpose)
        except Unreadable:
            pass
