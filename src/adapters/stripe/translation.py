"""From Stripe's PaymentIntent to what it proves. One table for each meaning; what is in none of them proves nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from adapters.stripe import amounts, declines
from adapters.stripe.said import warn_once
from adapters.stripe.wire import Card, Charge, Error, Intent
from domain.evidence import Claim, Evidence, Reason, Source
from domain.money import Money
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import MethodType, PaymentMethod

#: `status` of a PaymentIntent -> what it says, before a decline or the cause of an ending makes it more exact.
STATUSES: Final[Mapping[str, Claim]] = {
    "requires_payment_method": Claim.REQUIRES_ACTION,
    "requires_confirmation": Claim.REQUIRES_ACTION,
    "requires_action": Claim.REQUIRES_ACTION,
    "processing": Claim.PROCESSING,
    "requires_capture": Claim.AUTHORIZED,
    "succeeded": Claim.SUCCEEDED,
    "canceled": Claim.CANCELLED,
}
#: `cancellation_reason` -> how it ended; whatever else it says is CANCELLED.
ENDINGS: Final[Mapping[str, tuple[Claim, Reason]]] = {
    "automatic": (Claim.EXPIRED, Reason.EXPIRED),
    "expired": (Claim.EXPIRED, Reason.EXPIRED),
    "abandoned": (Claim.CANCELLED, Reason.ABANDONED),
}
#: `next_action.type` -> what we call it; another one keeps Stripe's name, for its own library knows what to do.
ACTIONS: Final[Mapping[str, str]] = {
    "use_stripe_sdk": "three_d_secure",
    "redirect_to_url": "three_d_secure",
    "display_bank_transfer_instructions": "bank_transfer",
}
#: The code of every ending, so that nothing is cancelled twice.
CANCELED: Final = "canceled"
#: How long a held amount is kept where the charge does not say (docs.stripe.com/payments/place-a-hold).
HELD_FOR: Final = timedelta(days=7)


def report(intent: Intent, payment: Payment, source: Source, at: datetime) -> Report:
    """
    What an intent of this payment's says, told by `source` at `at` (UTC).

    Raises:
        Unreadable: it states an amount that its currency cannot have.
    """
    evidence = _evidence(intent, payment, source, at)
    return Report(
        evidence=() if evidence is None else (evidence,),
        references={ReferenceKind.PAYMENT_INTENT: intent.id},
        next_action=_next_action(intent),
        capture_before=_capture_before(intent),
        method=method(payment, _card(intent)),
    )


def refusal(error: Error, payment: Payment, at: datetime) -> Report:
    """What the answer "no" to our own call says."""
    intent = error.payment_intent
    open_to_customer = intent is not None and payment.customer_may_act
    evidence = Evidence(
        claim=Claim.REQUIRES_ACTION if open_to_customer else Claim.FAILED,
        source=Source.ANSWER,
        at=at,
        code=declines.code(error),
        reason=declines.reason(error),
    )
    return Report(evidence=(evidence,), references={} if intent is None else {ReferenceKind.PAYMENT_INTENT: intent.id})


def lost(code: str, at: datetime, intent_id: str | None = None, claim: Claim = Claim.LOST) -> Report:
    """That we asked and the answer is lost; with the name of the intent where at least that came."""
    evidence = Evidence(claim=claim, source=Source.CLOCK, at=at, code=code)
    return Report(evidence=(evidence,), references={ReferenceKind.PAYMENT_INTENT: intent_id} if intent_id else {})


def never_sent(at: datetime) -> Report:
    """That Stripe does not know it, although by now it would."""
    evidence = Evidence(claim=Claim.FAILED, source=Source.ANSWER, at=at, code="never_sent", reason=Reason.NEVER_SENT)
    return Report(evidence=(evidence,))


def method(payment: Payment, card: Card | None) -> PaymentMethod | None:
    """The payment's method with what Stripe knows of the card: for people to recognise it by, without the token."""
    kind = payment.method.type
    if card is None or kind is MethodType.BANK_TRANSFER:
        return None
    return PaymentMethod(type=kind, brand=card.brand.upper() if card.brand else None, last4=card.last4)


def moment(seconds: int) -> datetime:
    """Unix seconds as UTC."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def _evidence(intent: Intent, payment: Payment, source: Source, at: datetime) -> Evidence | None:
    claim = STATUSES.get(intent.status)
    error = intent.last_payment_error
    if claim is None:
        warn_once("stripe.status_unknown", intent.status)
        return None
    if claim is Claim.CANCELLED:
        claim, why = _ending(intent, payment)
        return Evidence(claim=claim, source=source, at=at, code=CANCELED, reason=why)
    if claim is Claim.REQUIRES_ACTION:
        reason = declines.reason(error) if error else None
        if error and not _customer_may_act(intent, payment):
            if source is Source.SIGNED:  # the answer to our own call is on its way, and says it better: declined
                return None
            claim = Claim.FAILED
        return Evidence(claim=claim, source=source, at=at, code=declines.code(error) if error else None, reason=reason)
    return Evidence(claim=claim, source=source, at=at, amount=_amount(intent, claim))


def _amount(intent: Intent, claim: Claim) -> Money | None:
    moved = {Claim.SUCCEEDED: intent.amount_received, Claim.AUTHORIZED: intent.amount_capturable}.get(claim)
    return None if moved is None else amounts.from_wire(moved, intent.currency)


def _customer_may_act(intent: Intent, payment: Payment) -> bool:
    """Whether anybody ever got the client secret, or gets it with this report."""
    return payment.customer_may_act or _next_action(intent) is not None


def _ending(intent: Intent, payment: Payment) -> tuple[Claim, Reason]:
    """The cancellation that follows a decline is evidence of the decline, even where Stripe has forgotten why."""
    listed = ENDINGS.get(intent.cancellation_reason or "", (Claim.CANCELLED, Reason.CANCELLED))
    if listed[0] is Claim.EXPIRED:
        return listed
    if intent.last_payment_error is not None:
        return Claim.FAILED, declines.reason(intent.last_payment_error)
    declined = [piece for piece in payment.known.in_order() if piece.claim is Claim.FAILED]
    return (Claim.FAILED, declined[-1].reason or Reason.DECLINED) if declined else listed


def _next_action(intent: Intent) -> Mapping[str, Any] | None:
    action = intent.next_action
    if action is None or intent.status != "requires_action":
        return None
    kind = ACTIONS.get(action.type, action.type)
    if kind == "bank_transfer":
        return {"type": kind, "instructions": action.display_bank_transfer_instructions or {}}
    url = action.redirect_to_url.url if action.redirect_to_url else None
    return {"type": kind, "client_secret": intent.client_secret, "redirect_url": url}


def _capture_before(intent: Intent) -> datetime | None:
    if STATUSES.get(intent.status) is not Claim.AUTHORIZED:
        return None
    card = _card(intent)
    stated = card.capture_before if card else None
    return moment(stated) if stated is not None else moment(intent.created) + HELD_FOR


def _card(intent: Intent) -> Card | None:
    charge = intent.latest_charge
    details = charge.payment_method_details if isinstance(charge, Charge) else None
    return details.card if details else None
