"""POST /refunds: what a caller may send, and what it means."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from adapters.http.card_numbers import refuse_card_numbers
from adapters.http.json_body import Document, into
from adapters.http.payment_request import canonical, metadata_faults
from adapters.http.resource_id import CANONICAL
from application.find_payments import Reader
from application.ports.payments import Key
from application.refund_payment import RefundRequest
from domain.errors import Fault, Invalid
from domain.money import LARGEST

_FORMS: Final[Mapping[str, str]] = {
    "payment_id": "must be a UUID in lower case, with dashes",
    "currency": "must be three capital letters (ISO 4217)",
    "reason": "must be 1 to 500 characters",
}


class NewRefund(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller asks for, in the shape it came in. `amount` in minor units; without it, all that is left."""

    payment_id: Annotated[str, Meta(pattern=f"^{CANONICAL.pattern}$", max_length=36)]
    amount: Annotated[int, Meta(ge=1, le=LARGEST)] | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3)] | None = None
    reason: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    metadata: dict[str, Any] = {}

    @classmethod
    def read(cls, document: Document) -> "NewRefund":
        """
        Raises:
            Invalid: fields are missing, unknown, of another type, hold what they must not, or a card number.
        """
        refuse_card_numbers(document)
        new = into(cls, document.value, forms=_FORMS)
        faults = list(metadata_faults(new.metadata))
        if new.reason is not None and not new.reason.isprintable():
            faults.append(Fault("reason", "must be printable"))
        if faults:
            raise Invalid(*faults)
        return new

    def canonical(self) -> str:
        """The same text for every spelling of the same request: defaults filled in, keys in order."""
        return canonical(self)

    def to_request(self, *, reader: Reader, request_id: str, key: Key | None) -> RefundRequest:
        return RefundRequest(
            payment_id=UUID(self.payment_id),
            reader=reader,
            request_id=request_id,
            amount=self.amount,
            currency=self.currency,
            reason=self.reason,
            metadata=self.metadata,
            key=key,
        )
