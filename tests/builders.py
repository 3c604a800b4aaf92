"""A valid anything in one word; a test names only the facts it is about."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from application.find_payments import Reader
from application.ports.gateway import Operation
from application.ports.payments import Key, Promise
from application.refund_payment import RefundRequest
from application.start_payment import PaymentRequest
from domain.evidence import Claim, Evidence, Source
from domain.history import GENESIS, Cause, CauseKind, tell
from domain.ids import beside, born
from domain.money import Money
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import MethodType, PaymentMethod
from domain.refund import Refund, RefundChannel
from domain.saved_method import SavedMethod

SOMEONE: Final = UUID("550e8400-e29b-41d4-a716-446655440000")
SOMEONE_ELSE: Final = UUID("6ba7b810-9dad-41d1-80b4-00c04fd430c8")
THE_REQUEST: Final = Cause(CauseKind.REQUEST, "req-1")


def usd(amount: int) -> Money:
    return Money(amount, "USD")


def kes(shillings: int) -> Money:
    return Money(shillings * 100, "KES")


def a_card(token: str | None = "tok_visa") -> PaymentMethod:
    return PaymentMethod(type=MethodType.CARD, token=token, brand="VISA", last4="4242")


def a_phone(number: str = "254712345678") -> PaymentMethod:
    return PaymentMethod(type=MethodType.MPESA, phone=number)


def a_saved_card(token: str = "pm_1", **facts: Any) -> SavedMethod:
    card = PaymentMethod(type=MethodType.CARD, token=token, customer="cus_1", brand="VISA", last4="4242")
    return SavedMethod(**{"id": uuid7(), "user_id": SOMEONE, "method": card, "exp_month": 12, "exp_year": 2034} | facts)


def now() -> datetime:
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def a_payment(**facts: Any) -> Payment:
    facts = {
        "id": uuid7(),
        "user_id": SOMEONE,
        "order_id": "order_1",
        "money": usd(2500),
        "method": a_card(token=None),
        "metadata": {"order": {"items": ["Premium Plan"]}},
    } | facts
    return Payment(**{"updated_at": born(facts["id"])} | facts)


def a_paid_payment(**facts: Any) -> Payment:
    """All of it taken at Stripe."""
    payment = a_payment(**facts)
    report = Report(evidence=(paid(payment.money),), references={ReferenceKind.PAYMENT_INTENT: f"pi_{payment.id.hex}"})
    return payment.learn(report, payment.updated_at)


def a_refund(payment: Payment | None = None, **facts: Any) -> Refund:
    """Ten dollars, asked for just now."""
    payment = payment or a_payment()
    facts = {
        "id": beside(payment.id, uuid7()),
        "payment_id": payment.id,
        "user_id": payment.user_id,
        "money": usd(1000),
        "channel": RefundChannel.STRIPE,
        "requested_at": now(),
    } | facts
    return Refund(**{"updated_at": facts["requested_at"]} | facts)


def an_mpesa_payment(**facts: Any) -> Payment:
    names = {ReferenceKind.ACCOUNT_REFERENCE: uuid7().hex[-12:].upper()}
    return a_payment(**({"money": kes(10), "method": a_phone(), "references": names} | facts))


def a_key(key: str = "key-1", body: str = "the body", caller: str = str(SOMEONE)) -> Key:
    return Key(caller, "POST /payments", key, sha256(body.encode()).digest())


def a_promise(payment: Payment | None = None, **facts: Any) -> Promise:
    payment = payment or a_payment()
    return Promise(
        **{
            "payment": payment,
            "entry": tell(None, payment, THE_REQUEST, GENESIS),
            "operation": Operation(started_at=payment.created_at, token="tok_visa"),
            "lease_for": timedelta(seconds=60),
        }
        | facts
    )


def a_request(**facts: Any) -> PaymentRequest:
    return PaymentRequest(
        **{
            "user_id": SOMEONE,
            "order_id": "order_1",
            "money": usd(2500),
            "method": a_card(),
            "request_id": "req-1",
            "metadata": {},
        }
        | facts
    )


def a_refund_request(payment: Payment, **facts: Any) -> RefundRequest:
    """Ten dollars of it, by its own user."""
    reader = Reader(payment.user_id)
    return RefundRequest(**{"payment_id": payment.id, "reader": reader, "request_id": "req-2", "amount": 1000} | facts)


def evidence(claim: Claim, source: Source = Source.ANSWER, **facts: Any) -> Evidence:
    return Evidence(**{"claim": claim, "source": source, "at": now()} | facts)


def paid(money: Money | None = None, source: Source = Source.ANSWER) -> Evidence:
    return evidence(Claim.SUCCEEDED, source, amount=money)
