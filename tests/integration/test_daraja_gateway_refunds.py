"""Money back to M-Pesa customers, against the Daraja stand-in, whose ledger is the truth about it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from adapters.daraja.gateway import DarajaGateway
from adapters.daraja.security_credential import security_credential
from adapters.daraja.transaction_status import Initiator
from adapters.daraja.webhooks import DarajaCallbacks
from adapters.system import SystemClock
from application.ports.gateway import NothingSent, Operation, OperationKind
from application.ports.inbox import Message
from application.ports.payments import Purpose
from domain.evidence import Claim, Reason, Source
from domain.payment import Payment, ReferenceKind
from domain.payment_method import GatewayName
from domain.refund import Refund, RefundChannel, RefundStatus
from tests.builders import kes, now
from tests.daraja_refunds import a_paid_payment, a_refund
from tests.integration.test_daraja_gateway import Daraja, a_daraja, eventually

PASSWORD = "sandbox-initiator-password"
REVERSAL, B2C = RefundChannel.REVERSAL, RefundChannel.B2C


@dataclass
class Tokens:
    """Fresh callback tokens: whose each is."""

    issued: list[tuple[UUID, UUID | None]]

    async def issue(self, payment_id: UUID, refund_id: UUID | None = None) -> str:
        self.issued.append((payment_id, refund_id))
        return f"{uuid7().hex}{uuid7().hex}"

    async def bind(self, payment_id: UUID, conversation_id: str) -> None:
        raise AssertionError("a refund's answer needs no name: its path is its own")


@dataclass
class Desk:
    """The gateway, and what the service does around it."""

    daraja: Daraja
    gateway: DarajaGateway
    tokens: Tokens

    async def paid(self, shillings: int = 150, digits: str = "1234") -> Payment:
        """A payment with a receipt, as the stand-in knows it."""
        payment = self.daraja.payment(digits, money=kes(shillings))
        prepared = self.gateway.prepare()
        payment = replace(payment, references=prepared.references)
        operation = Operation(started_at=now(), callback_token=prepared.callback_token)
        await self.gateway.collect(payment, operation)

        async def receipt() -> str:
            rows = await self.daraja.ledger("payments", payment)
            return str(rows[0]["receipt"]) if rows else ""

        names = {**payment.references, ReferenceKind.RECEIPT: await eventually(receipt)}
        return a_paid_payment(shillings, id=payment.id, method=payment.method, references=names)

    def promised(self, payment: Payment, shillings: int) -> tuple[Refund, Operation]:
        money = kes(shillings)
        refund = a_refund(self.gateway.plan_refund(payment, money), payment, money=money)
        prepared = self.gateway.prepare_refund(refund)
        operation = Operation(
            started_at=now(),
            kind=OperationKind.REFUND,
            callback_token=prepared.callback_token,
            timeout_token=prepared.timeout_token,
        )
        return replace(refund, references=prepared.references), operation

    async def asked(self, payment: Payment, shillings: int = 150) -> tuple[Refund, Operation]:
        refund, operation = self.promised(payment, shillings)
        return refund.learn(await self.gateway.refund(payment, refund, operation), now()), operation

    async def told(self, refund: Refund, operation: Operation) -> Refund:
        """After its result."""
        return self.learn(refund, await self.daraja.posted_to(f"/webhooks/mm/{operation.callback_token}/result"))

    def learn(self, refund: Refund, body: bytes, purpose: Purpose = Purpose.REFUND) -> Refund:
        message = Message(
            id=uuid7(),
            gateway=GatewayName.MPESA,
            event_id="event",
            body=body,
            payment_id=refund.payment_id,
            refund_id=refund.id,
            purpose=purpose,
        )
        about = DarajaCallbacks().about_refund(message)
        assert about is not None
        assert about.refund_id == refund.id
        return refund.learn(DarajaCallbacks().translate_refund(message, refund), now())

    async def ledger(self, kind: str, payment: Payment) -> list[dict[str, Any]]:
        """What moved on its way to this payment's phone."""
        return [row for row in await self.daraja.ledger(kind, payment) if row["result_code"] == "0"]


@pytest.fixture(scope="module")
async def daraja(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daraja]:
    async with a_daraja(tmp_path_factory.mktemp("daraja")) as daraja:
        yield daraja


@pytest.fixture
async def desk(daraja: Daraja) -> AsyncIterator[Desk]:
    tokens = Tokens([])
    gateway = daraja.gateway(
        initiator=Initiator("testapi", security_credential(PASSWORD, daraja.certificate)),
        b2c_shortcode="600992",
        fresh_tokens=tokens,
        clock=SystemClock(),
    )
    yield Desk(daraja, gateway, tokens)
    await daraja.behave(reset=True)
    await gateway.close()


