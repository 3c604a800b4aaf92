"""M-Pesa as a payment gateway."""

import base64
import secrets
from datetime import datetime, timedelta
from typing import Final

from adapters.daraja.access_token import AccessToken
from adapters.daraja.callback_base import FORBIDDEN_WORDS, CallbackBase
from adapters.daraja.connection import Connection
from adapters.daraja.merchant import PAYBILL, Merchant
from adapters.daraja.refunds import Refunds
from adapters.daraja.rules import Rules
from adapters.daraja.session import Session
from adapters.daraja.stk_push import StkPush
from adapters.daraja.stk_query import StkQuery
from adapters.daraja.token_request import TokenRequest
from adapters.daraja.transaction_status import FreshTokens, Initiator, TransactionStatus
from adapters.daraja.translation import Confirm
from application.ports.gateway import Operation, Preparation
from application.ports.platform import Clock
from application.ports.shared_token import SharedToken
from domain.errors import NotCapturable
from domain.evidence import Claim, Evidence, Source
from domain.money import Money
from domain.payment import CaptureMethod, Payment, ReferenceKind, Report
from domain.payment_method import GatewayName, MethodType
from domain.payment_type import PaymentType
from domain.refund import Refund, RefundChannel
from domain.verdict import unconfirmed

#: 8 random bytes are 13 characters of base32; Daraja shows the customer at most 12.
_REFERENCE_LENGTH: Final = 12


