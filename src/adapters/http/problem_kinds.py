"""The one table of what can go wrong: error class -> problem type. The nearest ancestor wins."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from litestar.exceptions import (
    ClientException,
    MethodNotAllowedException,
    NotFoundException,
    ServiceUnavailableException,
    TooManyRequestsException,
)
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from adapters.http import refusals
from application.ports.webhooks import Forged, Unreadable
from domain import errors


@dataclass(frozen=True, slots=True)
class Kind:
    """
    A problem type: its code (the last segment of its URI), title and HTTP status.

    `detail` stands in for the error's own words where those are not ours to repeat. `tells` names the facts of the
    error that callers may know. `retry_after` is in seconds. `closes`: the connection is of no more use.
    """

    code: str
    title: str
    status: int
    detail: str | None = None
    tells: tuple[str, ...] = ()
    retry_after: int | None = None
    closes: bool = False


INTERNAL: Final = Kind(
    "internal-error", "A bug of ours", 500, "Something went wrong on our side; the correlation id says where to look."
)
DECLINED: Final = Kind("payment-declined", "The payment was declined", 402)
_TOO_LARGE: Final = Kind("payload-too-large", "The body is too large", 413)

KINDS: Final[Mapping[type[BaseException], Kind]] = {
    # what is true of payments
    errors.Invalid: Kind("invalid-request", "A field breaks a rule", 422),
    errors.IllegalTransition: INTERNAL,
    errors.NotFound: Kind("not-found", "There is no such thing", 404),
    errors.Forbidden: Kind("forbidden", "The token does not allow this", 403),
    errors.MethodDeclined: Kind("method-declined", "The method was declined", 402, tells=("reason",)),
    errors.Refused: Kind("conflict", "The present state does not allow this", 409),
    errors.DuplicatePayment: Kind("duplicate-payment", "A payment like this one exists", 409, tells=("payment_id",)),
    errors.PhoneBusy: Kind("phone-busy", "The phone still shows a prompt", 409, retry_after=30),
    errors.RefundTooLarge: Kind("refund-too-large", "There is not so much left to refund", 422, tells=("refundable",)),
    errors.PartialRefundUnsupported: Kind("partial-refund-unsupported", "Only all of it can be refunded", 422),
    errors.PaymentBusy: Kind("payment-busy", "Another request about this payment is under way", 409, retry_after=2),
    errors.NotCapturable: Kind("not-capturable", "The payment cannot be captured", 409),
    errors.NotCancellable: Kind("not-cancellable", "The payment cannot be cancelled", 409),
    errors.NotRefundable: Kind("not-refundable", "The payment cannot be refunded", 409),
    errors.PaymentDisputed: Kind("payment-disputed", "The customer disputes this payment", 409),
    errors.ReceiptPending: Kind("receipt-pending", "The gateway's receipt has not come yet", 409, retry_after=60),
    errors.KeyInUse: Kind("idempotency-key-in-use", "The first request still runs", 409, retry_after=5),
    errors.KeyReused: Kind("idempotency-key-reused", "The key came with another body before", 422),
    errors.KeyExpired: Kind("idempotency-key-expired", "The key was used too long ago", 409),
    errors.Unavailable: Kind("unavailable", "The service cannot serve now", 503, retry_after=1),
    errors.InDoubt: Kind("outcome-unknown", "It is not certain whether this was accepted", 503, retry_after=1),
    errors.GatewayUnavailable: Kind("gateway-unavailable", "The payment provider is away", 503, retry_after=5),
    Forged: Kind("invalid-signature", "The signature proves nothing", 400),
    Unreadable: Kind("unreadable-message", "The message cannot be read", 400),
    refusals.NotReady: Kind("not-ready", "This process cannot serve now", 503, retry_after=5),
    # what is true of requests
    refusals.RequestRefused: Kind("bad-request", "The request cannot be read", 400),
    refusals.Unauthenticated: Kind("unauthenticated", "A valid token is needed", 401),
    refusals.NoSuchSpelling: Kind("not-found", "There is no such thing", 404),
    refusals.UrlTooLong: Kind("url-too-long", "The URL is too long", 414),
    refusals.HeadersTooLarge: Kind("headers-too-large", "The headers are too large", 431),
    refusals.BodyTooLarge: _TOO_LARGE,
    refusals.RequestTooSlow: Kind("request-timeout", "The request was too slow", 408, closes=True),
    refusals.RequestCutShort: Kind("request-cut-short", "The request was cut short", 400, closes=True),
    refusals.NotAcceptable: Kind("not-acceptable", "Only JSON is spoken here", 406),
    refusals.UnsupportedMedia: Kind("unsupported-media-type", "Only JSON is read here", 415),
    refusals.UnknownParameter: Kind("unknown-parameter", "A query parameter is unknown or repeated", 400),
    refusals.InvalidParameter: Kind("invalid-parameter", "A query parameter breaks a rule", 400),
    refusals.InvalidCursor: Kind("invalid-cursor", "The cursor is not of this list", 400),
    refusals.MalformedId: Kind("malformed-id", "The id is not a UUID", 400),
    refusals.InvalidKey: Kind("invalid-idempotency-key", "The idempotency key cannot be used", 400),
    refusals.InvalidReadAfter: Kind("invalid-read-after", "The position to read after was never told", 400),
    refusals.InvalidEncoding: Kind("invalid-encoding", "The body is not UTF-8", 400),
    refusals.MalformedJson: Kind("malformed-json", "The body is not JSON", 400),
    refusals.JsonTooDeep: Kind("json-too-deep", "The body is nested too deeply", 400),
    refusals.DuplicateJsonKey: Kind("duplicate-json-key", "A key stands twice", 400),
    refusals.TooManyKeys: Kind("too-many-keys", "The body has too many keys", 400),
    # what the framework says
    NotFoundException: Kind("not-found", "There is no such thing", 404, "There is nothing at this address."),
    MethodNotAllowedException: Kind(
        "method-not-allowed", "This method is not for here", 405, "The Allow header says which methods are."
    ),
    RequestEntityTooLarge: _TOO_LARGE,
    TooManyRequestsException: Kind(
        "too-many-requests", "Too many requests", 429, "Slow down and try again.", retry_after=60
    ),
    ServiceUnavailableException: Kind(
        "unavailable", "The service cannot serve now", 503, errors.Unavailable.__doc__, retry_after=1
    ),
    ClientException: Kind(
        "bad-request", "The request cannot be read", 400, "The request is not HTTP as it is spoken here."
    ),
    # everything else
    Exception: INTERNAL,
}


def kind_of(error: BaseException) -> Kind:
    """The problem type of an error: that of the nearest ancestor that has one."""
    return next((KINDS[ancestor] for ancestor in type(error).__mro__ if ancestor in KINDS), INTERNAL)
