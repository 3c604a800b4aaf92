"""A gateway's words: kept before they are acknowledged, applied later; nothing else happens here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final

from application.ports.inbox import Inbox, Message
from application.ports.open_payments import OpenPayments
from application.ports.payments import Payments, Purpose
from application.ports.platform import Clock, NewId
from application.ports.webhooks import About, Unreadable, WebhookTranslator
from domain.errors import NotFound
from domain.payment_method import GatewayName

_HINT_AT_MOST_EVERY: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ReceiveWebhook:
    """
    - What we acknowledge is durable first.
    - The same event again is acknowledged again and kept once.

    Raises:
        Unavailable: it could not be kept: the gateway must send it again.
    """

    inbox: Inbox
    new_id: NewId

    async def execute(self, gateway: GatewayName, event_id: str, body: bytes) -> bool:
        """Keeps a message whose sender is proven. False where it was there already."""
        message = Message(self.new_id(), gateway, event_id, body)
        return await self.inbox.keep(message)


@dataclass(frozen=True, slots=True)
class ReceiveCallback:
    """
    A message on a secret path: the token says which payment it is about.

    Raises:
        NotFound: the token is none of ours, or was made for another purpose.
        Unavailable: it could not be kept.
    """

    inbox: Inbox
    payments: Payments
    new_id: NewId

    async def execute(self, token: str, body: bytes, purposes: Collection[Purpose] = (Purpose.PROMPT,)) -> bool:
        """
        Keeps the message under what its token was made for, one of `purposes`. False where it was there already.

        The event's id is of token and body together: "paid" after "unreachable" is another event.
        """
        found = await self.payments.find_by_callback(sha256(token.encode()).digest(), purposes)
        if found is None:
            raise NotFound
        event_id = sha256(token.encode() + body).hexdigest()
        message = Message(
            id=self.new_id(),
            gateway=GatewayName.MPESA,
            event_id=event_id,
            body=body,
            payment_id=found.payment_id,
            refund_id=found.refund_id,
            purpose=found.purpose,
        )
        return await self.inbox.keep(message)


@dataclass(frozen=True, slots=True)
class ReceiveHint:
    """
    A message that anyone could have sent. It is believed in nothing: where it names something of ours that is still
    open, the gateway is asked, at most every 30 seconds.
    """

    payments: Payments
    open_payments: OpenPayments
    translator: WebhookTranslator
    clock: Clock
    new_id: NewId

    async def execute(self, body: bytes) -> None:
        now = self.clock.now()
        about = self._about(Message(self.new_id(), GatewayName.MPESA, "", body))
        if about is None or about.kind is None or about.reference is None:
            return
        payment_id = await self.payments.find_by_reference(about.kind, about.reference)
        if payment_id is not None:
            await self.open_payments.nudge(payment_id, now, _HINT_AT_MOST_EVERY)

    def _about(self, hint: Message) -> About | None:
        try:
            return self.translator.about(hint)
        except Unreadable:
            return None
