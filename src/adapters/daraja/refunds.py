"""Money back to an M-Pesa customer: the whole payment reversed, or a part of it paid out by B2C."""

import base64
import hashlib
import secrets
from datetime import timedelta
from typing import Final
from uuid import UUID

from adapters.daraja import wire
from adapters.daraja.callback_base import CallbackBase
from adapters.daraja.refund_call import RefundCall
from adapters.daraja.session import Session
from adapters.daraja.transaction_status import Initiator, TransactionStatus
from application.ports.gateway import NothingSent, Operation, Preparation
from application.ports.platform import Clock
from domain.errors import Fault, Invalid, NotRefundable, PartialRefundUnsupported, ReceiptPending
from domain.money import Money
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import msisdn
from domain.refund import Refund, RefundChannel

REVERSAL: Final = "/mpesa/reversal/v1/request"
B2C: Final = "/mpesa/b2c/v3/paymentrequest"
#: The portal asks for less than 20 characters; 19 of base32 are 95 bits.
_NAME_LENGTH: Final = 19
#: Callbacks are seen minutes late. After this, a payment that a query alone has proven will never have its receipt.
_RECEIPT_WITHIN: Final = timedelta(minutes=10)


class Refunds:
    """
    The Reversal takes no name of ours, but M-Pesa reverses nothing twice; B2C takes one, and takes it once.

    `initiator` None: no money can be given back. `b2c_shortcode` None: only whole payments can.
    """

    def __init__(
        self,
        *,
        session: Session,
        callbacks: CallbackBase,
        clock: Clock,
        shortcode: str,
        initiator: Initiator | None,
        b2c_shortcode: str | None,
        status: TransactionStatus | None,
    ) -> None:
        self._call = RefundCall(session, clock)
        self._callbacks = callbacks
        self._clock = clock
        self._shortcode = shortcode
        self._initiator = initiator
        self._b2c_shortcode = b2c_shortcode
        self._status = status

    @property
    def are_possible(self) -> bool:
        """Whether money can be given back at all."""
        return self._initiator is not None

    @property
    def may_be_partial(self) -> bool:
        """Whether a part of a payment can."""
        return self.are_possible and self._b2c_shortcode is not None

    def plan(self, payment: Payment, money: Money) -> RefundChannel:
        """
        Never a reversal beside another refund that lives or has succeeded: it would give the whole amount.

        Raises:
            NotRefundable: no initiator is configured.
            ReceiptPending: the payment goes back as a whole once its receipt is known.
            PartialRefundUnsupported: there is no B2C account to pay a part from.
            Invalid: it is not whole shillings.
        """
        if self._initiator is None:
            raise NotRefundable("M-Pesa payments cannot be refunded here: no API initiator is configured.")
        _shillings(money)
        untouched = not (payment.amount_refunded or payment.amount_reserved or payment.amount_excess_refunded)
        if not (untouched and money.amount == payment.amount_captured):
            if self._b2c_shortcode is None:
                raise PartialRefundUnsupported
            return RefundChannel.B2C
        if ReferenceKind.RECEIPT in payment.references:
            return RefundChannel.REVERSAL
        if self._b2c_shortcode is None or self._clock.now() - payment.updated_at < _RECEIPT_WITHIN:
            raise ReceiptPending
        return RefundChannel.B2C

    def prepare(self, refund: Refund) -> Preparation:
        """
        The secrets that its result and its time-out come by; for B2C the name it goes by, once and for all.

        The name is a function of the refund's id, so that no code path can ever send a second one; it is kept, so that
        a person can find the refund by what Safaricom's portal shows.
        """
        references = {}
        if refund.channel is RefundChannel.B2C:
            references[ReferenceKind.ORIGINATOR_CONVERSATION] = b2c_name(refund.id)
        return Preparation(
            references=references, callback_token=secrets.token_hex(32), timeout_token=secrets.token_hex(32)
        )

    async def send(self, payment: Payment, refund: Refund, operation: Operation) -> Report:
        """
        Asks M-Pesa to give the money back.

        Raises:
            NothingSent: surely it did not, and will not by this request.
        """
        if refund.channel is RefundChannel.B2C:
            return await self._call.send(B2C, self._b2c(payment, refund, operation), refund)
        return await self._call.send(REVERSAL, self._reversal(payment, refund, operation), refund)

    async def look_up(self, refund: Refund) -> None:
        """
        Has M-Pesa tell what became of it, where there is a name to ask by. Of a reversal whose answer was lost there
        is none.

        Raises:
            Unavailable: there was no token to be had.
        """
        name = refund.references.get(ReferenceKind.ORIGINATOR_CONVERSATION)
        shortcode = self._b2c_shortcode if refund.channel is RefundChannel.B2C else self._shortcode
        if self._status is not None and name is not None and shortcode is not None:
            await self._status.ask_about(refund, name, shortcode)

    def _reversal(self, payment: Payment, refund: Refund, operation: Operation) -> wire.Reversal:
        initiator, addresses = self._means(operation)
        return wire.Reversal(
            initiator=initiator.name,
            security_credential=initiator.credential,
            receipt=payment.references[ReferenceKind.RECEIPT],
            amount=_shillings(refund.money),
            receiver=self._shortcode,
            **addresses,
        )

    def _b2c(self, payment: Payment, refund: Refund, operation: Operation) -> wire.B2C:
        initiator, addresses = self._means(operation)
        if self._b2c_shortcode is None:
            raise NothingSent
        return wire.B2C(
            name=b2c_name(refund.id),
            initiator=initiator.name,
            security_credential=initiator.credential,
            amount=_shillings(refund.money),
            party_a=self._b2c_shortcode,
            phone=msisdn(payment.method.phone),
            **addresses,
        )

    def _means(self, operation: Operation) -> tuple[Initiator, dict[str, str]]:
        """Who asks, and where to answer."""
        if operation.callback_token is None or operation.timeout_token is None:
            raise ValueError("A refund needs the callback tokens it was prepared with")
        if self._initiator is None:  # the configuration has changed since it was planned
            raise NothingSent
        return self._initiator, {
            "result_url": self._callbacks.url(operation.callback_token, "/result"),
            "timeout_url": self._callbacks.url(operation.timeout_token, "/timeout"),
        }


def b2c_name(refund_id: UUID) -> str:
    """The OriginatorConversationID of this refund, and of no other."""
    return base64.b32encode(hashlib.sha256(refund_id.bytes).digest()).decode()[:_NAME_LENGTH]


def _shillings(money: Money) -> int:
    amount = money.whole_units()
    if amount is None or money.currency != "KES":
        raise Invalid(Fault("amount", "M-Pesa moves whole shillings: a multiple of 100 cents"))
    return amount
