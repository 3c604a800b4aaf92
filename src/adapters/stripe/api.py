"""The calls we make. Each asks once, says under which key, and answers in our wire structs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

import stripe
from msgspec.json import Decoder
from stripe import StripeResponse
from stripe.params import (
    CustomerCreateParams,
    PaymentIntentCancelParams,
    PaymentIntentCaptureParams,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
    PaymentIntentRetrieveParams,
    PaymentMethodAttachParams,
    PaymentMethodCreateParams,
    RefundCreateParams,
    RefundListParams,
)

from adapters.stripe import wire
from adapters.stripe.failures import Lost, is_replay, meaning
from application.ports.webhooks import Unreadable

T = TypeVar("T")

Why = Literal["abandoned", "requested_by_customer"]

_INTENTS: Final = "/v1/payment_intents"
_METHODS: Final = "/v1/payment_methods"
_REFUNDS: Final = "/v1/refunds"
_LONGEST_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What Stripe answered. `replayed`: a snapshot of what it answered before, perhaps no longer true."""

    body: T
    replayed: bool


class Api:
    """
    Stripe, asked once a call, through stripe-python's raw requests: its own objects cost as much as all the rest.

    Raises, from every method:
        Refused: a definite no.
        Lost: it may have happened; also where the answer cannot be read.
        NothingSent: it surely did not.
    """

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    async def create_method(self, token: str, key: str) -> Answer[wire.Method]:
        """Spend a single-use token on a PaymentMethod."""
        params: PaymentMethodCreateParams = {"type": "card", "card": {"token": token}}
        return await self._post(_METHODS, params, key, wire.METHOD)

    async def retrieve_method(self, method_id: str) -> wire.Method:
        return (await self._ask("get", f"{_METHODS}/{method_id}", {}, wire.METHOD)).body

    async def attach_method(self, method_id: str, customer: str, key: str) -> Answer[wire.Method]:
        params: PaymentMethodAttachParams = {"customer": customer}
        return await self._post(f"{_METHODS}/{method_id}/attach", params, key, wire.METHOD)

    async def detach_method(self, method_id: str) -> Answer[wire.Method]:
        """Without a key of ours: done twice it is done once, and a saved failure would stand in the way for a day."""
        return await self._ask("post", f"{_METHODS}/{method_id}/detach", {}, wire.METHOD)

    async def create_customer(self, metadata: dict[str, str], key: str) -> Answer[wire.Named]:
        params: CustomerCreateParams = {"metadata": metadata}
        return await self._post("/v1/customers", params, key, wire.NAMED)

    async def create_intent(self, params: PaymentIntentCreateParams, key: str) -> Answer[wire.Intent]:
        return await self._post(_INTENTS, params, key, wire.INTENT)

    async def capture_intent(self, intent_id: str, amount: int | None, key: str) -> Answer[wire.Intent]:
        """Take `amount` (Stripe's minor units) of what is held, or all of it; the rest is released."""
        params: PaymentIntentCaptureParams = {} if amount is None else {"amount_to_capture": amount}
        return await self._post(f"{_INTENTS}/{intent_id}/capture", params, key, wire.INTENT)

    async def cancel_intent(self, intent_id: str, reason: Why, key: str) -> Answer[wire.Intent]:
        params: PaymentIntentCancelParams = {"cancellation_reason": reason}
        return await self._post(f"{_INTENTS}/{intent_id}/cancel", params, key, wire.INTENT)

    async def retrieve_intent(self, intent_id: str) -> wire.Intent:
        params: PaymentIntentRetrieveParams = {"expand": ["latest_charge"]}
        return (await self._ask("get", f"{_INTENTS}/{intent_id}", params, wire.INTENT)).body

    async def list_intents(self, created: tuple[int, int], after: str | None) -> wire.Page:
        """Up to 100 intents created between two moments (Unix seconds, inclusive), newest first."""
        first, last = created
        params: PaymentIntentListParams = {"created": {"gte": first, "lte": last}, "limit": _LONGEST_PAGE}
        if after is not None:
            params["starting_after"] = after
        return (await self._ask("get", _INTENTS, params, wire.PAGE)).body

    async def create_refund(self, params: RefundCreateParams, key: str) -> Answer[wire.Refund]:
        return await self._post(_REFUNDS, params, key, wire.REFUND)

    async def retrieve_refund(self, refund_id: str) -> wire.Refund:
        return (await self._ask("get", f"{_REFUNDS}/{refund_id}", {}, wire.REFUND)).body

    async def list_refunds(self, intent_id: str, after: str | None) -> wire.RefundPage:
        """Up to 100 refunds of an intent, newest first."""
        params: RefundListParams = {"payment_intent": intent_id, "limit": _LONGEST_PAGE}
        if after is not None:
            params["starting_after"] = after
        return (await self._ask("get", _REFUNDS, params, wire.REFUNDS)).body

    async def _post(self, path: str, params: Mapping[str, object], key: str, decoder: Decoder[T]) -> Answer[T]:
        return await self._ask("post", path, {**params, "idempotency_key": key}, decoder)

    async def _ask(self, verb: str, path: str, params: Mapping[str, object], decoder: Decoder[T]) -> Answer[T]:
        try:
            response: StripeResponse = await self._client.raw_request_async(verb, path, **params)
        except stripe.StripeError as error:
            raise meaning(error) from None
        try:
            return Answer(wire.read(decoder, response.body), is_replay(response.headers))
        except Unreadable:
            raise Lost("unreadable") from None
