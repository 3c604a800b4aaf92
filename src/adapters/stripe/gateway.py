"""Stripe as a PaymentGateway and a RefundGateway."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import structlog

from adapters.stripe import (
    amounts,
    attempts,
    checks,
    collecting,
    looking,
    refund_translation,
    refunding,
    saving,
    translation,
)
from adapters.stripe.api import Api, Why
from adapters.stripe.client import connect
from adapters.stripe.failures import Lost, Refused
from adapters.stripe.transport import Transport
from application.ports.gateway import NothingSent, Operation, Preparation
from application.ports.platform import Clock
from application.ports.saving_gateway import Described
from application.ports.webhooks import Unreadable
from domain.currencies import EXPONENTS
from domain.errors import Fault, InDoubt, Invalid, NotRefundable, Unavailable
from domain.evidence import Claim, Reason
from domain.money import Money
from domain.payment import CaptureMethod, Payment, ReferenceKind, Report
from domain.payment_method import GatewayName, MethodType
from domain.payment_type import PaymentType
from domain.refund import Refund, RefundChannel
from domain.status import Status

T = TypeVar("T")

log = structlog.get_logger()


class StripeGateway:
    """
    Cards, wallets and bank transfers at Stripe: one PaymentIntent for a payment; and, as a `SavingGateway`, cards and
    wallets for the next one.

    One idempotency key an operation and no other: `{id}:pm` spends the token, `{id}:customer` makes the customer of a
    bank transfer, `{id}` the intent, `{id}:capture:{n}` and `{id}:cancel:{n}` end it, a refund's own id gives
    money back. Belongs to the event loop of its first call.

    `base_url`: another address than Stripe's own, for the stand-in. `total_timeout`: all calls of one method together.
    `connections`: kept open at most. `action_expires_after`, `transfer_expires_after`: how long after it began a
    payment that waits for its customer is given up. `largest`: the most in one payment, in Stripe's minor units.
    `search_pages`: how many lists of 100 intents one look-up reads at most.
    """

    def __init__(
        self,
        *,
        api_key: str,
        clock: Clock,
        base_url: str | None = None,
        connect_timeout: timedelta = timedelta(seconds=2),
        total_timeout: timedelta = timedelta(seconds=10),
        connections: int = 200,
        action_expires_after: timedelta = timedelta(hours=1),
        transfer_expires_after: timedelta = timedelta(days=14),
        largest: int = 99_999_999,
        search_pages: int = 50,
    ) -> None:
        self._clock = clock
        self._total_timeout = total_timeout
        self._action_expires_after = action_expires_after
        self._transfer_expires_after = transfer_expires_after
        self._largest = largest
        self._search_pages = search_pages
        self._transport = Transport(
            connect_timeout=connect_timeout, total_timeout=total_timeout, connections=connections
        )
        self._api = Api(connect(api_key, base_url, self._transport))

    async def close(self) -> None:
        """Let all connections go."""
        await self._transport.close_async()

    @property
    def total_timeout(self) -> timedelta:
        return self._total_timeout

    @property
    def may_repeat(self) -> bool:
        return True

    @property
    def types(self) -> tuple[PaymentType, ...]:
        """Of every currency that Stripe has; which of them an account takes is between it and Stripe."""
        saved = {MethodType.CARD: EXPONENTS, MethodType.WALLET: EXPONENTS, MethodType.BANK_TRANSFER: checks.FUNDING}
        return tuple(
            PaymentType(
                type=kind,
                gateway=GatewayName.STRIPE,
                limits={code: amounts.limits(code, self._largest) for code in currencies},
                capture_methods=(CaptureMethod.AUTOMATIC,)
                if kind is MethodType.BANK_TRANSFER
                else (CaptureMethod.AUTOMATIC, CaptureMethod.MANUAL),
                refunds=True,
                partial_refunds=True,
                can_be_saved=kind is not MethodType.BANK_TRANSFER,
            )
            for kind, currencies in saved.items()
        )

    def check(self, payment: Payment) -> None:
        checks.check(payment, self._largest)

    def prepare(self) -> Preparation:
        return Preparation()

    def expires_at(self, payment: Payment) -> datetime | None:
        """None once the customer has acted: money that is held is the shop's to decide about, a charge Stripe's."""
        transfers = payment.method.type is MethodType.BANK_TRANSFER
        acted = {Claim.AUTHORIZED} if transfers else {Claim.AUTHORIZED, Claim.PROCESSING}
        if any(piece.claim in acted for piece in payment.known.evidence):
            return None
        return payment.created_at + (self._transfer_expires_after if transfers else self._action_expires_after)

    def has_loose_end(self, payment: Payment) -> bool:
        """A declined intent waits for another card until it is cancelled."""
        cancelled = any(piece.code == translation.CANCELED for piece in payment.known.evidence)
        return payment.status is Status.FAILED and ReferenceKind.PAYMENT_INTENT in payment.references and not cancelled

    async def collect(self, payment: Payment, operation: Operation) -> Report:
        try:
            report = await self._in_time(collecting.collect(self._api, payment, operation, self._clock))
        except Lost as lost:
            self._tell("stripe.answer_lost", payment, lost)
            if lost.replayed:  # the key can only say the same again: whether there is an intent, the list tells
                found = await _seen(self.look_up(payment, operation))
                if found.references:
                    return found
            return translation.lost(lost.code, self._clock.now())
        return self._alarmed(report, payment)

    async def look_up(self, payment: Payment, operation: Operation) -> Report:
        intent_id = payment.references.get(ReferenceKind.PAYMENT_INTENT)
        try:
            if intent_id is not None:
                return await self._in_time(looking.fetch(self._api, payment, intent_id, self._clock))
            searched = looking.search(self._api, payment, operation, self._clock, self._search_pages)
            return await self._in_time(searched)
        except (Lost, Refused) as why:
            self._tell("stripe.look_up_failed", payment, why)
            return Report() if intent_id is not None else translation.lost(why.code, self._clock.now())

    def check_capture(self, payment: Payment, amount: int) -> None:
        """
        Whether Stripe could take `amount` minor units of what is held. Pure.

        Raises:
            Invalid: it has no way of saying this amount.
        """
        _refuse(amounts.unspeakable(Money(amount, payment.money.currency)))

    async def capture(self, payment: Payment, operation: Operation) -> Report:
        """Take `operation.amount` of what is held, or all of it. Stripe's word decides what it became."""
        asked = operation.amount
        amount = None if asked is None else amounts.to_wire(Money(asked, payment.money.currency))
        return await self._ended(payment, "capture", lambda name, key: self._api.capture_intent(name, amount, key))

    async def cancel(self, payment: Payment) -> Report:
        why = self._why(payment)
        return await self._ended(payment, "cancel", lambda name, key: self._api.cancel_intent(name, why, key))

    def plan_refund(self, payment: Payment, money: Money) -> RefundChannel:
        _refuse(amounts.unspeakable(money))
        if ReferenceKind.PAYMENT_INTENT not in payment.references:
            raise NotRefundable("Stripe knows nothing of this payment that could be given back.")
        return RefundChannel.STRIPE

    def prepare_refund(self, refund: Refund) -> Preparation:  # noqa: ARG002 - nothing of it matters to Stripe
        return Preparation()

    async def refund(self, payment: Payment, refund: Refund, operation: Operation) -> Report:
        try:
            return await self._in_time(refunding.send(self._api, payment, refund, self._clock))
        except Lost as lost:
            self._tell("stripe.answer_lost", payment, lost)
            report, replayed = refund_translation.lost(lost.code, self._clock.now()), lost.replayed
        except Refused as refused:
            report, replayed = refund_translation.refusal(refused.error, self._clock.now()), refused.replayed
        if replayed:  # whether there is a refund, the list tells
            found = await _seen(self.look_up_refund(payment, refund, operation))
            if found.references:
                return found
        return self._alarmed(report, payment)

    async def look_up_refund(self, payment: Payment, refund: Refund, operation: Operation) -> Report:
        name = refund.references.get(ReferenceKind.REFUND)
        try:
            if name is not None:
                return await self._in_time(refunding.fetch(self._api, name, self._clock))
            searched = refunding.search(self._api, payment, refund, operation, self._clock, pages=self._search_pages)
            return await self._in_time(searched)
        except (Lost, Refused) as why:
            self._tell("stripe.look_up_failed", payment, why)
            return Report() if name is not None else refund_translation.lost(why.code, self._clock.now())

    async def _ended(self, payment: Payment, verb: str, act: attempts.Act) -> Report:
        if ReferenceKind.PAYMENT_INTENT not in payment.references:  # what has no name must be found first
            return Report()
        try:
            return await self._in_time(attempts.make(self._api, payment, verb, act, self._clock))
        except Lost as lost:
            self._tell("stripe.answer_lost", payment, lost)
            return translation.lost(lost.code, self._clock.now(), claim=Claim.OPERATION_LOST)
        except Refused as refused:
            self._tell("stripe.look_up_failed", payment, refused)
            return Report()

    async def customer(self, user_id: UUID) -> str:
        return await self._saving(saving.customer(self._api, user_id))

    async def describe(self, method_id: UUID, token: str) -> Described:
        return await self._saving(saving.describe(self._api, method_id, token))

    async def attach(self, method_id: UUID, name: str, customer: str) -> None:
        await self._saving(saving.attach(self._api, method_id, name, customer))

    async def detach(self, name: str) -> None:
        await self._saving(saving.detach(self._api, name))

    async def _saving(self, calls: Awaitable[T]) -> T:
        """No money moves: what is lost is asked again by whoever asked us."""
        try:
            return await self._in_time(calls)
        except Lost as lost:
            log.warning("stripe.saving_lost", code=lost.code, replayed=lost.replayed)
            raise InDoubt from None
        except Refused as refused:
            raise _at_fault(refused) from None

    def _why(self, payment: Payment) -> Why:
        expires_at = self.expires_at(payment)
        given_up = payment.status.is_closed or (expires_at is not None and self._clock.now() >= expires_at)
        return "abandoned" if given_up else "requested_by_customer"

    async def _in_time(self, calls: Awaitable[T]) -> T:
        """Several calls have one budget together. Where it runs out, or the answer is none, it is lost."""
        try:
            async with asyncio.timeout(self._total_timeout.total_seconds()):
                return await calls
        except TimeoutError:
            raise Lost("timeout") from None
        except Unreadable:
            raise Lost("unreadable") from None

    @staticmethod
    def _alarmed(report: Report, payment: Payment) -> Report:
        """Where the request itself is wrong, the shop and its customer can do nothing about it."""
        for piece in report.evidence:
            if piece.reason is Reason.CONFIGURATION:
                log.error("stripe.request_refused", payment_id=str(payment.id), code=piece.code)
        return report

    @staticmethod
    def _tell(event: str, payment: Payment, why: Lost | Refused) -> None:
        log.warning(event, payment_id=str(payment.id), code=why.code, replayed=why.replayed)


def _at_fault(refused: Refused) -> Unavailable:
    """Our request is at fault, or our account: whoever asked us can do nothing about it."""
    log.error("stripe.request_refused", code=refused.code)
    return Unavailable()


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise Invalid(*faults)


async def _seen(look: Awaitable[Report]) -> Report:
    """What a look shows after a call that did reach Stripe: that we may not look now proves nothing about it."""
    try:
        return await look
    except NothingSent:
        return Report()
