"""Every row of what Daraja may answer to a reversal or a B2C payment, from a server that says exactly that."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.daraja.gateway import DarajaGateway
from adapters.daraja.refunds import b2c_name
from adapters.daraja.transaction_status import Initiator
from adapters.daraja.unshared_token import UnsharedToken
from application.ports.gateway import NothingSent, Operation
from domain.evidence import Claim, Reason, Source
from domain.payment import ReferenceKind, Report
from domain.refund import Refund, RefundChannel
from domain.verdict import Known
from tests.builders import kes, now
from tests.daraja_refunds import RECEIPT, a_paid_payment, a_refund, lost
from tests.fakes import StandingClock
from tests.integration.test_daraja_gateway_errors import DROP, HTML, Server, serving

REVERSAL, B2C = RefundChannel.REVERSAL, RefundChannel.B2C
#: The portal's own sample.
ACKNOWLEDGED = {
    "OriginatorConversationID": "f1e2-4b95-a71d-b30d3cdbb7a7735297",
    "ConversationID": "AG_20210706_20106e9209f64bebd05b",
    "ResponseCode": "0",
    "ResponseDescription": "Accept the service request successfully.",
}
PAYMENT = a_paid_payment()
OPERATION = Operation(started_at=now(), callback_token="a" * 64, timeout_token="b" * 64)


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    async with serving(Server()) as server:
        yield server


@pytest.fixture
async def gateway(server: Server) -> AsyncIterator[DarajaGateway]:
    gateway = DarajaGateway(
        base_url=server.url,
        consumer_key="key",
        consumer_secret="secret",
        passkey="passkey",
        shortcode="174379",
        callback_base="https://pay.example.org",
        shared_token=UnsharedToken(),
        clock=StandingClock(),
        initiator=Initiator("apiop37", "c2VhbGVk"),
        b2c_shortcode="600992",
    )
    yield gateway
    await gateway.close()


def envelope(code: str, message: str) -> str:
    return json.dumps({"requestId": "1-2", "errorCode": code, "errorMessage": message})


def said(report: Report) -> list[tuple[Claim, Source, Reason | None]]:
    return [(piece.claim, piece.source, piece.reason) for piece in report.evidence]


async def refunded(gateway: DarajaGateway, refund: Refund) -> Report:
    return await gateway.refund(PAYMENT, refund, OPERATION)


class TestRequests:
    async def test_a_reversal_is_spelt_as_the_portal_spells_it(self, server: Server, gateway: DarajaGateway) -> None:
        """
        With the letters of one key in the wrong order; result and time-out each on a path of their own.
        """
        server.says((200, json.dumps(ACKNOWLEDGED)))

        await refunded(gateway, a_refund())

        ((path, body),) = server.bodies
        assert path == "/mpesa/reversal/v1/request"
        assert body == {
            "Initiator": "apiop37",
            "SecurityCredential": "c2VhbGVk",
            "CommandID": "TransactionReversal",
            "TransactionID": RECEIPT,
            "Amount": 150,
            "ReceiverParty": "174379",
            "RecieverIdentifierType": "11",
            "ResultURL": f"https://pay.example.org/webhooks/mm/{'a' * 64}/result",
            "QueueTimeOutURL": f"https://pay.example.org/webhooks/mm/{'b' * 64}/timeout",
            "Remarks": "Refund",
        }

    async def test_so_is_b2c(self, server: Server, gateway: DarajaGateway) -> None:
        """
        Out of the B2C account, to the phone that paid, under a name of our own.
        """
        server.says((200, json.dumps(ACKNOWLEDGED)))
        refund = a_refund(B2C, money=kes(10))

        await refunded(gateway, refund)

        ((path, body),) = server.bodies
        assert path == "/mpesa/b2c/v3/paymentrequest"
        assert body == {
            "OriginatorConversationID": b2c_name(refund.id),
            "InitiatorName": "apiop37",
            "SecurityCredential": "c2VhbGVk",
            "CommandID": "BusinessPayment",
            "Amount": 10,
            "PartyA": "600992",
            "PartyB": "254712345678",
            "Remarks": "Refund",
            "QueueTimeOutURL": f"https://pay.example.org/webhooks/mm/{'b' * 64}/timeout",
            "ResultURL": f"https://pay.example.org/webhooks/mm/{'a' * 64}/result",
        }


@pytest.mark.parametrize("channel", [REVERSAL, B2C])
class TestAnswers:
    @pytest.mark.parametrize("spelt", ["OriginatorConversationID", "OriginatorCoversationID"])
    async def test_accepted_is_under_way(
        self, server: Server, gateway: DarajaGateway, channel: RefundChannel, spelt: str
    ) -> None:
        """
        Both names are kept, and one of them may come misspelt.
        """
        told: dict[str, Any] = dict(ACKNOWLEDGED)
        told[spelt] = told.pop("OriginatorConversationID")
        server.says((200, json.dumps(told)))

        report = await refunded(gateway, a_refund(channel))

        assert said(report) == [(Claim.PROCESSING, Source.ANSWER, None)]
        assert report.references == {
            ReferenceKind.CONVERSATION: "AG_20210706_20106e9209f64bebd05b",
            ReferenceKind.ORIGINATOR_CONVERSATION: "f1e2-4b95-a71d-b30d3cdbb7a7735297",
        }

    @pytest.mark.parametrize(
        "answer",
        [
            (500, envelope("500.001.1001", "Internal Server Error")),
            (500, envelope("500.003.1001", "Internal Server Error")),
            (200, envelope("500.003.1001", "Internal Server Error")),
            (500, envelope("500.003.02", "System is busy. Please try again in few minutes.")),
            (500, envelope("500.002.1001", "Service temporarily unavailable")),
            (503, HTML),
            (200, HTML),
            (200, "{}"),
            (200, '{"ResponseCode":"0"}'),
            (DROP, ""),
        ],
    )
    async def test_what_proves_nothing_leaves_it_unknown(
        self, server: Server, gateway: DarajaGateway, channel: RefundChannel, answer: tuple[int, str]
    ) -> None:
        """
        The money may be on its way: nothing is sent a second time by itself.
        """
        server.says(answer)

        report = await refunded(gateway, a_refund(channel))

        assert said(report) == [(Claim.LOST, Source.CLOCK, None)]
        assert len(server.bodies) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            (400, envelope("400.002.02", "Bad Request - Invalid RecieverIdentifierType")),
            (400, envelope("400.002.05", "Invalid Request Payload")),
            (404, envelope("404.001.01", "Resource not found")),
            (405, envelope("405.001", "Method Not Allowed")),
            (500, envelope("500.001.1001", "[MerchantValidate] - Wrong credentials")),
        ],
    )
    async def test_our_mistake_fails_it(
        self, server: Server, gateway: DarajaGateway, channel: RefundChannel, answer: tuple[int, str]
    ) -> None:
        """
        Refused before M-Pesa, and will be again: the operator is told once.
        """
        server.says(answer)
        with capture_logs() as log:
            reports = [await refunded(gateway, a_refund(channel)) for _ in range(2)]

        assert [said(report) for report in reports] == [[(Claim.FAILED, Source.ANSWER, Reason.CONFIGURATION)]] * 2
        assert [entry["event"] for entry in log if entry["log_level"] == "error"] == ["daraja.misconfigured"]

    async def test_a_refusal_after_a_lost_answer_proves_nothing(
        self, server: Server, gateway: DarajaGateway, channel: RefundChannel
    ) -> None:
        """
        It is about this request; the one before may have gone through.
        """
        refund = replace(a_refund(channel), known=Known(frozenset({lost()})))
        for answer in [
            (400, envelope("400.002.02", "Bad Request - Invalid Initiator")),
            (200, json.dumps({**ACKNOWLEDGED, "ResponseCode": "1"})),
        ]:
            server.says(answer)
            with capture_logs():
                assert await refunded(gateway, refund) == Report()

    async def test_an_unaccepted_request_has_failed(
        self, server: Server, gateway: DarajaGateway, channel: RefundChannel
    ) -> None:
        """
        Any ResponseCode but 0.
        """
        server.says((200, json.dumps({**ACKNOWLEDGED, "ResponseCode": "1"})))

        report = await refunded(gateway, a_refund(channel))

        assert said(report) == [(Claim.FAILED, Source.ANSWER, Reason.GATEWAY_ERROR)]

    @pytest.mark.parametrize(
        "answer",
        [
            (500, envelope("500.003.02", "Error Occurred: Spike Arrest Violation")),
            (500, envelope("500.003.03", "Error Occurred: Quota Violation")),
        ],
    )
    async def test_throttled_sends_nothing(
        self, server: Server, gateway: DarajaGateway, channel: RefundChannel, answer: tuple[int, str]
    ) -> None:
        """
        Later it may.
        """
        server.says(answer)

        with pytest.raises(NothingSent):
            await refunded(gateway, a_refund(channel))

    async def test_a_name_that_is_taken_is_under_way(
        self, server: Server, gateway: DarajaGateway, channel: RefundChannel
    ) -> None:
        """
        An earlier request of ours arrived: no other name is made up to get around that.
        """
        server.says((500, envelope("500.002.1001", "Duplicate OriginatorConversationID.")))

        report = await refunded(gateway, a_refund(channel))

        assert said(report) == [(Claim.PROCESSING, Source.ANSWER, None)]
        assert report.references == {}
