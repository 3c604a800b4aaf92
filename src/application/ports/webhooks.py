"""How a gateway's words are read: `verify` on arrival, `translate` from the inbox."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from application.ports.inbox import Message
from domain.errors import PaymentError
from domain.payment import Payment, ReferenceKind, Report


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


class Unreadable(PaymentError):
    """The message is not what this gateway sends."""


class Forged(PaymentError):
    """The signature does not prove who sent this, or it is too old."""