async def test_a_whole_payment_is_reversed(desk: Desk) -> None:
    """
    Accepted first, told later; the ledger moved the whole amount once, and the receipts agree.
    """
    payment = await desk.paid()

    refund, operation = await desk.asked(payment)
    assert (refund.channel, refund.status) == (REVERSAL, RefundStatus.PROCESSING)
    assert ReferenceKind.CONVERSATION in refund.references
    assert ReferenceKind.ORIGINATOR_CONVERSATION in refund.references

    refund = await desk.told(refund, operation)
    (row,) = await desk.ledger("reversals", payment)
    assert refund.status is RefundStatus.SUCCEEDED
    assert (row["original"], row["amount"]) == (payment.references[ReferenceKind.RECEIPT], 150)
    assert refund.references[ReferenceKind.RECEIPT] == row["receipt"]


async def test_a_part_is_paid_to_the_phone(desk: Desk) -> None:
    """
    By B2C, under the refund's own name.
    """
    payment = await desk.paid()

    refund, operation = await desk.asked(payment, 50)
    refund = await desk.told(refund, operation)

    (row,) = await desk.ledger("b2c", payment)
    assert (refund.channel, refund.status) == (B2C, RefundStatus.SUCCEEDED)
    assert row["originator_conversation_id"] == refund.references[ReferenceKind.ORIGINATOR_CONVERSATION]
    assert (row["amount"], row["receipt"]) == (50, refund.references[ReferenceKind.RECEIPT])


@pytest.mark.parametrize("shillings", [150, 50])
@pytest.mark.parametrize("code", ["1", "21", "2006", "8006"])
async def test_a_refund_that_m_pesa_declines_has_failed(desk: Desk, code: str, shillings: int) -> None:
    """
    Nothing moved, and the amount is free for the next try.
    """
    payment = await desk.paid()
    await desk.daraja.behave(refund_code=code)
    with capture_logs():
        refund = await desk.told(*await desk.asked(payment, shillings))

    assert (refund.status, refund.amount_held) == (RefundStatus.FAILED, 0)
    again = await desk.told(*await desk.asked(payment, shillings))
    assert again.status is RefundStatus.SUCCEEDED


@pytest.mark.parametrize("mischief", ["drop_answer", "fail_after"])
@pytest.mark.parametrize("shillings", [150, 50])
async def test_a_lost_answer_is_unknown_and_the_result_still_ours(desk: Desk, shillings: int, mischief: str) -> None:
    """
    The connection broke, or an error came, after M-Pesa took it.
    """
    payment = await desk.paid()
    await desk.daraja.behave(**{mischief: 1})

    refund, operation = await desk.asked(payment, shillings)

    assert (refund.status, refund.amount_held) == (RefundStatus.UNKNOWN, shillings * 100)
    assert (await desk.told(refund, operation)).status is RefundStatus.SUCCEEDED


async def test_a_reversal_sent_again_reverses_nothing_twice(desk: Desk) -> None:
    """
    The first went through unseen; the second is "already reversed", which after a lost answer is our success.
    """
    payment = await desk.paid()
    await desk.daraja.behave(drop_answer=1, refund_silences=1)
    refund, operation = await desk.asked(payment)
    assert refund.status is RefundStatus.UNKNOWN

    async def reversed_already() -> bool:
        return bool(await desk.ledger("reversals", payment))

    await eventually(reversed_already)
    refund = refund.learn(await desk.gateway.refund(payment, refund, operation), now())
    refund = await desk.told(refund, operation)

    assert refund.status is RefundStatus.SUCCEEDED
    assert {piece.code for piece in refund.known.evidence} >= {"R000001"}
    assert len(await desk.ledger("reversals", payment)) == 1


async def test_b2c_sent_again_is_recognised_by_its_name(desk: Desk) -> None:
    """
    "Duplicate OriginatorConversationID": it is being processed, and the customer is paid once.
    """
    payment = await desk.paid()
    await desk.daraja.behave(drop_answer=1)
    refund, operation = await desk.asked(payment, 50)
    assert refund.status is RefundStatus.UNKNOWN

    refund = refund.learn(await desk.gateway.refund(payment, refund, operation), now())
    assert refund.status is RefundStatus.PROCESSING
    assert (await desk.told(refund, operation)).status is RefundStatus.SUCCEEDED
    assert len(await desk.ledger("b2c", payment)) == 1


async def test_what_was_reversed_on_the_portal_is_nobodys_success(desk: Desk) -> None:
    """
    Nothing of ours was lost, so somebody else gave it back: a person decides.
    """
    payment = await desk.paid()
    receipt = payment.references[ReferenceKind.RECEIPT]
    (await desk.daraja.http.post(f"/_reverse/{receipt}")).raise_for_status()

    refund = await desk.told(*await desk.asked(payment))

    assert refund.status is RefundStatus.REVIEW
    assert Claim.CONTESTED in {piece.claim for piece in refund.known.evidence}


