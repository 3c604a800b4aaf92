"""Giving an intent up, and not being deceived by the echo of an earlier attempt."""

from typing import Final, Literal

from adapters.stripe import translation
from adapters.stripe.api import Api
from adapters.stripe.failures import Lost, Refused
from application.ports.platform import Clock
from domain.evidence import Source
from domain.payment import Payment, Report

Why = Literal["abandoned", "requested_by_customer"]

#: An attempt whose saved answer is a failure is dead for as long as Stripe keeps its key: a day.
_ATTEMPTS: Final = 5
_ENDED: Final = frozenset({"canceled", "succeeded"})


async def cancel(api: Api, payment: Payment, intent_id: str, why: Why, clock: Clock) -> Report:
    """
    What the intent became. The key's number rises only when the intent shows that nothing came of the one before.

    Raises:
        Lost: it may be cancelled.
        NothingSent: this call did nothing.
        Refused: Stripe does not know the intent.
    """
    report = Report()
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            answer = await api.cancel_intent(intent_id, why, key=f"{payment.id}:cancel:{attempt}")
        except Refused as refused:  # it is beyond cancelling, or was when this was first asked
            replayed = refused.replayed
        except Lost as lost:
            if not lost.replayed:
                raise
            replayed = True
        else:
            if not answer.replayed:
                return translation.report(answer.body, payment, Source.ANSWER, clock.now())
            replayed = True
        asked_at = clock.now()
        intent = await api.retrieve_intent(intent_id)
        report = translation.report(intent, payment, Source.FETCHED, asked_at)
        if not replayed or intent.status in _ENDED:
            break
    return report
