"""What the gateways tell of refunds: of ours, and of those that were made outside."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import structlog

from application.ports.gateway import Operation, OperationKind
from application.ports.inbox import Message, TooEarly
from application.ports.payments import Kept, Payments
from application.ports.platform import Clock, NewId
from application.ports.refunds import KeptRefund, RefundPromise, Refunds
from application.ports.webhooks import AboutRefund, RefundTranslator, Unreadable
from application.record_refund import RecordRefund, ToldOfRefund
from domain.history import Cause, CauseKind, RefundMove, tell
from domain.ids import beside
from domain.money import Money
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import GatewayName
from domain.refund import Refund, RefundChannel, RefundOrigin

log = structlog.get_logger()

#: How money that was given back outside went, as far as we can know.
_CHANNELS: Final[Mapping[GatewayName, RefundChannel]] = {
    GatewayName.STRIPE: RefundChannel.STRIPE,
    GatewayName.MPESA: RefundChannel.REVERSAL,
}


class ApplyRefundMessage:
    """
    - A message about a refund of ours moves it as the evidence weighs.
    - A refund that was made outside becomes a row of its own, and counts.
    """

    def __init__(
        self,
        *,
        refunds: Refunds,
        payments: Payments,
        translators: Mapping[GatewayName, RefundTranslator],
        record_refund: RecordRefund,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._refunds = refunds
        self._payments = payments
        self._translators = translators
        self._record_refund = record_refund
        self._clock = clock
        self._new_id = new_id

    async def execute(self, message: Message) -> bool:
        """
        Applies a message about a refund; False where it is about something else.

        Raises:
            TooEarly: it has outrun our own commit.
            Unreadable: it is not what this gateway sends.
        """
        translator = self._translators[message.gateway]
        about = translator.about_refund(message)
        if about is None:
            return False
        before = await self._refund(about)
        if before is not None and about.payment.payment_id not in {None, before.refund.payment_id}:
            raise Unreadable("names a refund and a payment that do not belong together")
        if before is not None:
            report = translator.translate_refund(message, before.refund)
            if ReferenceKind.CONVERSATION in report.references and not before.refund.known.evidence:
                raise TooEarly("the answer to our own call is not recorded yet")
            told = ToldOfRefund(
                report=await self._with_own_names(report, before.refund),
                cause=Cause(CauseKind.WEBHOOK, str(message.id)),
                inbox_id=message.id,
            )
            await self._record_refund.execute(before, told)
        else:
            await self._made_outside(message, about, translator)
        return True

    async def _refund(self, about: AboutRefund) -> KeptRefund | None:
        """Whose name it brings; else whose id, unless that one has another name: then somebody used our id for more."""
        named = about.reference and await self._refunds.find_by_reference(ReferenceKind.REFUND, about.reference)
        refund_id = named or about.refund_id
        found = await self._refunds.find(refund_id) if refund_id is not None else None
        if found is None or about.reference is None:
            return found
        name = found.refund.references.get(ReferenceKind.REFUND, about.reference)
        return found if name == about.reference else None

    async def _with_own_names(self, report: Report, refund: Refund) -> Report:
        """The report, if the names it brings are this refund's or nobody's; else nothing of it."""
        for kind, reference in report.references.items():
            owner = await self._refunds.find_by_reference(kind, reference)
            if owner not in {None, refund.id}:
                log.warning("webhook.contradicted", refund_id=str(refund.id), kind=kind)
                return Report()
        return report

    async def _made_outside(self, message: Message, about: AboutRefund, translator: RefundTranslator) -> None:
        kept = await self._payment(about)
        if kept is None or about.reference is None or about.money is None:
            raise TooEarly("names no refund and no payment of ours yet")
        payment = kept.payment
        if not payment.amount_captured:
            raise TooEarly("the payment it gives back is not known to be taken yet")
        refund = self._row(payment, about.money, about.reference)
        refund = refund.learn(translator.translate_refund(message, refund), refund.requested_at)
        refund = replace(refund, version=1)
        after = payment.rebooked(held=refund.amount_held, gone=refund.amount_gone, at=refund.requested_at)
        cause = Cause(CauseKind.WEBHOOK, str(message.id))
        promise = RefundPromise(
            before=kept,
            payment=after,
            refund=refund,
            entry=tell(payment, after, cause, kept.head, RefundMove(None, refund)),
            operation=None
            if refund.status.is_closed
            else Operation(started_at=refund.requested_at, kind=OperationKind.REFUND),
            inbox_id=message.id,
        )
        if await self._refunds.open(promise) is None:
            raise TooEarly("the payment moved in this moment")
        log.warning("refund.made_outside", refund_id=str(refund.id), payment_id=str(payment.id))
        if after.amount_excess_refunded:
            log.error("refund.exceeded", refund_id=str(refund.id), payment_id=str(payment.id))

    def _row(self, payment: Payment, money: Money, reference: str) -> Refund:
        now = self._clock.now()
        return Refund(
            id=beside(payment.id, self._new_id()),
            payment_id=payment.id,
            user_id=payment.user_id,
            money=money,
            channel=_CHANNELS[payment.gateway],
            origin=RefundOrigin.EXTERNAL,
            references={ReferenceKind.REFUND: reference},
            requested_at=now,
            updated_at=now,
        )

    async def _payment(self, about: AboutRefund) -> Kept | None:
        payment_id = about.payment.payment_id
        if payment_id is None and about.payment.kind is not None and about.payment.reference is not None:
            payment_id = await self._payments.find_by_reference(about.payment.kind, about.payment.reference)
        return await self._payments.find(payment_id) if payment_id is not None else None
