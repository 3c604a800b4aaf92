"""A payment: one customer paying for one order, once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal, Self
from uuid import UUID

from domain.errors import (
    Fault,
    IllegalTransition,
    Invalid,
    NotCancellable,
    NotCapturable,
    NotRefundable,
    PaymentDisputed,
    RefundTooLarge,
)
from domain.evidence import Evidence, Reason
from domain.ids import born
from domain.money import Money
from domain.payment_method import GatewayName, PaymentMethod
from domain.status import TRANSITIONS, Status
from domain.verdict import Known, Verdict

RefundedHow = Literal["NONE", "PARTIAL", "FULL"]


class CaptureMethod(StrEnum):
    AUTOMATIC = "automatic"
    MANUAL = "manual"


class ReferenceKind(StrEnum):
    """The names a gateway knows a payment by. Each is globally unique and belongs to one payment for ever."""

    PAYMENT_INTENT = "payment_intent"
    CHECKOUT_REQUEST = "checkout_request"
    ACCOUNT_REFERENCE = "account_reference"
    RECEIPT = "receipt"
    CONVERSATION = "conversation"  # a question we asked about it; its answer comes later
    REFUND = "refund"  # one of its refunds, by the gateway's name
    ORIGINATOR_CONVERSATION = "originator_conversation"  # one of its refunds, by the name we gave it

    @property
    def names_a_call(self) -> bool:
        """Whether the gateway gave this name, so that our call surely arrived."""
        return self in {ReferenceKind.PAYMENT_INTENT, ReferenceKind.CHECKOUT_REQUEST}

    @property
    def is_personal(self) -> bool:
        """Whether the name gives its customer away: a CheckoutRequestID ends in the phone's digits."""
        return self is ReferenceKind.CHECKOUT_REQUEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    Everything a gateway told us in one breath: claims, names, and what the customer must do.

    `next_action` is for the customer alone (it may hold a client secret): encrypted at rest, never logged.
    """

    evidence: tuple[Evidence, ...] = ()
    references: Mapping[ReferenceKind, str] = field(default_factory=dict)
    next_action: Mapping[str, Any] | None = None
    capture_before: datetime | None = None
    method: PaymentMethod | None = None

    def with_evidence(self, *evidence: Evidence) -> Self:
        return replace(self, evidence=self.evidence + evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """
    One customer paying for one order, once. Immutable: every verb returns the next Payment.

    `money` is what was asked for. Amounts are minor units of the same currency: `amount_to_capture` is what the shop
    asked to take of what is held (None: all), `amount_reserved` is on its way back, `amount_excess_refunded` is what
    gateways proved to have given back beyond what was left. `cancel_requested`: the shop wants it no more.
    `late` marks a success that came after a failure was told.
    """

    id: UUID
    user_id: UUID
    order_id: str
    money: Money
    method: PaymentMethod
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    description: str | None = None
    return_url: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    status: Status = Status.PROCESSING
    reason: Reason | None = None
    known: Known = field(default_factory=Known)
    references: Mapping[ReferenceKind, str] = field(default_factory=dict)
    next_action: Mapping[str, Any] | None = None
    capture_before: datetime | None = None
    amount_to_capture: int | None = None
    amount_captured: int = 0
    amount_refunded: int = 0
    amount_reserved: int = 0
    amount_excess_refunded: int = 0
    cancel_requested: bool = False
    disputed: bool = False
    late: bool = False
    order_overpaid: bool = False
    version: int = 1
    updated_at: datetime

    def __post_init__(self) -> None:
        if self.money.amount < 1:
            raise Invalid(Fault("amount", "must be at least 1"))

    @property
    def created_at(self) -> datetime:
        """The millisecond inside the id (UTC)."""
        return born(self.id)

    @property
    def gateway(self) -> GatewayName:
        return self.method.gateway

    @property
    def owed(self) -> Money:
        """What a success must have moved."""
        return self.money if self.amount_to_capture is None else replace(self.money, amount=self.amount_to_capture)

    @property
    def refundable(self) -> int:
        """Minor units that are neither gone back nor on their way."""
        gone = self.amount_refunded + self.amount_excess_refunded
        return left_to_refund(self.amount_captured, gone, self.amount_reserved)

    @property
    def refund_status(self) -> RefundedHow:
        return refunded_how(self.amount_captured, self.amount_refunded)

    @property
    def customer_may_act(self) -> bool:
        """Whether we ever gave out the means to complete it (a client secret, bank details, a prompt)."""
        return self.next_action is not None

    def learn(self, report: Report, at: datetime) -> Self:
        """What a gateway told us joins what is known; the whole of it, in any order, decides."""
        learned = replace(
            self,
            known=self.known.with_(*report.evidence),
            references={**report.references, **self.references},
            next_action=report.next_action or self.next_action,
            capture_before=report.capture_before or self.capture_before,
            method=report.method or self.method,
        )
        moved = learned._moved(at)  # noqa: SLF001 - itself
        unmoved = replace(moved, known=self.known, version=self.version, updated_at=self.updated_at) == self
        if unmoved and learned.known.gist() == self.known.gist():
            return learned  # at most a later sight of what was seen before: kept, but no new version and no story
        return moved

    def keep(self, report: Report, at: datetime) -> Self:
        """
        The words of one who comes back from the dead: what it was told is kept, and sets no status.

        Whoever looks next weighs it with everything else.
        """
        return replace(
            self,
            known=self.known.with_(*report.evidence),
            references={**report.references, **self.references},
            next_action=report.next_action or self.next_action,
            capture_before=report.capture_before or self.capture_before,
            method=report.method or self.method,
            version=self.version + 1,
            updated_at=at,
        )

    def flagged_overpaid(self, at: datetime) -> Self:
        """Another payment of the same user and order succeeded too: both are kept, a person or a refund decides."""
        return replace(self, order_overpaid=True, version=self.version + 1, updated_at=at)

    def noted(self, at: datetime) -> Self:
        """Somebody remarked something about it: a line more in its story, and nothing else."""
        return replace(self, version=self.version + 1, updated_at=at)

    def asked_to_capture(self, amount: int, at: datetime) -> Self:
        """
        The shop takes `amount` (minor units) of what is held; the rest is released.

        Raises:
            NotCapturable: nothing is held.
            Invalid: it is more than what is held.
        """
        if self.status is not Status.AUTHORIZED:
            raise NotCapturable(f"The payment is {self.status}: only an AUTHORIZED payment can be captured.")
        if self.cancel_requested:
            raise NotCapturable("The payment is being cancelled.")
        if not 1 <= amount <= self.money.amount:
            raise Invalid(Fault("amount", f"must be between 1 and {self.money.amount}"))
        return replace(self, amount_to_capture=amount, version=self.version + 1, updated_at=at)

    def asked_to_cancel(self, at: datetime) -> Self:
        """
        The shop wants it no more: nothing is sent again, and the gateway's word decides what it becomes.

        Raises:
            NotCancellable: it has ended already, or a prompt is on its way to a phone.
        """
        if self.gateway is GatewayName.MPESA and not self.status.is_closed:
            raise NotCancellable("An M-Pesa prompt cannot be taken back: it ends by itself within two minutes.")
        if self.status.is_closed:
            raise NotCancellable(f"The payment is {self.status}: it has ended.")
        return replace(self, cancel_requested=True, version=self.version + 1, updated_at=at)

    def as_before_asking(self, at: datetime) -> Self:
        """
        The capture that was asked for last surely never reached the gateway: nobody asked for it. Of one that was asked
        for before a cancel, a cancel that was not sent proves nothing.
        """
        if self.status is not Status.AUTHORIZED or self.amount_to_capture is None or self.cancel_requested:
            return self
        return replace(self, amount_to_capture=None, version=self.version + 1, updated_at=at)

    def money_to_refund(self, amount: int | None) -> Money:
        """
        `amount` minor units of it, or all that is left, if that may go back now.

        Raises:
            PaymentDisputed, NotRefundable: nothing may.
            RefundTooLarge: there is not so much left.
        """
        if self.disputed:
            raise PaymentDisputed
        if self.status is not Status.SUCCEEDED:
            raise NotRefundable(f"The payment is {self.status}: only a SUCCEEDED payment can be refunded.")
        asked = self.refundable if amount is None else amount
        if not 1 <= asked <= self.refundable:
            raise RefundTooLarge(self.refundable)
        return replace(self.money, amount=asked)

    def rebooked(self, *, held: int, gone: int, at: datetime) -> Self:
        """
        After one of its refunds moved: `held` and `gone` are by how many minor units more (or less) is on its way back,
        or has gone. What a gateway proves to have given beyond what is left is booked apart, and doubted.
        """
        reserved = self.amount_reserved + held
        proven = self.amount_refunded + self.amount_excess_refunded + gone
        refunded = min(proven, max(self.amount_captured - reserved, 0))
        booked = replace(
            self, amount_reserved=reserved, amount_refunded=refunded, amount_excess_refunded=proven - refunded
        )
        return booked._moved(at)  # noqa: SLF001 - itself

    @property
    def weighed(self) -> Verdict:
        """What everything known makes of it."""
        verdict = self.known.verdict(self.owed)
        doubted = self.amount_excess_refunded > 0 and verdict.status is Status.SUCCEEDED
        return Verdict(Status.REVIEW) if doubted else verdict

    @property
    def outcome_is_told(self) -> bool:
        """Whether a gateway has answered, and the status says what it answered: then it may be told and stored."""
        return self.status.is_known and bool(self.known.evidence) and self.weighed.status is self.status

    @property
    def was_surely_not_sent(self) -> bool:
        return self.status is Status.FAILED and self.reason is Reason.GATEWAY_UNAVAILABLE

    def _was_told_as_failed(self) -> bool:
        failed = self.status in _TOLD_AS_FAILED
        return failed or (self.status is Status.REVIEW and self.known.has_closing_failure())

    def _moved(self, at: datetime) -> Self:
        verdict = self.weighed
        return self._move(verdict.status, reason=verdict.reason, updated_at=at)

    def _move(self, target: Status, *, reason: Reason | None, updated_at: datetime) -> Self:
        if target is not self.status and target not in TRANSITIONS[self.status]:
            raise IllegalTransition(was=self.status, asked=target)
        succeeds = target is Status.SUCCEEDED
        return replace(
            self,
            status=target,
            reason=reason,
            late=self.late or (succeeds and self._was_told_as_failed()),
            amount_captured=self._captured() if target in _TAKEN else 0,
            version=self.version + 1,
            updated_at=updated_at,
        )

    def _captured(self) -> int:
        """What was taken; of what has been given back already, never less than before."""
        return max(self.known.captured(self.owed), self.amount_refunded + self.amount_reserved)


def refunded_how(captured: int, refunded: int) -> RefundedHow:
    """Whether nothing, some or all of what was taken has gone back."""
    if not refunded:
        return "NONE"
    return "FULL" if refunded >= captured else "PARTIAL"


def left_to_refund(captured: int, gone: int, reserved: int) -> int:
    """Of what was taken, in minor units: what has neither gone back nor is on its way."""
    return max(captured - gone - reserved, 0)


#: Where money is, or may be, taken: a success that is doubted later keeps what it took.
_TAKEN: Final = frozenset({Status.SUCCEEDED, Status.REVIEW})
_TOLD_AS_FAILED: Final = frozenset({Status.FAILED, Status.CANCELLED, Status.EXPIRED})
