"""From Stripe's Refund to what it proves. What is in none of the tables proves nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from adapters.stripe import amounts, declines
from adapters.stripe.said import warn_once
from adapters.stripe.wire import Error, Refund
from domain.evidence import Claim, Evidence, Reason, Source
from domain.payment import ReferenceKind, Report

#: `status` of a Refund -> what it says. "Succeeded" is not the end: up to 30 days later it may fail.
STATUSES: Final[Mapping[str, Claim]] = {
    "pending": Claim.PROCESSING,
    "requires_action": Claim.PROCESSING,
    "succeeded": Claim.SUCCEEDED,
    "failed": Claim.RETURNED,
    "canceled": Claim.CANCELLED,
}
#: `failure_reason` of a Refund -> ours; whatever else it says is GATEWAY_ERROR.
FAILURES: Final[Mapping[str, Reason]] = {
    "lost_or_stolen_card": Reason.LOST_OR_STOLEN,
    "expired_or_canceled_card": Reason.CARD_EXPIRED,
    "charge_for_pending_refund_disputed": Reason.REFUND_REFUSED,
    "insufficient_funds": Reason.INSUFFICIENT_FUNDS,
    "declined": Reason.DECLINED,
    "merchant_request": Reason.CANCELLED,
}
#: `code` of a refusal -> ours (docs.stripe.com/error-codes); "insufficient" is our own balance at Stripe.
REFUSALS: Final[Mapping[str, Reason]] = {
    "charge_already_refunded": Reason.REFUND_REFUSED,
    "charge_disputed": Reason.REFUND_REFUSED,
    "charge_not_refundable": Reason.REFUND_REFUSED,
    "refund_disputed_payment": Reason.REFUND_REFUSED,
    "payment_intent_unexpected_state": Reason.REFUND_REFUSED,
    "balance_insufficient": Reason.INSUFFICIENT_FUNDS,
    "insufficient_funds": Reason.INSUFFICIENT_FUNDS,
}
#: That more is asked than is left has no code: only this says so.
_OF_AMOUNT: Final = "amount"
_LONGEST_CODE: Final = 64


def report(refund: Refund, source: Source, at: datetime) -> Report:
    """
    What a refund says, told by `source` at `at` (UTC).

    Raises:
        Unreadable: it states an amount that its currency cannot have.
    """
    evidence = _evidence(refund, source, at)
    return Report(
        evidence=() if evidence is None else (evidence,),
        references={ReferenceKind.REFUND: refund.id},
    )


def refusal(error: Error, at: datetime) -> Report:
    """What the answer "no" to our own call says: nothing went back, and nothing will."""
    listed = REFUSALS.get(error.code or "")
    reason = listed or (Reason.REFUND_REFUSED if error.param == _OF_AMOUNT else Reason.CONFIGURATION)
    evidence = Evidence(claim=Claim.FAILED, source=Source.ANSWER, at=at, code=declines.code(error), reason=reason)
    return Report(evidence=(evidence,))


def lost(code: str, at: datetime, name: str | None = None) -> Report:
    """That we asked and the answer is lost; with the refund's name where at least that came."""
    evidence = Evidence(claim=Claim.LOST, source=Source.CLOCK, at=at, code=code)
    return Report(evidence=(evidence,), references={ReferenceKind.REFUND: name} if name else {})


def _evidence(refund: Refund, source: Source, at: datetime) -> Evidence | None:
    claim = STATUSES.get(refund.status or "")
    if claim is None:
        warn_once("stripe.status_unknown", refund.status or "")
        return None
    if claim is Claim.SUCCEEDED:
        money = amounts.from_wire(refund.amount, refund.currency)
        return Evidence(claim=claim, source=source, at=at, amount=money)
    if claim is Claim.RETURNED:
        why = refund.failure_reason or "unknown"
        reason = FAILURES.get(why, Reason.GATEWAY_ERROR)
        return Evidence(claim=claim, source=source, at=at, code=why[:_LONGEST_CODE], reason=reason)
    if claim is Claim.CANCELLED:
        return Evidence(claim=claim, source=source, at=at, code="canceled", reason=Reason.CANCELLED)
    return Evidence(claim=claim, source=source, at=at)
