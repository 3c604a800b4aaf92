"""The six calls we make. Each asks once, says under which key, and answers in our wire structs."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import stripe
from msgspec.json import Decoder
from stripe.params import PaymentIntentCreateParams, PaymentIntentListParams

from adapters.stripe import wire
from adapters.stripe.failures import Lost, is_replay, meaning
from application.ports.webhooks import Unreadable

T = TypeVar("T")

PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What Stripe answered. `replayed`: a snapshot of what it answered before, perhaps no longer true."""

    body: T
    replayed: bool


class Api:
    """
    Stripe, asked once a call.

    Raises, from every method:
        Refused: a definite no.
        Lost: it may have happened; also where the answer cannot be read.
        NothingSent: it surely did not.
    """

    def __init__(self, client: stripe.StripeClient) -> None:
        self._v1 = client.v1

    async def create_method(self, token: str, key: str) -> Answer[wire.Method]:
        """Spend a single-use token on a PaymentMethod."""
        asked = self._v1.payment_methods.create_async({"type": "card", "card": {"token": token}}, _under(key))
        return await _answer(asked, wire.METHOD)

    async def create_customer(self, metadata: dict[str, str], key: str) -> Answer[wire.Named]:
        return await _answer(self._v1.customers.create_async({"metadata": metadata}, _under(key)), wire.NAMED)

    async def create_intent(self, params: PaymentIntentCreateParams, key: str) -> Answer[wire.Intent]:
        return await _answer(self._v1.payment_intents.create_async(params, _under(key)), wire.INTENT)

    async def retrieve_intent(self, intent_id: str) -> wire.Intent:
        asked = self._v1.payment_intents.retrieve_async(intent_id, {"expand": ["latest_charge"]})
        return (await _answer(asked, wire.INTENT)).body

    async def cancel_intent(
        self, intent_id: str, reason: Literal["abandoned", "requested_by_customer"], key: str
    ) -> Answer[wire.Intent]:
        asked = self._v1.payment_intents.cancel_async(intent_id, {"cancellation_reason": reason}, _under(key))
        return await _answer(asked, wire.INTENT)

    async def list_intents(self, created: tuple[int, int], after: str | None) -> wire.Page:
        """Up to 100 intents created between two moments (Unix seconds, inclusive), newest first."""
        first, last = created
        params: PaymentIntentListParams = {"created": {"gte": first, "lte": last}, "limit": PAGE_SIZE}
        if after is not None:
            params["starting_after"] = after
        return (await _answer(self._v1.payment_intents.list_async(params), wire.PAGE)).body


def _under(key: str) -> stripe.RequestOptions:
    return {"idempotency_key": key}


async def _answer(asked: Awaitable[stripe.StripeObject], decoder: Decoder[T]) -> Answer[T]:
    try:
        response = (await asked).last_response
    except stripe.StripeError as error:
        raise meaning(error) from None
    if response is None:
        raise Lost("no_response")
    try:
        return Answer(wire.read(decoder, response.body), is_replay(response.headers))
    except Unreadable:
        raise Lost("unreadable") from None
