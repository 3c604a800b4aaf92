"""Keeping a card or wallet: a customer for its owner, and the PaymentMethod attached to it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from uuid import UUID

import structlog

from adapters.stripe import declines
from adapters.stripe.api import Answer, Api
from adapters.stripe.failures import Lost, Refused
from adapters.stripe.wire import Method
from application.ports.saving_gateway import Described
from domain.errors import Fault, Invalid, MethodDeclined

T = TypeVar("T")

log = structlog.get_logger()

_TOKEN: Final = "tok_"  # noqa: S105 - how Stripe spells the beginning of one
#: A twin's call is under way: its answer comes in a moment. In seconds.
_BUSY: Final = frozenset({"idempotency_key_in_use", "lock_timeout", "token_in_use"})
_AGAIN_AFTER: Final = 0.1


async def customer(api: Api, user_id: UUID) -> str:
    """
    The customer of this user: the same for all who ask within a day, for that long Stripe keeps the key.

    Raises:
        Lost, NothingSent, Refused: as `Api` does.
    """
    made = await _patiently(lambda: api.create_customer({"user_id": str(user_id)}, key=f"{user_id}:customer"))
    return made.body.id


async def describe(api: Api, method_id: UUID, token: str) -> Described:
    """
    What the token stands for; a `tok_…` is spent for this method.

    Raises:
        Invalid: it stands for no card, or was spent on something else.
        Lost, NothingSent: as `Api` does.
    """
    try:
        method = await _method(api, method_id, token)
    except Refused as refused:
        raise _fault(refused.code) from None
    except Lost as lost:
        if lost.code == "token_already_used":  # not by us: our own call would be repeated by its key
            raise _fault(lost.code) from None
        raise
    card = method.card
    if card is None:
        raise Invalid(Fault("token", "is not of a card or wallet"))
    return Described(
        name=method.id,
        brand=card.brand.upper() if card.brand else None,
        last4=card.last4,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        fingerprint=card.fingerprint,
        customer=method.customer,
    )


async def attach(api: Api, method_id: UUID, name: str, to: str) -> None:
    """
    Attach it to this customer.

    Raises:
        MethodDeclined: the bank does not want it.
        Invalid: Stripe does not.
        Lost, NothingSent: as `Api` does.
        Refused: the customer is at fault, not the method.
    """
    try:
        await _patiently(lambda: api.attach_method(name, to, key=f"{method_id}:attach"))
    except Refused as refused:
        if refused.error.type == "card_error":
            raise MethodDeclined(declines.reason(refused.error)) from None
        if refused.error.param == "customer":
            raise
        raise _fault(refused.code) from None


async def detach(api: Api, name: str) -> None:
    """
    Detach it. What Stripe refuses to detach is not attached.

    Raises:
        Lost, NothingSent: as `Api` does.
    """
    try:
        await api.detach_method(name)
    except Refused as refused:
        log.info("stripe.not_attached", code=refused.code)


async def _method(api: Api, method_id: UUID, token: str) -> Method:
    if token.startswith(_TOKEN):
        return (await _patiently(lambda: api.create_method(token, key=f"{method_id}:pm"))).body
    return await api.retrieve_method(token)


async def _patiently(call: Callable[[], Awaitable[Answer[T]]]) -> Answer[T]:
    """The answer, also where a twin of ours is asking at this moment. The caller's time-out ends it."""
    while True:
        try:
            return await call()
        except Lost as lost:
            if lost.code not in _BUSY:
                raise
        await asyncio.sleep(_AGAIN_AFTER)


def _fault(code: str) -> Invalid:
    return Invalid(Fault("token", f"cannot be saved: {code}"))
