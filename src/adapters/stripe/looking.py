"""What Stripe knows of a payment now: the intent itself, by its name or, where we never learned that, among all."""

from datetime import datetime, timedelta
from typing import Final

from adapters.stripe import translation
from adapters.stripe.api import Api
from adapters.stripe.failures import Lost
from adapters.stripe.wire import Intent
from application.ports.gateway import Operation
from application.ports.platform import Clock
from domain.evidence import Source
from domain.payment import Payment, Report

#: Stripe's clock may be behind ours.
_SKEW: Final = timedelta(minutes=5)
#: Where an intent of ours is nearly always, so that this is listed first: calls are repeated for two minutes.
_NEARLY_ALWAYS: Final = timedelta(minutes=4)
#: Longer after the start no request of ours can still be on its way.
ALWAYS: Final = timedelta(hours=1)


async def fetch(api: Api, payment: Payment, intent_id: str, clock: Clock) -> Report:
    """What the intent itself says. Raises as `Api` does."""
    asked_at = clock.now()
    intent = await api.retrieve_intent(intent_id)
    return translation.report(intent, payment, Source.FETCHED, asked_at)


async def search(api: Api, payment: Payment, operation: Operation, clock: Clock, pages: int) -> Report:
    """
    What our intent says, found by the payment's id in its metadata; or that there is none. Lists at most `pages`.

    The list is authoritative; Stripe's search is not, it lags.

    Raises:
        Lost: there was more to list than that, or a page was lost: nothing is known.
        NothingSent, Refused: Stripe did not answer.
    """
    asked_at = clock.now()
    intent = await _find(api, payment, operation, asked_at, pages)
    if intent is not None:
        return translation.report(intent, payment, Source.FETCHED, asked_at)
    if asked_at >= operation.started_at + ALWAYS:
        return translation.never_sent(asked_at)
    return translation.lost("absent", asked_at)


async def _find(api: Api, payment: Payment, operation: Operation, now: datetime, pages: int) -> Intent | None:
    early = int((payment.created_at - _SKEW).timestamp())
    middle = int((operation.started_at + _NEARLY_ALWAYS).timestamp())
    late = int((operation.started_at + ALWAYS).timestamp())
    windows = [(early, middle), (middle + 1, late)] if now.timestamp() > middle else [(early, late)]
    left = pages
    for window in windows:
        found, left = await _find_between(api, str(payment.id), window, left)
        if found is not None:
            return found
    return None


async def _find_between(api: Api, payment_id: str, window: tuple[int, int], left: int) -> tuple[Intent | None, int]:
    after: str | None = None
    while True:
        if left == 0:
            raise Lost("too_many_to_list")
        page = await api.list_intents(window, after)
        left -= 1
        ours = (intent for intent in page.data if intent.metadata.get("payment_id") == payment_id)
        if (found := next(ours, None)) is not None:
            return found, left
        if not page.has_more or not page.data:
            return None, left
        after = page.data[-1].id
