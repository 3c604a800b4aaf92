"""Daraja's words, and what they mean to us."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.daraja import refusals
from adapters.daraja.callback_base import CallbackBase
from adapters.daraja.connection import Answer
from adapters.daraja.gateway import DarajaGateway
from adapters.daraja.merchant import PAYBILL, Merchant
from adapters.daraja.refusals import Meaning
from adapters.daraja.rules import Rules
from adapters.daraja.status_results import translate_status
from adapters.daraja.translation import ENDINGS, ResultCodes
from adapters.daraja.unshared_token import UnsharedToken
from application.ports.webhooks import Unreadable
from domain.errors import Invalid
from domain.evidence import Claim, Reason, Source
from domain.money import Money
from domain.payment import CaptureMethod, Payment, ReferenceKind
from tests.builders import a_card, an_mpesa_payment, kes, usd
from tests.fakes import StandingClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAFARICOM = "https://api.safaricom.co.ke"


def a_payment(**facts: Any) -> Payment:
    return an_mpesa_payment(**({"references": {ReferenceKind.RECEIPT: "NLJ7RT61SV"}} | facts))


class TestResultCodes:
    @pytest.mark.parametrize(
        ("code", "claim", "reason"),
        [
            ("1", Claim.FAILED, Reason.INSUFFICIENT_FUNDS),
            ("2", Claim.FAILED, Reason.LIMIT_EXCEEDED),
            ("3", Claim.FAILED, Reason.LIMIT_EXCEEDED),
            ("4", Claim.FAILED, Reason.LIMIT_EXCEEDED),
            ("8", Claim.FAILED, Reason.LIMIT_EXCEEDED),
            ("17", Claim.FAILED, Reason.DUPLICATE_SUSPECTED),
            ("26", Claim.FAILED, Reason.GATEWAY_BUSY),
            ("1001", Claim.FAILED, Reason.GATEWAY_BUSY),
            ("1019", Claim.EXPIRED, Reason.EXPIRED),
            ("1025", Claim.FAILED, Reason.GATEWAY_ERROR),
            ("1032", Claim.CANCELLED, Reason.CANCELLED_BY_PAYER),
            ("1037", Claim.EXPIRED, Reason.UNREACHABLE),
            ("2001", Claim.FAILED, Reason.WRONG_PIN),
            ("2006", Claim.FAILED, Reason.ACCOUNT_BLOCKED),
            ("2028", Claim.FAILED, Reason.CONFIGURATION),
            ("2029", Claim.FAILED, Reason.CONFIGURATION),
            ("8006", Claim.FAILED, Reason.ACCOUNT_BLOCKED),
            ("9999", Claim.FAILED, Reason.GATEWAY_ERROR),
            ("SFC_IC0003", Claim.FAILED, Reason.CONFIGURATION),
        ],
    )
    def test_every_listed_code_has_one_meaning(self, code: str, claim: Claim, reason: Reason) -> None:
        """
        The whole table, spelled out a second time.
        """
        with capture_logs():
            (failure,) = ResultCodes().failure(code, Source.SIGNED, NOON)

        assert (failure.claim, failure.reason, failure.code) == (claim, reason, code)

    def test_the_table_is_complete(self) -> None:
        """
        Nothing is listed that the test above does not know.
        """
        marks = TestResultCodes.test_every_listed_code_has_one_meaning.pytestmark  # type: ignore[attr-defined]
        assert set(ENDINGS) == {row[0] for row in marks[0].args[1]}

    def test_which_failures_must_be_verified_first(self) -> None:
        """
        Successes have been seen to follow these, so nothing closes until a later query agrees.
        """
        assert {code for code, ending in ENDINGS.items() if ending.verify_first} == {
            "17", "26", "1001", "1025", "1037", "9999",
        }  # fmt: skip

    @pytest.mark.parametrize("code", ["0", "4999", "00", "", "R000002", "7777"])
    def test_what_is_not_listed_is_no_failure(self, code: str) -> None:
        """
        Neither success nor failure is guessed.
        """
        with capture_logs():
            assert ResultCodes().failure(code, Source.QUERY, NOON) == ()

    def test_a_mistake_of_ours_alarms_once(self) -> None:
        """
        An operator is told once a code, not once a payment.
        """
        codes = ResultCodes()
        with capture_logs() as log:
            for _ in range(3):
                codes.failure("2028", Source.SIGNED, NOON)

        assert log == [{"event": "daraja.misconfigured", "code": "2028", "log_level": "error"}]


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "code", "message", "meaning"),
        [
            (500, "500.001.1001", "Merchant does not exist", Meaning.MISCONFIGURED),
            (500, "500.001.1001", "[MerchantValidate] - Wrong credentials", Meaning.MISCONFIGURED),
            (500, "500.001.1001", "Unable to lock subscriber, a transaction is already…", Meaning.NOT_EXECUTED),
            (500, "500.001.1001", "The transaction is being processed", Meaning.UNCLEAR),
            (500, "500.001.1001", "something else", Meaning.UNCLEAR),
            (500, "500.003.02", "Error Occurred: Spike Arrest Violation", Meaning.NOT_EXECUTED),
            (500, "500.003.02", "System is busy. Please try again in few minutes.", Meaning.UNCLEAR),
            (200, "404.001.03", "Invalid Access Token", Meaning.UNCLEAR),
        ],
    )
    def test_the_code_alone_never_tells(self, status: int, code: str, message: str, meaning: Meaning) -> None:
        """
        One code means many things, for a push; what no row knows may have been executed.
        """
        body = json.dumps({"requestId": "1", "errorCode": code, "errorMessage": message}).encode()

        assert refusals.read(Answer(status, body), refusals.PUSH) == refusals.Refused(meaning, code)

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"errorCode":7}', b"[" * 10_000])
    def test_what_is_no_envelope_is_unclear(self, body: bytes) -> None:
        """
        A firewall's page says nothing about what is behind it.
        """
        assert refusals.read(Answer(403, body), refusals.PUSH).meaning is Meaning.UNCLEAR


class TestCallbackBase:
    def test_only_scheme_host_and_port_count(self) -> None:
        """
        The path is ours; what the setting has there is left out.
        """
        base = CallbackBase.of("https://Pay.Example.org:8443/webhooks/mpesa?query=1", daraja=SAFARICOM)

        assert base.url("ab12") == "https://pay.example.org:8443/webhooks/mm/ab12"
        assert base.url("ab12", "/result") == "https://pay.example.org:8443/webhooks/mm/ab12/result"

    @pytest.mark.parametrize("word", ["mpesa", "M-Pesa", "SAFARICOM", "exe", "executive", "cmd", "mysql", "Query"])
    def test_words_that_daraja_refuses_are_refused_at_the_start(self, word: str) -> None:
        """
        Better no start than callbacks that never come.
        """
        with pytest.raises(ValueError, match="MPESA_CALLBACK_URL must not contain"):
            CallbackBase.of(f"https://{word}.example.org", daraja=SAFARICOM)

    @pytest.mark.parametrize(
        ("url", "daraja"),
        [
            ("http://127.0.0.1:8888", SAFARICOM),
            ("http://[::1]:8888", SAFARICOM),
            ("http://localhost", SAFARICOM),
            ("http://pay.example.org", "https://sandbox.safaricom.co.ke"),
            ("http://api:8888", "http://sandbox:12112"),
            ("https://pay.example.org", SAFARICOM),
        ],
    )
    def test_plain_http_is_for_tests(self, url: str, daraja: str) -> None:
        """
        On loopback, with Safaricom's sandbox, or with a stand-in.
        """
        assert CallbackBase.of(url, daraja=daraja).address == url

    @pytest.mark.parametrize(
        "url",
        [
            "http://pay.example.org",
            "pay.example.org",
            "",
            "ftp://pay.example.org",
            "https://",
            "https://a:b@example.org",
            "https://example.org:99999",
            "https://example.org:0",
            "https://[::1",
            "https://exa mple.org",
        ],
    )
    def test_what_is_no_public_address_is_refused(self, url: str) -> None:
        """
        The message names the setting.
        """
        with pytest.raises(ValueError, match="MPESA_CALLBACK_URL"):
            CallbackBase.of(url, daraja=SAFARICOM)


class TestRules:
    @pytest.mark.parametrize("cents", [100, 25_000_000])
    def test_whole_shillings_within_the_limits_are_taken(self, cents: int) -> None:
        """
        1 to 250,000 shillings, both included.
        """
        Rules(100, 25_000_000).check(a_payment(money=Money(cents, "KES")))

    @pytest.mark.parametrize(
        ("payment", "field"),
        [
            (a_payment(money=Money(1050, "KES")), "amount"),
            (a_payment(money=Money(1, "KES")), "amount"),
            (a_payment(money=kes(250_001)), "amount"),
            (a_payment(money=usd(100)), "currency"),
            (a_payment(capture_method=CaptureMethod.MANUAL), "capture_method"),
            (a_payment(method=a_card()), "paymentMethod.type"),
        ],
    )
    def test_what_mpesa_would_not_take_names_its_field(self, payment: Payment, field: str) -> None:
        """
        Never rounded, never tried.
        """
        with pytest.raises(Invalid) as refused:
            Rules(100, 25_000_000).check(payment)

        assert [fault.field for fault in refused.value.faults] == [field]


def test_a_request_is_signed_with_nairobis_time() -> None:
    """
    The portal's sample: shortcode 174379 with its published passkey at 09:24:08 in Nairobi.
    """
    merchant = Merchant(
        shortcode="174379",
        passkey="bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919",
        transaction_type=PAYBILL,
        party_b="174379",
    )

    signature = merchant.sign(datetime(2021, 6, 28, 6, 24, 8, tzinfo=UTC))

    assert signature.timestamp == "20210628092408"
    assert signature.password == (
        "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGExZWQyYzkxOTIwMjEwNjI4"
        "MDkyNDA4"
    )
    assert "bfb279" not in repr(merchant)


async def test_every_payment_gets_names_of_its_own() -> None:
    """
    A reference the customer can read, a secret nobody can guess, and the phone for as long as a prompt may live.
    """
    gateway = DarajaGateway(
        base_url="http://127.0.0.1:1",
        consumer_key="key",
        consumer_secret="secret",
        passkey="passkey",
        shortcode="174379",
        callback_base="http://127.0.0.1:2",
        shared_token=UnsharedToken(),
        clock=StandingClock(NOON),
    )
    prepared = [gateway.prepare() for _ in range(500)]
    await gateway.close()

    names = [each.references[ReferenceKind.ACCOUNT_REFERENCE] for each in prepared]
    assert len(set(names)) == 500
    assert all(re.fullmatch("[A-Z2-7]{12}", name) for name in names)
    assert all(re.fullmatch("[0-9a-f]{64}", each.callback_token or "") for each in prepared)
    assert {each.holds_phone_for for each in prepared} == {timedelta(seconds=120)}


class TestStatusResults:
    """Transaction Status is believed where question, conversation and receipt are ours."""

    @staticmethod
    def a_result(state: str = "Completed", receipt: str = "NLJ7RT61SV", code: int | str | None = 0) -> bytes:
        parameters = [
            {"Key": "DebitPartyName", "Value": "600310 - A Shop"},
            {"Key": "DebitPartyName", "Value": "254708374149 - A Customer"},
            {"Key": "TransactionReason"},
            {"Key": "TransactionStatus", "Value": state},
            {"Key": "Amount", "Value": "1"},
            {"Key": "ReceiptNo", "Value": receipt},
        ]
        told = {
            "ConversationID": "AG_1",
            "ResultCode": code,
            "ReferenceData": {"ReferenceItem": {"Key": "Occasion"}},
            "ResultParameters": {"ResultParameter": parameters},
        }
        return json.dumps({"Result": told}).encode()

    @pytest.mark.parametrize(
        ("state", "claim"),
        [
            ("Completed", Claim.SUCCEEDED),
            ("Cancelled", Claim.CANCELLED),
            ("Declined", Claim.FAILED),
            ("Expired", Claim.EXPIRED),
        ],
    )
    def test_a_final_state_is_evidence_of_the_first_rank(self, state: str, claim: Claim) -> None:
        """
        It is M-Pesa's own record, fetched just now.
        """
        report = translate_status(self.a_result(state), a_payment(), arrived_at=NOON)

        (evidence,) = report.evidence
        assert (evidence.claim, evidence.rank) == (claim, 4)
        assert evidence.amount == (Money(100, "KES") if claim is Claim.SUCCEEDED else None)

    @pytest.mark.parametrize(
        "body",
        [
            a_result(receipt="OTHER00001"),
            a_result("Initiated"),
            a_result("Authorized/Pending"),
            a_result(code="R000002"),
            a_result(code=2001),
            a_result(code=None),
            b'{"Result":{"ConversationID":"AG_1","ResultDesc":"timed out in the queue"}}',
            b"{}",
        ],
    )
    def test_an_answer_that_is_not_ours_or_not_final_proves_nothing(self, body: bytes) -> None:
        """
        Another receipt, a state on its way, or a question that failed.
        """
        with capture_logs():
            report = translate_status(body, a_payment(), arrived_at=NOON)

        assert report.evidence == ()

    @pytest.mark.parametrize("body", [b"", b"x", b'{"Result":1}', b'{"Result":{"ConversationID":7}}', b"[" * 10_000])
    def test_what_is_no_result_is_unreadable(self, body: bytes) -> None:
        """
        It is kept for a person.
        """
        with pytest.raises(Unreadable):
            translate_status(body, a_payment(), arrived_at=NOON)
