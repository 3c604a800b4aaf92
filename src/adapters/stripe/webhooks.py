"""Stripe's events: whom they are about, and what they claim."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from uuid import UUID

from adapters.stripe import amounts, refund_translation, translation, wire
from adapters.stripe.said import warn_once
from adapters.stripe.signatures import StripeSignatures
from application.ports.inbox import Message
from application.ports.webhooks import About, AboutRefund
from domain import ids
from domain.evidence import Claim, Evidence, Reason, Source
from domain.payment import Payment, ReferenceKind, Report
from domain.refund import Refund

__all__ = ["StripeEvents", "StripeSignatures"]

#: Events that say what the intent inside them says.
BY_STATUS: Final = frozenset(
    {
        "payment_intent.processing",
        "payment_intent.requires_action",
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "payment_intent.canceled",
    }
)
#: Events whose name says more, or less, than the intent inside them: what they claim, or None: nothing but its name.
BY_NAME: Final[Mapping[str, Claim | None]] = {
    "payment_intent.created": None,  # our own call is still on its way
    "payment_intent.partially_funded": Claim.PROCESSING,
    "payment_intent.payment_failed": Claim.REQUIRES_ACTION,  # it can still be paid: not the end
}
CHARGE_EXPIRED: Final = "charge.expired"
#: The only event that shows the card of a customer who had to authenticate: the intent's own names its charge only.
CHARGE_SUCCEEDED: Final = "charge.succeeded"
#: Events that say what the refund inside them says. Of a failure `refund.updated` does not tell.
OF_REFUNDS: Final = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
#: What an endpoint of ours is to be told.
SUBSCRIBED: Final = (
    BY_STATUS
    | {"payment_intent.partially_funded", "payment_intent.payment_failed", CHARGE_EXPIRED, CHARGE_SUCCEEDED}
    | (OF_REFUNDS - {"charge.refund.updated"})
)
#: What the events above say better: it carries the charge and not the refund.
INFORMATIVE: Final = frozenset({"charge.refunded"})


class StripeEvents:
    """
    What an event claims is what was true when it was made: they come late, twice and in any order.

    `livemode`: whether our key is one for real money; events of the other mode are not about anything of ours.
    """

    def __init__(self, *, livemode: bool) -> None:
        self._livemode = livemode

    def about(self, message: Message) -> About | None:
        event = self._event(message)
        if event is None or event.type in OF_REFUNDS or event.type in INFORMATIVE:
            return None
        if event.type == CHARGE_EXPIRED:
            charge = _charge(event)
            return _about(charge.metadata, charge.payment_intent)
        if event.type == CHARGE_SUCCEEDED:
            charge = _charge(event)
            return _about(charge.metadata, charge.payment_intent) if charge.was_authenticated else None
        if event.type in BY_STATUS or event.type in BY_NAME:
            intent = _intent(event)
            return _about(intent.metadata, intent.id)
        warn_once("stripe.event_ignored", event.type)
        return None

    def translate(self, message: Message, payment: Payment) -> Report:
        event = wire.event(message.body)
        if event.type == CHARGE_EXPIRED:
            return _expired(event)
        if event.type == CHARGE_SUCCEEDED:
            return _shown(event, payment)
        report = translation.report(_intent(event), payment, Source.SIGNED, translation.moment(event.created))
        if event.type in BY_STATUS:
            return report
        claim = BY_NAME.get(event.type)
        if claim is None:
            return replace(report, evidence=())
        return replace(report, evidence=tuple(replace(piece, claim=claim) for piece in report.evidence))

    def about_refund(self, message: Message) -> AboutRefund | None:
        event = self._event(message)
        if event is None or event.type not in OF_REFUNDS:
            return None
        refund = _refund(event)
        metadata = refund.metadata or {}
        payment = _about(metadata, refund.payment_intent)
        if payment is None:  # of a charge that no intent made: none of ours
            return None
        return AboutRefund(
            refund_id=_our_id(metadata.get("refund_id", "")),
            reference=refund.id,
            payment=payment,
            money=amounts.from_wire(refund.amount, refund.currency),
        )

    def translate_refund(self, message: Message, refund: Refund) -> Report:  # noqa: ARG002 - it says all by itself
        event = wire.event(message.body)
        return refund_translation.report(_refund(event), Source.SIGNED, translation.moment(event.created))

    def _event(self, message: Message) -> wire.Event | None:
        """The event, unless it is of the other mode."""
        event = wire.event(message.body)
        if event.livemode is self._livemode:
            return event
        warn_once("stripe.other_mode_ignored", event.type)
        return None


def _about(metadata: Mapping[str, str], intent_id: str | None) -> About | None:
    payment_id = _our_id(metadata.get("payment_id", ""))
    if payment_id is not None:
        return About(payment_id=payment_id)
    return About(kind=ReferenceKind.PAYMENT_INTENT, reference=intent_id) if intent_id else None


def _our_id(text: str) -> UUID | None:
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text and ids.created_at(found) is not None else None


def _expired(event: wire.Event) -> Report:
    """The hold on the money is over, and the money was not taken."""
    evidence = Evidence(
        claim=Claim.EXPIRED,
        source=Source.SIGNED,
        at=translation.moment(event.created),
        code=CHARGE_EXPIRED,
        reason=Reason.EXPIRED,
    )
    intent_id = _charge(event).payment_intent
    return Report(evidence=(evidence,), references={ReferenceKind.PAYMENT_INTENT: intent_id} if intent_id else {})


def _shown(event: wire.Event, payment: Payment) -> Report:
    """The card behind a charge. That it succeeded, the intent says."""
    charge = _charge(event)
    card = charge.payment_method_details.card if charge.payment_method_details else None
    return Report(
        references={ReferenceKind.PAYMENT_INTENT: charge.payment_intent} if charge.payment_intent else {},
        method=translation.method(payment, card),
    )


def _intent(event: wire.Event) -> wire.Intent:
    return wire.read(wire.INTENT, event.data.object)


def _charge(event: wire.Event) -> wire.Charge:
    return wire.read(wire.CHARGE, event.data.object)


def _refund(event: wire.Event) -> wire.Refund:
    return wire.read(wire.REFUND, event.data.object)
