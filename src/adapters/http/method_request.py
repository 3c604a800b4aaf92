"""POST /payments/methods: what a caller may send, and what it means."""

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from adapters.http.card_numbers import refuse_card_numbers
from adapters.http.json_body import Document, into
from adapters.http.resource_id import CANONICAL
from application.ports.payments import Key
from application.save_payment_method import SaveRequest
from domain.payment_method import MethodType, PaymentMethod
from domain.saved_method import savable

_FORMS: Final[Mapping[str, str]] = {
    "user_id": "must be a UUID in lower case, with dashes",
    "type": "must be CARD, WALLET or MPESA",
    "token": "must be at most 128 characters",
    "phoneNumber": "must be a Kenyan mobile number such as 254712345678",
}


class NewSavedMethod(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be kept for whom, in the shape it came in."""

    user_id: Annotated[str, Meta(pattern=f"^{CANONICAL.pattern}$", max_length=36)]
    type: MethodType
    token: Annotated[str, Meta(max_length=128)] | None = None
    phone: Annotated[str, Meta(max_length=20)] | None = msgspec.field(name="phoneNumber", default=None)
    is_default: bool = False

    @classmethod
    def read(cls, document: Document) -> "NewSavedMethod":
        """
        Raises:
            Invalid: fields are missing, unknown, of another type, or hold a card number.
        """
        refuse_card_numbers(document)
        return into(cls, document.value, forms=_FORMS)

    def canonical(self) -> str:
        """The same text for every spelling of the same request: defaults filled in, keys in order."""
        return _canonical(self).decode()

    def to_request(self, *, request_id: str, key: Key | None) -> SaveRequest:
        """
        Raises:
            Invalid: it cannot be saved, lacks something or has too much.
        """
        return SaveRequest(
            user_id=UUID(self.user_id),
            method=savable(PaymentMethod(type=self.type, token=self.token, phone=self.phone)),
            request_id=request_id,
            is_default=self.is_default,
            key=key,
        )


_canonical: Final = msgspec.json.Encoder(order="sorted").encode
