"""Stripe's objects (API 2026-10-28.endive) as far as we read them, strict about types: what does not fit is refused."""

import json
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.json import Decoder

from application.ports.webhooks import Unreadable

T = TypeVar("T")

#: Unix seconds, before the year 2100.
Moment = Annotated[int, Meta(ge=0, lt=4_102_444_800)]
#: Stripe's minor units; `amounts.py` knows where they are not ours.
Amount = Annotated[int, Meta(ge=0, le=2**62)]
IntentId = Annotated[str, Meta(pattern=r"\Api_[A-Za-z0-9_]{1,200}\Z")]
#: `re_…` of a card, `pyr_…` of other methods.
RefundId = Annotated[str, Meta(pattern=r"\A(re|pyr)_[A-Za-z0-9_]{1,200}\Z")]


class Card(Struct, frozen=True, kw_only=True):
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None
    capture_before: Moment | None = None
    three_d_secure: dict[str, Any] | None = None


class Details(Struct, frozen=True, kw_only=True):
    card: Card | None = None


class Charge(Struct, frozen=True, kw_only=True):
    """A charge, expanded inside its intent or sent by itself."""

    object: Literal["charge"]
    payment_intent: IntentId | None = None
    metadata: dict[str, str] = {}
    payment_method_details: Details | None = None

    @property
    def was_authenticated(self) -> bool:
        """Whether the customer went through 3-D Secure for it."""
        card = self.payment_method_details.card if self.payment_method_details else None
        return card is not None and card.three_d_secure is not None


class Named(Struct, frozen=True, kw_only=True):
    """An object of which only the name matters."""

    id: str


class Method(Struct, frozen=True, kw_only=True):
    id: str
    object: Literal["payment_method"]
    card: Card | None = None
    customer: str | None = None


class Intended(Struct, frozen=True, kw_only=True):
    """The intent that an error names."""

    id: IntentId


class Error(Struct, frozen=True, kw_only=True):
    """Why something was refused: `last_payment_error` of an intent, or the `error` of an answer."""

    type: str | None = None
    code: str | None = None
    decline_code: str | None = None
    param: str | None = None
    payment_intent: Intended | None = None


class Redirect(Struct, frozen=True, kw_only=True):
    url: str | None = None


class NextAction(Struct, frozen=True, kw_only=True):
    type: str
    redirect_to_url: Redirect | None = None
    display_bank_transfer_instructions: dict[str, Any] | None = None


class Intent(Struct, frozen=True, kw_only=True):
    """A PaymentIntent."""

    id: IntentId
    object: Literal["payment_intent"]
    amount: Amount
    amount_received: Amount
    amount_capturable: Amount = 0
    currency: str
    status: str
    created: Moment
    metadata: dict[str, str] = {}
    client_secret: str | None = None
    latest_charge: Charge | str | None = None
    last_payment_error: Error | None = None
    next_action: NextAction | None = None
    cancellation_reason: str | None = None


class Page(Struct, frozen=True, kw_only=True):
    """One page of a list, newest first."""

    object: Literal["list"]
    data: list[Intent]
    has_more: bool


class Refund(Struct, frozen=True, kw_only=True):
    """Money of an intent on its way back."""

    id: RefundId
    object: Literal["refund"]
    amount: Amount
    currency: str
    status: str | None = None
    payment_intent: IntentId | None = None
    metadata: dict[str, str] | None = None
    failure_reason: str | None = None


class RefundPage(Struct, frozen=True, kw_only=True):
    """One page of a list, newest first."""

    object: Literal["list"]
    data: list[Refund]
    has_more: bool


class Envelope(Struct, frozen=True, kw_only=True):
    """Any answer: an object, or one with an `error`."""

    error: Error | None = None


class _Data(Struct, frozen=True):
    object: msgspec.Raw


class Event(Struct, frozen=True, kw_only=True):
    id: Annotated[str, Meta(pattern=r"\Aevt_[A-Za-z0-9_]{1,200}\Z")]
    object: Literal["event"]
    type: str
    created: Moment
    livemode: bool
    data: _Data


INTENT: Final = Decoder(Intent)
CHARGE: Final = Decoder(Charge)
METHOD: Final = Decoder(Method)
NAMED: Final = Decoder(Named)
PAGE: Final = Decoder(Page)
REFUND: Final = Decoder(Refund)
REFUNDS: Final = Decoder(RefundPage)
ENVELOPE: Final = Decoder(Envelope)
_EVENT: Final = Decoder(Event)


def read(decoder: Decoder[T], body: bytes | str | msgspec.Raw) -> T:
    """
    The object that `body` spells.

    Raises:
        Unreadable: it spells something else.
    """
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unreadable from None  # the reason would quote the body


def event(body: bytes) -> Event:
    """
    The event that `body` (exact bytes) spells, with every key in it said once.

    Raises:
        Unreadable: it is no event of Stripe's.
    """
    told = read(_EVENT, body)
    try:
        json.loads(body.decode(), object_pairs_hook=_said_once)
    except (ValueError, RecursionError):
        raise Unreadable from None
    return told


def _said_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a key said twice the first reader may take one value and the second the other: such a body is refused."""
    spoken = dict(pairs)
    if len(spoken) != len(pairs):
        raise ValueError
    return spoken
