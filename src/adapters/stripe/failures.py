"""What an error of stripe-python means for the customer's money. The nearest ancestor in the table decides."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

import stripe
import structlog

from adapters.stripe import wire
from adapters.stripe.declines import code as code_of
from adapters.stripe.transport import Unreachable
from application.ports.gateway import NothingSent
from application.ports.webhooks import Unreadable

log = structlog.get_logger()


class Meaning(Enum):
    REFUSED = auto()  # Stripe's definite no to what we asked
    NOTHING_SENT = auto()  # Stripe surely did nothing
    MISCONFIGURED = auto()  # the same, and the operator must act
    LOST = auto()  # Stripe may have acted: look it up


MEANINGS: Final[Mapping[type[stripe.StripeError], Meaning]] = {
    stripe.CardError: Meaning.REFUSED,
    stripe.InvalidRequestError: Meaning.REFUSED,
    stripe.AuthenticationError: Meaning.MISCONFIGURED,
    stripe.PermissionError: Meaning.MISCONFIGURED,
    stripe.RateLimitError: Meaning.NOTHING_SENT,  # refused before a key is looked at
    Unreachable: Meaning.NOTHING_SENT,
    stripe.APIConnectionError: Meaning.LOST,
    stripe.IdempotencyError: Meaning.LOST,  # our key came before with other parameters: what came of that?
    stripe.APIError: Meaning.LOST,  # 5xx (replayed ones too), 409 while the first still runs, no JSON
    stripe.StripeError: Meaning.LOST,
}
#: Codes of refusals that may be the echo of an earlier call of ours: that one decides, so never a failure.
ECHOES: Final = frozenset({"token_already_used", "token_in_use", "idempotency_key_in_use", "lock_timeout"})

_REPLAYED: Final = "Idempotent-Replayed"


class Refused(Exception):
    """Stripe said no. `replayed`: it said so to an earlier call with the same key."""

    def __init__(self, error: wire.Error, *, replayed: bool = False) -> None:
        self.code = code_of(error) or "refused"
        self.error = error
        self.replayed = replayed
        super().__init__(self.code)


class Lost(Exception):
    """
    Stripe may have acted, and we do not know what it did. `code` says how the answer was lost.

    `replayed`: the key was used before, so that asking again with it can only say the same again.
    """

    def __init__(self, code: str, *, replayed: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.replayed = replayed


def meaning(error: stripe.StripeError) -> Refused | Lost | NothingSent:
    """The exception of ours that `error` is. Theirs must not be chained to it: they quote bodies."""
    told = _told(error)
    code = code_of(told) or error.code or f"http_{error.http_status}"
    verdict = next(MEANINGS[kind] for kind in type(error).__mro__ if kind in MEANINGS)
    if verdict is Meaning.MISCONFIGURED:
        log.error("stripe.misconfigured", status=error.http_status, code=code, request_id=error.request_id)
        return NothingSent()
    if verdict is Meaning.NOTHING_SENT:
        log.warning("stripe.nothing_sent", status=error.http_status, code=code, request_id=error.request_id)
        return NothingSent()
    if verdict is Meaning.REFUSED and told.code not in ECHOES:
        return Refused(told, replayed=is_replay(error.headers))
    key_known = isinstance(error, stripe.IdempotencyError) or is_replay(error.headers)
    return Lost(code, replayed=key_known)


def is_replay(headers: Mapping[str, str] | None) -> bool:
    """Whether the answer is a saved one: true once, and perhaps no longer."""
    return (headers or {}).get(_REPLAYED) == "true"


def _told(error: stripe.StripeError) -> wire.Error:
    """What Stripe wrote; nothing where it wrote nothing we can read (the transport lets no such refusal through)."""
    try:
        return wire.read(wire.ENVELOPE, error.http_body or "{}").error or wire.Error()
    except Unreadable:
        return wire.Error()
