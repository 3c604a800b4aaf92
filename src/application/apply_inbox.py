"""What the gateways told us, applied: each message once, in any order, as many times as it takes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from application.apply_refund_message import ApplyRefundMessage
from application.ports.inbox import Inbox, Message, TooEarly
from application.ports.payments import Kept, Payments
from application.ports.platform import Clock
from application.ports.webhooks import About, WebhookTranslator
from application.record_report import RecordReport, Told
from domain.errors import Unavailable
from domain.history import Cause, CauseKind
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import GatewayName
from domain.status import Status

log = structlog.get_logger()

#: A message that fails this often is kept for a person: it must not stand in the way of its neighbours.
ATTEMPTS: Final = 10
_LEASE: Final = timedelta(seconds=10)
#: A message about nothing of ours waits this long for our own commit to appear.
_UNMATCHED_FOR: Final = timedelta(hours=24)
_SHORTEST_WAIT: Final = timedelta(milliseconds=250)
_LONGEST_WAIT: Final = timedelta(minutes=10)


class ApplyInbox:
    """
    - A message about a payment moves it as the evidence weighs, in the same commit in which the message is done.
    - A message that outruns our own commit waits for it; where the answer to our call was lost, the name it brings
      is adopted.
    - What we do not act on is ignored; what names nothing of ours for a day, or fails ten times, a person looks at.
    """

    def __init__(
        self,
        *,
        inbox: Inbox,
        payments: Payments,
        translators: Mapping[GatewayName, WebhookTranslator],
        record_report: RecordReport,
        apply_refund_message: ApplyRefundMessage,
        clock: Clock,
    ) -> None:
        self._inbox = inbox
        self._payments = payments
        self._translators = translators
        self._record_report = record_report
        self._apply_refund_message = apply_refund_message
        self._clock = clock

    async def execute(self, limit: int = 50) -> int:
        """Applies up to `limit` messages; returns how many were taken."""
        messages = await self._inbox.take(self._clock.now(), _LEASE, limit)
        for message in messages:
            await self._attempt(message)
        return len(messages)

    async def _attempt(self, message: Message) -> None:
        try:
            await self._apply(message)
        except (Unavailable, TooEarly) as why:
            await self._wait(message, why)
        except Exception as why:  # whatever is wrong with it must not hold its neighbours up
            log.exception("webhook.failed", inbox_id=str(message.id), attempts=message.attempts)
            await self._wait(message, why)

    async def _apply(self, message: Message) -> None:
        if await self._apply_refund_message.execute(message):
            return
        translator = self._translators[message.gateway]
        about = translator.about(message)
        if about is None:
            await self._inbox.done(message, outcome="ignored")
            return
        kept = await self._subject(message, about)
        if kept is None:
            raise TooEarly("names no payment of ours yet")
        if about.kind is ReferenceKind.CONVERSATION and not await self._was_asked(about, kept.payment):
            raise TooEarly("answers no question of ours yet")
        report = translator.translate(message, kept.payment)
        if self._awaits_our_commit(kept.payment, report):
            raise TooEarly("the answer to our own call is not recorded yet")
        report = await self._own_names(report, kept.payment)
        told = Told(report=report, cause=Cause(CauseKind.WEBHOOK, str(message.id)), looked=False, inbox_id=message.id)
        await self._record_report.execute(kept, told)

    async def _subject(self, message: Message, about: About) -> Kept | None:
        payment_id = message.payment_id or about.payment_id
        if payment_id is None and about.kind is not None and about.reference is not None:
            payment_id = await self._payments.find_by_reference(about.kind, about.reference)
        return await self._payments.find(payment_id) if payment_id is not None else None

    async def _was_asked(self, about: About, payment: Payment) -> bool:
        """Whether this is the answer to a question of ours about this payment."""
        if about.kind is None or about.reference is None:
            return False
        return await self._payments.find_by_reference(about.kind, about.reference) == payment.id

    @staticmethod
    def _awaits_our_commit(payment: Payment, report: Report) -> bool:
        """A prompt's answer names it; until that is recorded, or known to be lost, its callback waits."""
        named = ReferenceKind.CHECKOUT_REQUEST in report.references
        unnamed = ReferenceKind.CHECKOUT_REQUEST not in payment.references
        return named and unnamed and payment.status is Status.PROCESSING and not payment.known.evidence

    async def _own_names(self, report: Report, payment: Payment) -> Report:
        """The report, if the names it brings are this payment's or nobody's; else nothing of it."""
        for kind, reference in report.references.items():
            ours = payment.references.get(kind)
            owner = await self._payments.find_by_reference(kind, reference)
            if ours not in {None, reference} or owner not in {None, payment.id}:
                log.warning("webhook.contradicted", payment_id=str(payment.id), kind=kind)
                return replace(report, evidence=(), references={}, next_action=None)
        return report

    async def _wait(self, message: Message, why: Exception) -> None:
        """Half as long again as it has waited so far: at first a moment, later minutes."""
        now = self._clock.now()
        age = now - message.arrived_at
        early = isinstance(why, Unavailable | TooEarly)
        if age > _UNMATCHED_FOR if early else message.attempts >= ATTEMPTS:
            log.error("webhook.unmatched" if early else "webhook.parked", inbox_id=str(message.id))
            await self._inbox.park(message, why=str(why))
        else:
            pause = min(max(age / 2, _SHORTEST_WAIT), _LONGEST_WAIT)
            await self._inbox.later(message, at=now + pause, why=str(why), counts=not early)
