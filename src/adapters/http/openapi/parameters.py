"""Parameters of paths and queries, and what comes with them."""

from typing import Any, Final

from adapters.http.openapi import examples
from adapters.http.openapi.operation import Answer, Parameter
from adapters.http.query import PERIOD
from domain.currencies import EXPONENTS
from domain.payment_method import GatewayName
from domain.status import Status

UUID_TEXT: Final = {
    "type": "string",
    "format": "uuid",
    "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
}
PAYMENT_ID: Final = Parameter(
    name="payment_id", place="path", says="A payment's id.", schema=UUID_TEXT, example=examples.PAYMENT
)
REFUND_ID: Final = Parameter(
    name="refund_id", place="path", says="A refund's id.", schema=UUID_TEXT, example=examples.REFUND
)
METHOD_ID: Final = Parameter(
    name="method_id", place="path", says="A saved method's id.", schema=UUID_TEXT, example=examples.METHOD
)
USER_ID: Final = Parameter(
    name="user_id", place="path", says="A user's id: one's own, unless admin.", schema=UUID_TEXT, example=examples.USER
)
TOKEN: Final = Parameter(
    name="token",
    place="path",
    says="The secret that was made for one request.",
    schema={"type": "string", "pattern": "^[0-9a-f]{64}$"},
)
PAGING: Final = (
    Parameter(name="limit", says="How many.", schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 50}),
    Parameter(name="cursor", says="`next_cursor` of the page before.", schema={"type": "string", "minLength": 1}),
)
_DAYS: Final = {
    "start_date": "From this day (`2026-01-31`) or moment on (ISO 8601, UTC), inclusive.",
    "end_date": "To this day or moment (ISO 8601, UTC), inclusive.",
}
PERIOD_FILTERS: Final = tuple(
    Parameter(
        name=name,
        says=_DAYS[name],
        schema={"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]},
    )
    for name in sorted(PERIOD, reverse=True)
)
WHOSE: Final = Parameter(name="user_id", says="Of this user: one's own, unless admin.", schema=UUID_TEXT)
PAYMENT_FILTERS: Final = (
    Parameter(name="status", says="In this status.", schema={"enum": list(Status)}),
    Parameter(name="order_id", says="Of this order.", schema={"type": "string", "minLength": 1, "maxLength": 64}),
    Parameter(name="currency", says="In this currency (ISO 4217).", schema={"enum": sorted(EXPONENTS)}),
    Parameter(name="gateway", says="By this gateway.", schema={"enum": list(GatewayName)}),
    *PERIOD_FILTERS,
)
OF_PAGES: Final = ("invalid-parameter", "invalid-cursor")
REPEATABLE: Final = ("Idempotent-Replayed", "X-Read-After")
OPEN: Final = ("Retry-After", *REPEATABLE)


def a_page(schema: str, *items: Any) -> tuple[Answer, ...]:
    says = "A page; `metadata.next_cursor` leads to the next."
    return (Answer(status=200, says=says, schema=schema, examples={"A page": list(items)}),)


def a_single(says: str, schema: str, example: Any) -> tuple[Answer, ...]:
    return (
        Answer(status=200, says=says, schema=schema, headers=("ETag",), examples={"One": example}),
        Answer(status=304, says="It is as you have it.", headers=("ETag",)),
    )
