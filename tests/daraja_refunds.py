"""Refunds of M-Pesa payments, for the tests of their adapter."""

from typing import Any, Final

from uuid_utils.compat import uuid7

from domain.evidence import Claim, Evidence, Source
from domain.payment import Payment, ReferenceKind
from domain.refund import Refund, RefundChannel
from domain.status import Status
from domain.verdict import Known
from tests.builders import SOMEONE, an_mpesa_payment, kes, now, paid

RECEIPT: Final = "NLJ7RT61SV"


def a_paid_payment(shillings: int = 150, **facts: Any) -> Payment:
    """Succeeded, with its receipt."""
    money = kes(shillings)
    captured = {
        "money": money,
        "status": Status.SUCCEEDED,
        "amount_captured": money.amount,
        "known": Known(frozenset({paid(money)})),
        "references": {ReferenceKind.ACCOUNT_REFERENCE: uuid7().hex[-12:].upper(), ReferenceKind.RECEIPT: RECEIPT},
    }
    return an_mpesa_payment(**captured | facts)


def a_refund(channel: RefundChannel = RefundChannel.REVERSAL, payment: Payment | None = None, **facts: Any) -> Refund:
    """Promised, and not asked for yet."""
    payment = payment or a_paid_payment()
    return Refund(
        **{
            "id": uuid7(),
            "payment_id": payment.id,
            "user_id": SOMEONE,
            "money": kes(150),
            "channel": channel,
            "requested_at": now(),
            "updated_at": now(),
        }
        | facts
    )


def lost(source: Source = Source.CLOCK) -> Evidence:
    """An answer that never came, or a request that died in the queue."""
    return Evidence(claim=Claim.LOST, source=source, at=now())
