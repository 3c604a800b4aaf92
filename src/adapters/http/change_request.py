"""POST /payments/{id}/capture and /cancel: what a caller may send; a body may be left out."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

import msgspec
from litestar import Request
from msgspec import Meta

from adapters.http.headers import values
from adapters.http.json_body import Document, into, read_json
from domain.money import LARGEST

_FORMS: Final[Mapping[str, str]] = {}
#: Whoever sends one of these means to send a body.
_OF_A_BODY: Final = (b"content-type", b"transfer-encoding")


class NewCapture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of what is held is taken, in minor units; without it, all."""

    amount: Annotated[int, Meta(ge=1, le=LARGEST)] | None = None


class NewCancel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing but the wish."""


class Asked(msgspec.Struct, frozen=True):
    """A change of one payment, as it counts for an idempotency key."""

    payment_id: UUID
    body: NewCapture | NewCancel

    def canonical(self) -> str:
        """The same text for every spelling of the same request."""
        return msgspec.json.encode([self.payment_id, self.body]).decode()


ChangeT = TypeVar("ChangeT", NewCapture, NewCancel)


async def read_change(request: Request[Any, Any, Any], kind: type[ChangeT]) -> ChangeT:
    """
    The body as `kind`; one that was left out is an empty object.

    Raises:
        RequestRefused, Invalid: it is no JSON value as we read it, or has fields it must not have.
    """
    if not any(values(request.scope, name) for name in _OF_A_BODY) and values(request.scope, b"content-length") in (
        [],
        [b"0"],
    ):
        document = Document("{}", {})
    else:
        document = await read_json(request)
    return into(kind, document.value, forms=_FORMS)