class DarajaGateway:
    """
    A `PaymentGateway` over STK push and STK query; with `confirm` STATUS over Transaction Status too. With `initiator`
    also a `RefundGateway` over Reversal, and with `b2c_shortcode` over B2C.

    `base_url` is Daraja's; of `callback_base` only scheme and host count. `smallest` and `largest` are in cents.
    `prompt_life` is how long a prompt may stay on a phone, and so how long that phone is held.

    Raises:
        ValueError: Daraja would never call back at `callback_base`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        consumer_key: str,
        consumer_secret: str,
        passkey: str,
        shortcode: str,
        callback_base: str,
        shared_token: SharedToken,
        clock: Clock,
        transaction_type: str = PAYBILL,
        party_b: str | None = None,
        confirm: Confirm = Confirm.QUERY,
        smallest: int = 100,
        largest: int = 25_000_000,
        prompt_life: timedelta = timedelta(seconds=120),
        total_timeout: timedelta = timedelta(seconds=20),
        initiator: Initiator | None = None,
        b2c_shortcode: str | None = None,
        fresh_tokens: FreshTokens | None = None,
    ) -> None:
        callbacks = CallbackBase.of(callback_base, daraja=base_url)
        merchant = Merchant(
            shortcode=shortcode, passkey=passkey, transaction_type=transaction_type, party_b=party_b or shortcode
        )
        self._clock = clock
        self._rules = Rules(smallest, largest)
        self._prompt_life = prompt_life
        self._total_timeout = total_timeout
        self._connection = Connection(base_url, total_timeout)
        fetch = TokenRequest(self._connection, consumer_key=consumer_key, consumer_secret=consumer_secret)
        self._access_token = AccessToken(fetch=fetch, shared=shared_token, clock=clock)
        session = Session(self._connection, self._access_token, total_timeout)
        self._push = StkPush(session, merchant, callbacks, clock)
        self._query = StkQuery(session, merchant, clock)
        status: TransactionStatus | None = None
        if initiator is not None and fresh_tokens is not None:
            status = TransactionStatus(
                session, initiator=initiator, shortcode=shortcode, callbacks=callbacks, fresh_tokens=fresh_tokens
            )
        self._confirming = status if confirm is Confirm.STATUS else None
        self._refunds = Refunds(
            session=session,
            callbacks=callbacks,
            clock=clock,
            shortcode=shortcode,
            initiator=initiator,
            b2c_shortcode=b2c_shortcode,
            status=status,
        )

    async def close(self) -> None:
        """Ends what runs in the background and lets all connections go."""
        await self._access_token.close()
        await self._connection.close()

    @property
    def total_timeout(self) -> timedelta:
        return self._total_timeout

    @property
    def may_repeat(self) -> bool:
        """Never: a push takes no key, and a second one would ask the customer twice."""
        return False

    @property
    def types(self) -> tuple[PaymentType, ...]:
        """The one that there is."""
        return (
            PaymentType(
                type=MethodType.MPESA,
                gateway=GatewayName.MPESA,
                limits=self._rules.limits,
                capture_methods=(CaptureMethod.AUTOMATIC,),
                refunds=self._refunds.are_possible,
                partial_refunds=self._refunds.may_be_partial,
                can_be_saved=True,
            ),
        )

    def check(self, payment: Payment) -> None:
        """Kenyan shillings, whole, within the limits, taken at once, from a phone."""
        self._rules.check(payment)

    def prepare(self) -> Preparation:
        """The name that the customer sees, the secret that the callback comes by."""
        return Preparation(
            references={ReferenceKind.ACCOUNT_REFERENCE: _account_reference()},
            callback_token=secrets.token_hex(32),
            holds_phone_for=self._prompt_life,
        )

    def expires_at(self, payment: Payment) -> datetime | None:  # noqa: ARG002 - the port's
        """Never: a prompt ends by itself."""
        return None

    def has_loose_end(self, payment: Payment) -> bool:  # noqa: ARG002 - the port's
        """Nothing can be cancelled at M-Pesa."""
        return False

    async def collect(self, payment: Payment, operation: Operation) -> Report:
        """Sends the prompt, once. The money's fate comes by callback or query."""
        return await self._push.send(payment, operation)

    async def look_up(self, payment: Payment, operation: Operation) -> Report:  # noqa: ARG002 - the port's
        """Asks for the prompt by its name; without one there is nothing to ask for, and nothing is ever sent again."""
        return await self._ask(payment)

    async def cancel(self, payment: Payment) -> Report:
        """A prompt cannot be taken back from a phone: only looked at."""
        return await self._ask(payment)

    def plan_refund(self, payment: Payment, money: Money) -> RefundChannel:
        """A Reversal gives a whole payment back, B2C a part of it."""
        return self._refunds.plan(payment, money)

    def prepare_refund(self, refund: Refund) -> Preparation:
        """The secrets that result and time-out come by, and the name that B2C takes once."""
        return self._refunds.prepare(refund)

    async def refund(self, payment: Payment, refund: Refund, operation: Operation) -> Report:
        """Asks for it; the money's fate comes by result. Sent again, M-Pesa refuses or recognises it."""
        return await self._refunds.send(payment, refund, operation)

    async def look_up_refund(self, payment: Payment, refund: Refund, operation: Operation) -> Report:  # noqa: ARG002 - the port's
        """Asks M-Pesa's books, where there is a name to ask by; the answer comes on a path of its own."""
        await self._refunds.look_up(refund)
        return Report()

    def check_capture(self, payment: Payment, amount: int) -> None:  # noqa: ARG002 - the port's
        """M-Pesa holds no money: there is never any to capture."""
        raise NotCapturable

    async def capture(self, payment: Payment, operation: Operation) -> Report:  # noqa: ARG002 - the port's
        """M-Pesa holds no money: there is never any to capture."""
        raise NotCapturable

    async def _ask(self, payment: Payment) -> Report:
        receipt = payment.references.get(ReferenceKind.RECEIPT)
        if self._confirming is not None and receipt is not None and unconfirmed(payment.known) is not None:
            await self._confirming.ask(payment, receipt)
            return Report()
        name = payment.references.get(ReferenceKind.CHECKOUT_REQUEST)
        if name is None:
            return Report(evidence=(Evidence(claim=Claim.LOST, source=Source.CLOCK, at=self._clock.now()),))
        return await self._query.ask(payment, name)


def _account_reference() -> str:
    while True:
        reference = base64.b32encode(secrets.token_bytes(10)).decode()[:_REFERENCE_LENGTH]
        if not any(word in reference.lower() for word in FORBIDDEN_WORDS):
            return reference
