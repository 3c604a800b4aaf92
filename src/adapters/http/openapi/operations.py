"""Everything that can be asked of the API."""

from collections.abc import Mapping
from typing import Final

from adapters.http.openapi.examples import (
    CANCELS,
    CAPTURES,
    METHOD,
    METHODS,
    NOTES,
    PAYMENT,
    PAYMENTS,
    REFUND,
    REFUNDS,
    USER,
)
from adapters.http.openapi.operation import Answer, Operation, Parameter
from adapters.http.query import PERIOD
from domain.currencies import EXPONENTS
from domain.payment_method import GatewayName
from domain.refund import RefundStatus
from domain.status import Status

TAGS: Final[Mapping[str, str]] = {
    "Payments": "Ask a customer to pay; capture or cancel what is held; look at what became of it.",
    "Refunds": "Give money back: all of it, a part, several times.",
    "Payment methods": "Ways to pay: what is configured here, and what a user has saved.",
    "History": "Everything that ever happened to a payment: append-only, each entry holding the hash of those before.",
    "Webhooks": "Where the gateways speak. Not for callers.",
    "Health": "Whether the service is there, and whether it can serve.",
}

_UUID: Final = {
    "type": "string",
    "format": "uuid",
    "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
}
_PAYMENT_ID: Final = Parameter(name="payment_id", place="path", says="A payment's id.", schema=_UUID, example=PAYMENT)
_REFUND_ID: Final = Parameter(name="refund_id", place="path", says="A refund's id.", schema=_UUID, example=REFUND)
_METHOD_ID: Final = Parameter(name="method_id", place="path", says="A saved method's id.", schema=_UUID, example=METHOD)
_USER: Final = Parameter(
    name="user_id", place="path", says="A user's id: one's own, unless admin.", schema=_UUID, example=USER
)
_TOKEN: Final = Parameter(
    name="token",
    place="path",
    says="The secret that was made for one request.",
    schema={"type": "string", "pattern": "^[0-9a-f]{64}$"},
)
_PAGING: Final = (
    Parameter(name="limit", says="How many.", schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 50}),
    Parameter(name="cursor", says="`next_cursor` of the page before.", schema={"type": "string", "minLength": 1}),
)
_DAYS: Final = {
    "start_date": "From this day (`2026-01-31`) or moment on (ISO 8601, UTC), inclusive.",
    "end_date": "To this day or moment (ISO 8601, UTC), inclusive.",
}
_PERIOD: Final = tuple(
    Parameter(
        name=name,
        says=_DAYS[name],
        schema={"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]},
    )
    for name in sorted(PERIOD, reverse=True)
)
_WHOSE: Final = Parameter(name="user_id", says="Of this user: one's own, unless admin.", schema=_UUID)
_FILTERS: Final = (
    Parameter(name="status", says="In this status.", schema={"enum": list(Status)}),
    Parameter(name="order_id", says="Of this order.", schema={"type": "string", "minLength": 1, "maxLength": 64}),
    Parameter(name="currency", says="In this currency (ISO 4217).", schema={"enum": sorted(EXPONENTS)}),
    Parameter(name="gateway", says="By this gateway.", schema={"enum": list(GatewayName)}),
    *_PERIOD,
)
_OF_PAGES: Final = ("invalid-parameter", "invalid-cursor")
_REPEATABLE: Final = ("Idempotent-Replayed", "X-Read-After")
_OPEN: Final = ("Retry-After", *_REPEATABLE)


def _page(schema: str) -> tuple[Answer, ...]:
    return (Answer(status=200, says="A page; `metadata.next_cursor` leads to the next.", schema=schema),)


def _single(says: str, schema: str) -> tuple[Answer, ...]:
    return (
        Answer(status=200, says=says, schema=schema, headers=("ETag",)),
        Answer(status=304, says="It is as you have it.", headers=("ETag",)),
    )


_PAYMENT_OPERATIONS: Final = (
    Operation(
        id="StartPayment",
        method="post",
        path="/payments",
        tag="Payments",
        title="Ask a customer to pay",
        says="Charges a card or wallet at once, opens a bank transfer, or sends an M-Pesa prompt. Look at the payment "
        "until its status is closed. A like purchase within ten minutes is refused unless `allow_duplicate` is true.",
        scope="payments:write",
        body="NewPayment",
        examples=PAYMENTS,
        takes_key=True,
        answers=(
            Answer(
                status=201,
                says="It is paid, held, under way, or waits for the customer (`next_action`).",
                schema="PaymentAnswer",
                headers=("Location", *_REPEATABLE),
            ),
            Answer(
                status=202,
                says="The gateway's answer was lost: `UNKNOWN`, until we find out.",
                schema="PaymentAnswer",
                headers=("Location", *_OPEN),
            ),
        ),
        problems=("payment-declined", "duplicate-payment", "phone-busy", "conflict", "gateway-unavailable"),
    ),
    Operation(
        id="ListPayments",
        method="get",
        path="/payments",
        tag="Payments",
        title="List payments",
        says="One's own, or everybody's for an admin; newest first.",
        scope="payments:read",
        parameters=(_WHOSE, *_FILTERS, *_PAGING),
        reads_after=True,
        answers=_page("PaymentPage"),
        problems=_OF_PAGES,
    ),
    Operation(
        id="ListPaymentsOfUser",
        method="get",
        path="/payments/user/{user_id}",
        tag="Payments",
        title="List a user's payments",
        says="Newest first.",
        scope="payments:read",
        parameters=(_USER, *_FILTERS, *_PAGING),
        reads_after=True,
        answers=_page("PaymentPage"),
        problems=_OF_PAGES,
    ),
    Operation(
        id="FindPayment",
        method="get",
        path="/payments/{payment_id}",
        tag="Payments",
        title="Look at a payment",
        says="As it is now. Looking at one whose truth is still out makes us ask the gateway again.",
        scope="payments:read",
        parameters=(_PAYMENT_ID,),
        answers=_single("The payment.", "PaymentAnswer"),
    ),
    Operation(
        id="CapturePayment",
        method="post",
        path="/payments/{payment_id}/capture",
        tag="Payments",
        title="Capture held money",
        says="Takes what is held, or the given part of it; the rest is released. Asked again for the same, it says the "
        "same.",
        scope="payments:write",
        parameters=(_PAYMENT_ID,),
        body="NewCapture",
        body_may_be_missing=True,
        examples=CAPTURES,
        takes_key=True,
        answers=(
            Answer(status=200, says="It is captured.", schema="PaymentAnswer", headers=_REPEATABLE),
            Answer(status=202, says="The gateway's answer was lost.", schema="PaymentAnswer", headers=_OPEN),
        ),
        problems=("not-capturable", "payment-busy", "conflict", "gateway-unavailable"),
    ),
    Operation(
        id="CancelPayment",
        method="post",
        path="/payments/{payment_id}/cancel",
        tag="Payments",
        title="Cancel a payment",
        says="Releases what is held and gives up what waits for the customer. An M-Pesa prompt cannot be taken back.",
        scope="payments:write",
        parameters=(_PAYMENT_ID,),
        body="NewCancel",
        body_may_be_missing=True,
        examples=CANCELS,
        takes_key=True,
        answers=(
            Answer(status=200, says="It is cancelled.", schema="PaymentAnswer", headers=_REPEATABLE),
            Answer(
                status=202,
                says="It is noted, and cancelled as soon as the gateway can be asked.",
                schema="PaymentAnswer",
                headers=_OPEN,
            ),
        ),
        problems=("not-cancellable", "payment-busy", "conflict", "gateway-unavailable"),
    ),
)
_REFUND_OPERATIONS: Final = (
    Operation(
        id="RefundPayment",
        method="post",
        path="/refunds",
        tag="Refunds",
        title="Give money back",
        says="All that is left, or `amount` of it. Never more goes back than was taken, however many ask at once.",
        scope="refunds:write",
        body="NewRefund",
        examples=REFUNDS,
        takes_key=True,
        answers=(
            Answer(
                status=201,
                says="It is made; `status` says what became of it so far.",
                schema="RefundAnswer",
                headers=("Location", *_REPEATABLE),
            ),
            Answer(
                status=202,
                says="The gateway's answer was lost: `UNKNOWN`, its amount stays reserved until we find out.",
                schema="RefundAnswer",
                headers=("Location", *_OPEN),
            ),
        ),
        problems=(
            "not-found",
            "not-refundable",
            "payment-disputed",
            "receipt-pending",
            "refund-too-large",
            "partial-refund-unsupported",
            "conflict",
            "gateway-unavailable",
        ),
    ),
    Operation(
        id="ListRefunds",
        method="get",
        path="/refunds",
        tag="Refunds",
        title="List refunds",
        says="One's own, or everybody's for an admin; newest first.",
        scope="refunds:read",
        parameters=(
            _WHOSE,
            Parameter(name="payment_id", says="Of this payment.", schema=_UUID),
            Parameter(name="status", says="In this status.", schema={"enum": list(RefundStatus)}),
            *_PERIOD,
            *_PAGING,
        ),
        reads_after=True,
        answers=_page("RefundPage"),
        problems=_OF_PAGES,
    ),
    Operation(
        id="FindRefund",
        method="get",
        path="/refunds/{refund_id}",
        tag="Refunds",
        title="Look at a refund",
        says="As it is now.",
        scope="refunds:read",
        parameters=(_REFUND_ID,),
        answers=_single("The refund.", "RefundAnswer"),
    ),
)
_METHOD_OPERATIONS: Final = (
    Operation(
        id="SavePaymentMethod",
        method="post",
        path="/payments/methods",
        tag="Payment methods",
        title="Save a method",
        says="Keeps a card, a wallet or a phone for the next payment. The same again is the same method.",
        scope="methods:write",
        body="NewSavedMethod",
        examples=METHODS,
        takes_key=True,
        answers=(Answer(status=201, says="It is saved.", schema="SavedMethodAnswer", headers=_REPEATABLE),),
        problems=("method-declined", "conflict", "gateway-unavailable"),
    ),
    Operation(
        id="FindPaymentMethods",
        method="get",
        path="/payments/methods/{user_id}",
        tag="Payment methods",
        title="List a user's methods",
        says="The default first, then the newest.",
        scope="methods:read",
        parameters=(_USER,),
        answers=(Answer(status=200, says="All of them.", schema="SavedMethodPage"),),
    ),
    Operation(
        id="RemovePaymentMethod",
        method="delete",
        path="/payments/methods/{user_id}/{method_id}",
        tag="Payment methods",
        title="Forget a method",
        says="It pays for nothing new from here on.",
        scope="methods:write",
        parameters=(_USER, _METHOD_ID),
        answers=(Answer(status=204, says="It is gone.", headers=("X-Read-After",)),),
    ),
    Operation(
        id="FindPaymentTypes",
        method="get",
        path="/payment/types",
        tag="Payment methods",
        title="List payment types",
        says="The ways to pay that are configured here, with currencies and limits (minor units).",
        scope="",
        answers=(Answer(status=200, says="What is configured.", schema="PaymentTypes"),),
    ),
)
_HISTORY_OPERATIONS: Final = (
    Operation(
        id="FindHistory",
        method="get",
        path="/payment-history/{payment_id}",
        tag="History",
        title="The story of a payment",
        says="Oldest first, with who moved it, on what evidence, and the hashes that prove it whole.",
        scope="payments:read",
        parameters=(_PAYMENT_ID,),
        reads_after=True,
        answers=(Answer(status=200, says="The whole story.", schema="Story"),),
    ),
    Operation(
        id="ListHistoryOfUser",
        method="get",
        path="/payment-history/user/{user_id}",
        tag="History",
        title="What happened to a user's payments",
        says="Newest first.",
        scope="payments:read",
        parameters=(_USER, *_PERIOD, *_PAGING),
        reads_after=True,
        answers=_page("HistoryPage"),
        problems=_OF_PAGES,
    ),
    Operation(
        id="AddNote",
        method="post",
        path="/payment-history",
        tag="History",
        title="Add a note",
        says="A remark in the story of a payment. It can never state or change a status.",
        scope="history:write",
        body="NewNote",
        examples=NOTES,
        takes_key=True,
        answers=(Answer(status=201, says="It is written.", schema="NoteAnswer", headers=("Location", *_REPEATABLE)),),
        problems=("not-found", "conflict"),
    ),
)
_OF_MESSAGES: Final = (
    "invalid-encoding",
    "malformed-json",
    "json-too-deep",
    "payload-too-large",
    "request-timeout",
    "request-cut-short",
    "unavailable",
)


def _mobile_money(name: str, below: str, title: str, says: str) -> Operation:
    return Operation(
        id=name,
        method="post",
        path="/webhooks/mm/{token}" + below,
        tag="Webhooks",
        title=title,
        says=says,
        parameters=(_TOKEN,),
        body="MobileMoneyMessage",
        answers=(Answer(status=200, says="Kept.", schema="Thanks"),),
        problems=_OF_MESSAGES,
    )


_WEBHOOK_OPERATIONS: Final = (
    Operation(
        id="StripeEvent",
        method="post",
        path="/webhooks/stripe",
        tag="Webhooks",
        title="An event of Stripe's",
        says="Signed, kept before it is acknowledged, applied later.",
        security="stripeSignature",
        body="StripeEvent",
        answers=(Answer(status=200, says="Kept.", schema="Received"),),
        problems=(*_OF_MESSAGES, "invalid-signature", "unreadable-message", "unsupported-media-type"),
    ),
    _mobile_money("MobileMoneyCallback", "", "What became of a prompt", "On the secret path of one payment."),
    _mobile_money("MobileMoneyResult", "/result", "What became of a request", "On the secret path of one request."),
    _mobile_money("MobileMoneyTimeout", "/timeout", "A request waited too long", "On the secret path of one request."),
    Operation(
        id="MpesaHint",
        method="post",
        path="/webhooks/mpesa",
        tag="Webhooks",
        title="A hint of M-Pesa's",
        says="Anyone can send this: it is believed in nothing, and all get the same answer.",
        body="MobileMoneyMessage",
        body_may_be_missing=True,
        answers=(Answer(status=200, says="Heard.", schema="Thanks"),),
        problems=("payload-too-large", "request-timeout", "request-cut-short", "unavailable"),
    ),
)


def _health(name: str, path: str, schema: str, title: str, says: str, *problems: str) -> Operation:
    return Operation(
        id=name,
        method="get",
        path=path,
        tag="Health",
        title=title,
        says=says,
        answers=(Answer(status=200, says="All is well.", schema=schema),),
        problems=problems,
    )


_HEALTH_OPERATIONS: Final = (
    _health("Health", "/", "Health", "Basic health", "The service and its version."),
    Operation(
        id="OpenApi",
        method="get",
        path="/openapi.json",
        tag="Health",
        title="This document",
        says="What this API can do, for machines.",
        answers=(Answer(status=200, says="OpenAPI 3.1.", schema="OpenApiDocument", headers=("ETag",)),),
    ),
    _health("Live", "/health/live", "Live", "Is it alive", "The process answers."),
    _health("Ready", "/health/ready", "Ready", "Can it serve", "Send it requests only while it can.", "not-ready"),
    _health(
        "WebhooksHealth",
        "/webhooks/health",
        "WebhooksHealth",
        "How many messages wait",
        "Of the gateways', to be applied.",
        "unavailable",
    ),
)

OPERATIONS: Final = (
    *_PAYMENT_OPERATIONS,
    *_REFUND_OPERATIONS,
    *_METHOD_OPERATIONS,
    *_HISTORY_OPERATIONS,
    *_WEBHOOK_OPERATIONS,
    *_HEALTH_OPERATIONS,
)