@pytest.mark.parametrize("shillings", [150, 50])
async def test_a_time_out_is_unknown_until_the_books_are_asked(desk: Desk, shillings: int) -> None:
    """
    The queue says nothing of money; Transaction Status, by the refund's name and on a path of its own, does.
    """
    payment = await desk.paid()
    await desk.daraja.behave(refund_timeouts=1)
    refund, operation = await desk.asked(payment, shillings)
    late = await desk.daraja.posted_to(f"/webhooks/mm/{operation.timeout_token}/timeout")
    refund = desk.learn(refund, late, Purpose.REFUND_TIMEOUT)
    assert (refund.status, refund.amount_held) == (RefundStatus.UNKNOWN, shillings * 100)

    before = set(desk.daraja.posted)
    report = await desk.gateway.look_up_refund(payment, refund, operation)
    assert report.evidence == ()
    assert desk.tokens.issued == [(payment.id, refund.id)]

    async def answered() -> str:
        return next((path for path in desk.daraja.posted if path not in before), "")

    refund = desk.learn(refund, desk.daraja.posted[await eventually(answered)], Purpose.STATUS)
    assert refund.status is RefundStatus.SUCCEEDED
    assert Source.FETCHED in {piece.source for piece in refund.known.evidence}


async def test_looking_moves_nothing_where_there_is_no_name_to_ask_by(desk: Desk) -> None:
    """
    A reversal whose answer was lost: only its result, or sending it again, can tell.
    """
    payment = await desk.paid()
    await desk.daraja.behave(drop_before=1)
    refund, operation = await desk.asked(payment)

    assert refund.status is RefundStatus.UNKNOWN
    assert (await desk.gateway.look_up_refund(payment, refund, operation)).evidence == ()
    assert desk.tokens.issued == []
    assert await desk.daraja.ledger("reversals", payment) == []


async def test_a_result_may_come_before_the_answer(desk: Desk) -> None:
    """
    In either order it is one success.
    """
    payment = await desk.paid()
    await desk.daraja.behave(refund_results_first=1)
    refund, operation = desk.promised(payment, 150)
    asking = asyncio.create_task(desk.gateway.refund(payment, refund, operation))

    told = await desk.told(refund, operation)
    refund = told.learn(await asking, now())

    assert (told.status, refund.status) == (RefundStatus.SUCCEEDED, RefundStatus.SUCCEEDED)


@pytest.mark.parametrize("shillings", [150, 50])
async def test_a_spike_arrest_sends_nothing(desk: Desk, shillings: int) -> None:
    """
    Throttled before M-Pesa: the caller may come again.
    """
    payment = await desk.paid()
    await desk.daraja.behave(spike_arrest=1)

    with pytest.raises(NothingSent):
        await desk.asked(payment, shillings)
    assert (await desk.asked(payment, shillings))[0].status is RefundStatus.PROCESSING


async def test_the_wrong_password_fails_it_and_alarms(desk: Desk) -> None:
    """
    2001 comes with the result, as of every initiator whom Safaricom does not know.
    """
    payment = await desk.paid()
    stranger = Initiator("testapi", security_credential("another", desk.daraja.certificate))
    desk.gateway = desk.daraja.gateway(initiator=stranger)
    with capture_logs() as log:
        refund = await desk.told(*await desk.asked(payment))
    await desk.gateway.close()

    assert (refund.status, refund.failure) == (RefundStatus.FAILED, Reason.CONFIGURATION)
    assert "daraja.misconfigured" in {entry["event"] for entry in log if entry["log_level"] == "error"}


async def test_nothing_personal_or_secret_is_logged(desk: Desk) -> None:
    """
    Neither phones nor tokens nor credentials, whatever goes wrong.
    """
    payments = [await desk.paid() for _ in range(3)]
    slow = desk.daraja.gateway(
        initiator=Initiator("testapi", "c2VhbGVkLXBhc3N3b3Jk"),
        b2c_shortcode="600992",
        total_timeout=timedelta(seconds=1),
    )
    desk.gateway, usual = slow, desk.gateway
    with capture_logs() as log:
        await desk.daraja.behave(drop_answer=1)
        told = [await desk.asked(payments[0]), await desk.asked(payments[1], 50)]
        await desk.daraja.behave(html_errors=1)
        told.append(await desk.asked(payments[2], 50))
        for refund, operation in told[:2]:
            await desk.told(refund, operation)
    await slow.close()
    desk.gateway = usual

    written = repr(log)
    secrets = [str(payment.method.phone) for payment in payments] + ["c2VhbGVkLXBhc3N3b3Jk", "Bearer", "SANDBOX"]
    secrets += [str(token) for _, operation in told for token in (operation.callback_token, operation.timeout_token)]
    assert log
    assert [secret for secret in secrets if secret in written] == []
