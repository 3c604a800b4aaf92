"""Capturing an intent or giving it up, and not being deceived by the echo of an earlier attempt."""

from collections.abc import Awaitable, Callable
from typing import Final

from adapters.stripe import translation
from adapters.stripe.api import Answer, Api
from adapters.stripe.failures import Lost, Refused
from adapters.stripe.wire import Intent
from application.ports.gateway import NothingSent
from application.ports.platform import Clock
from domain.evidence import Source
from domain.payment import Payment, ReferenceKind, Report

#: The call itself, for the intent of this name and under this key.
Act = Callable[[str, str], Awaitable[Answer[Intent]]]

#: An attempt whose saved answer is a failure is dead for as long as Stripe keeps its key: a day.
_ATTEMPTS: Final = 5
_ENDED: Final = frozenset({"canceled", "succeeded"})


async def make(api: Api, payment: Payment, verb: str, act: Act, clock: Clock) -> Report:
    """
    What the intent became. The key's number rises only when the intent shows that nothing came of the one before.

    Raises:
        Lost: it may be done.
        NothingSent: this call did nothing.
        Refused: Stripe does not know the intent.
    """
    report = Report()
    intent_id = payment.references[ReferenceKind.PAYMENT_INTENT]
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            answer = await act(intent_id, f"{payment.id}:{verb}:{attempt}")
        except Refused as refused:  # it is beyond that, or was when this was first asked
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
        try:
            intent = await api.retrieve_intent(intent_id)
        except NothingSent:  # the attempt itself was answered: that Stripe does not let us look proves nothing
            raise Lost("not_looked_at") from None
        report = translation.report(intent, payment, Source.FETCHED, asked_at)
        if not replayed or intent.status in _ENDED:
            break
    return report
