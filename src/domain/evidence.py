"""What is claimed about a payment, by whom, and how much that counts. `verdict.py` weighs it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.money import Money


class Claim(StrEnum):
    """What a piece of evidence says."""

    LOST = "lost"  # we asked and the answer is lost
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    PAID = "paid"  # said to be paid, by a voice that must be confirmed first
    AUTHORIZED = "authorized"
    OPERATION_LOST = "operation_lost"  # a capture or cancel was asked for, its answer is lost
    UNRESOLVED = "unresolved"  # the truth stayed away too long
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    RETURNED = "returned"  # of a refund: the gateway could not pay it out and took it back, even after a success
    CONTESTED = "contested"  # of a refund: the money went back, but not by a call that we know of

    @property
    def is_failure(self) -> bool:
        return self in {Claim.FAILED, Claim.CANCELLED, Claim.EXPIRED}

    @property
    def is_final(self) -> bool:
        return self in {Claim.SUCCEEDED, Claim.RETURNED} or self.is_failure


class Source(StrEnum):
    """Who says it."""

    OPERATOR = "operator"  # a person, with a reason
    FETCHED = "fetched"  # the gateway's own object, fetched by us just now
    SIGNED = "signed"  # a signed event, or a callback on the secret path that names what is ours
    ANSWER = "answer"  # the answer to our own call, or proof that nothing was sent
    QUERY = "query"  # an STK query: it can be trusted when it says yes, less when it says no
    CLOCK = "clock"  # our own time-out: it proves nothing


class Reason(StrEnum):
    """Why a payment failed, in words a shop can act on."""

    DECLINED = "declined"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CARD_EXPIRED = "card_expired"
    INCORRECT_CVC = "incorrect_cvc"
    LOST_OR_STOLEN = "lost_or_stolen"
    AUTHENTICATION_FAILED = "authentication_failed"
    INVALID_METHOD = "invalid_method"
    CANCELLED_BY_PAYER = "cancelled_by_payer"
    UNREACHABLE = "unreachable"
    WRONG_PIN = "wrong_pin"
    LIMIT_EXCEEDED = "limit_exceeded"
    ACCOUNT_BLOCKED = "account_blocked"
    DUPLICATE_SUSPECTED = "duplicate_suspected"
    EXPIRED = "expired"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"
    GATEWAY_BUSY = "gateway_busy"
    GATEWAY_ERROR = "gateway_error"
    GATEWAY_UNAVAILABLE = "gateway-unavailable"  # surely nothing was sent; nobody was charged
    REFUND_REFUSED = "refund_refused"  # the gateway gives nothing (more) back of this payment
    NEVER_SENT = "never_sent"  # the gateway does not know it, and would by now
    CONFIGURATION = "configuration"  # our request or our account is wrong: the operator must act


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    One claim by one source. Immutable and comparable: the same claim twice is one piece of evidence.

    `at` (UTC, milliseconds) is when the source spoke, or for a question, when we asked it.
    `amount` is what a success claims to have moved, where the source says so.
    `code` is the source's own word for it: `1032`, `card_declined`.
    `verify_first` marks a failure that closes nothing until a later query agrees.
    """

    claim: Claim
    source: Source
    at: datetime
    amount: Money | None = None
    code: str | None = None
    reason: Reason | None = None
    verify_first: bool = False

    @property
    def rank(self) -> int:
        """How much a final claim counts, 0 to 5. Claims that are not final have no rank: -1."""
        if not self.claim.is_final:
            return -1
        if self.source is Source.QUERY:
            return 2 if self.claim is Claim.SUCCEEDED else 1
        return _RANKS[self.source]


_RANKS = {Source.OPERATOR: 5, Source.FETCHED: 4, Source.SIGNED: 3, Source.ANSWER: 2, Source.CLOCK: 0}
