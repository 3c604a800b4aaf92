"""POST /payments: what a caller may send, and what it means."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from msgspec import Meta

from adapters.http import json_text
from adapters.http.card_numbers import refuse_card_numbers
from adapters.http.json_body import Document, into
from adapters.http.resource_id import CANONICAL
from application.ports.payments import Key
from application.start_payment import PaymentRequest
from domain.errors import Fault, Invalid
from domain.money import LARGEST, Money
from domain.payment import CaptureMethod
from domain.payment_method import MethodType, PaymentMethod

_LARGEST_METADATA: Final = 16 * 1024
_DEEPEST_METADATA: Final = 8
_LONG_NUMBER: Final = re.compile(rb"[0-9]{19}")
_INTEGERS: Final = range(-(2**63), 2**64)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_Id = Annotated[str, Meta(pattern=f"^{CANONICAL.pattern}$", max_length=36)]
_Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3)]
_Last4 = Annotated[str, Meta(pattern="^[0-9]{4}$", max_length=4)]
_Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", max_length=2)]
_Amount = Annotated[int, Meta(ge=1, le=LARGEST)]

_FORMS: Final[Mapping[str, str]] = {
    "user_id": "must be a UUID in lower case, with dashes",
    "order_id": "must be 1 to 64 characters",
    "currency": "must be three capital letters (ISO 4217)",
    "capture_method": "must be automatic or manual",
    "description": "must be at most 500 characters",
    "return_url": "must be at most 2,048 characters",
    "paymentMethodId": "must be a UUID in lower case, with dashes",
    "paymentMethod.type": "must be CARD, WALLET, BANK_TRANSFER or MPESA",
    "paymentMethod.token": "must be at most 128 characters",
    "paymentMethod.brand": "must be 1 to 32 characters",
    "paymentMethod.last4": "must be four digits",
    "paymentMethod.phoneNumber": "must be a Kenyan mobile number such as 254712345678",
    "paymentMethod.country": "must be two capital letters (ISO 3166)",
}


class NewMethod(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the customer pays."""

    type: MethodType
    token: Annotated[str, Meta(max_length=128)] | None = None
    brand: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    last4: _Last4 | None = None
    phone: Annotated[str, Meta(max_length=20)] | None = msgspec.field(name="phoneNumber", default=None)
    country: _Country | None = None

    def to_method(self) -> PaymentMethod:
        method = PaymentMethod(
            type=self.type,
            token=self.token,
            brand=self.brand,
            last4=self.last4,
            phone=self.phone,
            country=self.country,
        )
        return method.checked()


class NewPayment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller asks for, in the shape it came in."""

    user_id: _Id
    order_id: Annotated[str, Meta(min_length=1, max_length=64)]
    amount: _Amount
    currency: _Currency
    method: NewMethod | None = msgspec.field(name="paymentMethod", default=None)
    method_id: _Id | None = msgspec.field(name="paymentMethodId", default=None)
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    description: Annotated[str, Meta(max_length=500)] | None = None
    return_url: Annotated[str, Meta(max_length=2048)] | None = None
    metadata: dict[str, Any] = {}
    allow_duplicate: bool = False

    @classmethod
    def read(cls, document: Document) -> "NewPayment":
        """
        Raises:
            Invalid: fields are missing, unknown, of another type, hold what they must not, or a card number.
        """
        refuse_card_numbers(document)
        new = into(cls, document.value, forms=_FORMS)
        faults = [*_method_faults(new), *_text_faults(new), *metadata_faults(new.metadata)]
        if faults:
            raise Invalid(*faults)
        return new

    def canonical(self) -> str:
        """The same text for every spelling of the same request: defaults filled in, keys in order."""
        return canonical(self)

    def to_request(self, *, request_id: str, key: Key | None) -> PaymentRequest:
        """
        Raises:
            Invalid: the currency is none, or the method lacks something or has too much.
        """
        method = UUID(self.method_id) if self.method is None else self.method.to_method()
        return PaymentRequest(
            user_id=UUID(self.user_id),
            order_id=self.order_id,
            money=Money(self.amount, self.currency),
            method=method,
            request_id=request_id,
            capture_method=self.capture_method,
            description=self.description,
            return_url=self.return_url,
            metadata=self.metadata,
            allow_duplicate=self.allow_duplicate,
            key=key,
        )


def _method_faults(new: NewPayment) -> Iterator[Fault]:
    if new.method is None and new.method_id is None:
        yield Fault("paymentMethod", "is missing: say how the customer pays, or paymentMethodId")
    if new.method is not None and new.method_id is not None:
        yield Fault("paymentMethodId", "must not stand beside paymentMethod")


def _text_faults(new: NewPayment) -> Iterator[Fault]:
    named = {"order_id": new.order_id, "paymentMethod.brand": (new.method and new.method.brand) or ""}
    for field, text in named.items():
        if not text.isprintable():
            yield Fault(field, "must be printable")
    if new.return_url is not None and not _may_return_to(new.return_url):
        yield Fault("return_url", "must be an https URL (http on localhost) without user and password")


def _may_return_to(url: str) -> bool:
    if not (url.isascii() and url.isprintable()) or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host, port_is_sane = parts.hostname, parts.port != 0
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    return bool(host) and secure and port_is_sane and "@" not in parts.netloc and "\\" not in url


def metadata_faults(metadata: Mapping[str, Any]) -> Iterator[Fault]:
    text = msgspec.json.encode(metadata)
    if len(text) > _LARGEST_METADATA:
        yield Fault("metadata", "must not be larger than 16 KiB")
    if json_text.deeper_than(_DEEPEST_METADATA, text):
        yield Fault("metadata", "must not be nested deeper than 8 levels")
    if _LONG_NUMBER.search(text):
        for path, leaf in json_text.leaves(metadata, "metadata"):
            if type(leaf) is int and leaf not in _INTEGERS:
                yield Fault(path, "must be an integer of 64 bits")


def canonical(body: msgspec.Struct) -> str:
    """A body with its keys in order."""
    return _sorted(body).decode()


_sorted: Final = msgspec.json.Encoder(order="sorted").encode
