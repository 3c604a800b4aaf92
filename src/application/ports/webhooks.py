"""How a gateway's words are read: `verify` on arrival, `translate` from the inbox."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from application.ports.inbox import Message
from domain.errors import PaymentError
from domain.money import Money
from domain.payment import Payment, ReferenceKind, Report
from domain.refund import Refund


@dataclass(frozen=True, slots=True)
class About:
    """Which payment a message is about: by our id, or by a name the gateway gave it."""

    payment_id: UUID | None = None
    kind: ReferenceKind | None = None
    reference: str | None = None


class WebhookVerifier(Protocol):
    """Knows a gateway's signature."""

    def verify(self, body: bytes, signature: bytes) -> str:
        """
        The id of the event in `body` (exact bytes as received), if `signature` (the header's bytes) proves its sender.

        Raises:
            Forged: it does not, or is too old or from the future.
            Unreadable: the sender is proven, but this is no event.
        """
        ...


class WebhookTranslator(Protocol):
    """
    Understands one gateway's messages. Pure.

    Raises, from every method:
        Unreadable: the body is not what this gateway sends.
    """

    def about(self, message: Message) -> About | None:
        """Whom it is about; None where it is nothing we act on."""
        ...

    def translate(self, message: Message, payment: Payment) -> Report:
        """What it claims about that payment."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutRefund:
    """
    A message about a refund: by our id or by the gateway's name for it (`reference`, of kind REFUND).

    Where neither is known to us it was made outside, of the payment that `payment` tells, and is `money`.
    """

    refund_id: UUID | None
    reference: str | None
    payment: About
    money: Money | None


class RefundTranslator(Protocol):
    """
    Understands one gateway's messages about refunds. Pure.

    Raises, from every method:
        Unreadable: the body is not what this gateway sends.
    """

    def about_refund(self, message: Message) -> AboutRefund | None:
        """Which refund it is about; None where it is about none."""
        ...

    def translate_refund(self, message: Message, refund: Refund) -> Report:
        """What it claims about that refund."""
        ...


class Unreadable(PaymentError):
    """The message is not what this gateway sends."""


class Forged(PaymentError):
    """The signature does not prove who sent this, or it is too old."""
