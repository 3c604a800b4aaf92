"""Misbehaviour that only this gateway is capable of, beside what every stand-in can be told."""

from dataclasses import dataclass
from typing import Final, cast

from aiohttp import web

from entrypoints.sandbox import behaviour
from entrypoints.sandbox.behaviour import Behaviour, Handler, Rules
from entrypoints.sandbox.daraja import refusals
from entrypoints.sandbox.daraja.refusals import FirewallPage, Refusal

#: POSTs below these paths move money, so the counters are about them unless told otherwise.
MONEY: Final = ("/mpesa/stkpush/", "/mpesa/reversal/", "/mpesa/b2c/")


@dataclass(kw_only=True)
class DarajaRules(Rules):
    """What is in force now."""

    spike_arrest: int = 0
    """The next n are throttled, nothing is sent."""
    html_errors: int = 0
    """The next n meet the firewall's page, nothing is sent."""
    status_timeouts: int = 0
    """The next n transaction status requests die in the queue."""
    refund_code: str = ""
    """The next reversal or B2C ends in this code, whatever it asks for."""
    refund_timeouts: int = 0
    """The next n are told to QueueTimeOutURL instead of ResultURL, whatever became of the money."""
    refund_silences: int = 0
    """The next n are never told of."""
    refund_results_first: int = 0
    """The next n are answered only when the result was delivered."""
    refund_delay_ms: int = 0
    """Every reversal and B2C takes M-Pesa so much longer."""
    query_lies: bool = False
    """A query denies what was paid: a known defect of Safaricom's own sandbox."""
    result_17: bool = False
    """The same amount from the same phone within two minutes of a payment ends in 17."""
    invalidate_token: bool = False
    """The living access token dies, once."""


class Mischief:
    """What was ordered by `POST /_behave`, and the counting of it."""

    def __init__(self) -> None:
        self.behaviour = Behaviour(money=MONEY, rules=DarajaRules())

    @property
    def query_lies(self) -> bool:
        """Whether queries deny payments."""
        return self._rules.query_lies

    @property
    def result_17(self) -> bool:
        """Whether a repeated amount is refused by rule."""
        return self._rules.result_17

    @property
    def refund_delay(self) -> float:
        """Seconds that M-Pesa takes beside its usual ones to give money back."""
        return self._rules.refund_delay_ms / 1000

    def takes(self, counter: str) -> bool:
        """Whether this one is one of the n that the counter is about; counts it."""
        left: int = getattr(self._rules, counter)
        setattr(self._rules, counter, max(0, left - 1))
        return left > 0

    def takes_refund_code(self) -> str:
        """The code that was ordered for this one; empty where none was."""
        code, self._rules.refund_code = self._rules.refund_code, ""
        return code

    def takes_token_invalidation(self) -> bool:
        """Whether the token has to die now."""
        due = self._rules.invalidate_token
        self._rules.invalidate_token = False
        return due

    def refusal(self, request: web.Request) -> Refusal | FirewallPage | None:
        """What is answered to this request instead of looking at it."""
        if self.behaviour.take("spike_arrest", request):
            return refusals.SPIKE_ARREST
        if self.behaviour.take("html_errors", request):
            return FirewallPage()
        return None

    @web.middleware
    async def gateway(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every complaint leaves in the gateway's envelope, and every answer after the ordered wait."""
        if request.path.startswith("/_"):
            return await handler(request)
        if refusal := self.refusal(request):
            return refusal.answer()
        try:
            answer = await handler(request)
        except refusals.Refused as refused:
            answer = refused.refusal.answer()
        except web.HTTPNotFound:
            answer = refusals.RESOURCE_NOT_FOUND.answer()
        except web.HTTPMethodNotAllowed:
            answer = refusals.METHOD_NOT_ALLOWED.answer()
        await behaviour.waited(self.behaviour, request)
        return answer

    @property
    def _rules(self) -> DarajaRules:
        return cast("DarajaRules", self.behaviour.rules)


def failure(status: int) -> web.Response:
    """The gateway's own error page, under any status."""
    return Refusal(status, refusals.INTERNAL_ERROR.code, refusals.INTERNAL_ERROR.message).answer()
