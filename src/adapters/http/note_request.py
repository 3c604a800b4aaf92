"""POST /payment-history: what a caller may remark."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from adapters.http.card_numbers import refuse_card_numbers
from adapters.http.json_body import Document, into
from adapters.http.payment_request import canonical, metadata_faults
from adapters.http.resource_id import CANONICAL
from application.add_note import NoteRequest
from application.ports.payments import Key
from domain.errors import Fault, Invalid

_Id = Annotated[str, Meta(pattern=f"^{CANONICAL.pattern}$", max_length=36)]

_FORMS: Final[Mapping[str, str]] = {
    "payment_id": "must be a UUID in lower case, with dashes",
    "note": "must be 1 to 2,000 characters",
}


class NewNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller sends, in the shape it came in. It has no place for a status."""

    payment_id: _Id
    note: Annotated[str, Meta(min_length=1, max_length=2000)]
    metadata: dict[str, Any] = {}

    @classmethod
    def read(cls, document: Document) -> "NewNote":
        """
        Raises:
            Invalid: fields are missing, unknown, of another type, say nothing or too much, or hold a card number.
        """
        refuse_card_numbers(document)
        new = into(cls, document.value, forms=_FORMS)
        faults = list(metadata_faults(new.metadata))
        if not new.note.strip():
            faults.append(Fault("note", "must say something"))
        if faults:
            raise Invalid(*faults)
        return new

    def canonical(self) -> str:
        """The same text for every spelling of the same request: defaults filled in, keys in order."""
        return canonical(self)

    def to_request(self, *, request_id: str, key: Key | None) -> NoteRequest:
        return NoteRequest(
            payment_id=UUID(self.payment_id), text=self.note, metadata=self.metadata, request_id=request_id, key=key
        )
