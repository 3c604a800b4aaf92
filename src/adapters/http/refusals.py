"""
What can be wrong with a request before it means anything.

RequestRefused
├── Unauthenticated            nobody is named by a valid token
├── NoSuchSpelling             the path is another spelling of a route of ours
├── UrlTooLong, HeadersTooLarge, BodyTooLarge
├── RequestTooSlow             it did not arrive in time
├── RequestCutShort            the client went away while sending
├── NotAcceptable              it wants an answer that is not JSON
├── UnsupportedMedia           it sends something that is not plain JSON
├── UnknownParameter, MalformedId, InvalidKey, InvalidCursor, InvalidReadAfter
└── InvalidEncoding, MalformedJson, JsonTooDeep, DuplicateJsonKey, TooManyKeys

InvalidParameter, an Invalid, is what query parameters are that break a rule.
NotReady, an Unavailable, is what the readiness route says of us.

A class's docstring is its message to the caller; none of them repeats what was sent.
"""

from domain.errors import Invalid, PaymentError, Unavailable


class RequestRefused(PaymentError):
    """The request cannot be read."""


class Unauthenticated(RequestRefused):
    """A valid bearer token is needed: Authorization: Bearer <JWT>."""

    def __init__(self, why: str | None = None) -> None:
        super().__init__(f"The {why}." if why else None)
        self.challenge = 'Bearer realm="payment-service"'
        if why:
            self.challenge += f', error="invalid_token", error_description="{why}"'


class NoSuchSpelling(RequestRefused):
    """There is nothing at this address: each has one spelling, without needless slashes or percent-encoding."""


class UrlTooLong(RequestRefused):
    """The URL is longer than 8 KiB."""


class HeadersTooLarge(RequestRefused):
    """The headers are larger than 16 KiB."""


class BodyTooLarge(RequestRefused):
    """The body is larger than this route takes."""


class RequestTooSlow(RequestRefused):
    """The request did not arrive in time."""


class RequestCutShort(RequestRefused):
    """The connection ended before the request did."""


class NotAcceptable(RequestRefused):
    """Answers are application/json or application/problem+json; the Accept header takes neither."""


class UnsupportedMedia(RequestRefused):
    """The body must be application/json in UTF-8, without a content encoding."""


class UnknownParameter(RequestRefused):
    """There is a query parameter that this route does not know, or one is repeated."""


class InvalidParameter(Invalid):
    """A query parameter has a value that it cannot have."""


class InvalidCursor(RequestRefused):
    """The cursor is none of this list, these filters and this caller: begin without one."""


class MalformedId(RequestRefused):
    """The id in the path is not a UUID."""


class InvalidKey(RequestRefused):
    """The Idempotency-Key header must stand once, with 1 to 255 visible ASCII characters, quoted or bare."""


class InvalidReadAfter(RequestRefused):
    """The X-Read-After header must stand once, as an answer to a write gave it."""


class InvalidEncoding(RequestRefused):
    """The body is not UTF-8 without a byte order mark."""


class MalformedJson(RequestRefused):
    """The body is not one JSON value."""


class JsonTooDeep(RequestRefused):
    """The body is nested deeper than 32 levels."""


class DuplicateJsonKey(RequestRefused):
    """An object in the body has the same key twice."""


class TooManyKeys(RequestRefused):
    """The body has more than 1,000 keys."""


class NotReady(Unavailable):
    """This process cannot serve now."""
