"""Giving money back: one refund of an intent under its own stable key, and finding it again."""

from adapters.stripe import parameters, refund_translation, translation, wire
from adapters.stripe.api import Api
from adapters.stripe.failures import Lost, Refused
from adapters.stripe.looking import ALWAYS
from application.ports.gateway import NothingSent, Operation
from application.ports.platform import Clock
from domain.evidence import Source
from domain.payment import Payment, ReferenceKind, Report
from domain.refund import Refund


async def send(api: Api, payment: Payment, refund: Refund, clock: Clock) -> Report:
    """
    Ask Stripe to give the money back.

    Raises:
        Lost: it may be on its way.
        Refused: Stripe said no, perhaps to an earlier call.
        NothingSent: this call did nothing.
    """
    intent_id = payment.references[ReferenceKind.PAYMENT_INTENT]
    answer = await api.create_refund(parameters.refund(intent_id, refund), key=str(refund.id))
    if not answer.replayed:
        return refund_translation.report(answer.body, Source.ANSWER, clock.now())
    try:  # a replay is a snapshot: it gives us the name, the refund itself decides
        return await fetch(api, answer.body.id, clock)
    except (Lost, Refused, NothingSent) as why:
        return refund_translation.lost(type(why).__name__.lower(), clock.now(), answer.body.id)


async def fetch(api: Api, name: str, clock: Clock) -> Report:
    """What the refund itself says. Raises as `Api` does."""
    asked_at = clock.now()
    return refund_translation.report(await api.retrieve_refund(name), Source.FETCHED, asked_at)


async def search(
    api: Api, payment: Payment, refund: Refund, operation: Operation, clock: Clock, *, pages: int
) -> Report:
    """
    What our refund says, found by its id in the metadata among those of the intent; or that there is none.

    Raises:
        Lost: there were more than `pages` lists of them, or a page was lost: nothing is known.
        NothingSent, Refused: Stripe did not answer.
    """
    asked_at = clock.now()
    found = await _find(api, payment.references[ReferenceKind.PAYMENT_INTENT], str(refund.id), pages)
    if found is not None:
        return refund_translation.report(found, Source.FETCHED, asked_at)
    if asked_at >= operation.started_at + ALWAYS:
        return translation.never_sent(asked_at)
    return refund_translation.lost("absent", asked_at)


async def _find(api: Api, intent_id: str, refund_id: str, pages: int) -> wire.Refund | None:
    after: str | None = None
    for _ in range(pages):
        page = await api.list_refunds(intent_id, after)
        for refund in page.data:
            if refund.metadata and refund.metadata.get("refund_id") == refund_id:
                return refund
        if not page.has_more or not page.data:
            return None
        after = page.data[-1].id
    raise Lost("too_many_to_list")
