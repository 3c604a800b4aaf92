"""Stripe's error form. What is raised has changed nothing; a decline is an answer and not raised."""

import json
from typing import Any

Json = dict[str, Any]

_encoder = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def encode(value: Any) -> bytes:
    """The one spelling of JSON used everywhere, so that the same value always gives the same bytes."""
    return _encoder.encode(value).encode()


class StripeError(Exception):
    """
    An answer in Stripe's error form.

    `stored` says that the endpoint had begun executing: the answer is then saved under the idempotency key.
    """

    def __init__(self, status: int, kind: str, message: str, *, stored: bool = False, **facts: Any) -> None:
        super().__init__(message)
        self.status = status
        self.stored = stored
        self.headers: dict[str, str] = {}
        self.error: Json = {**facts, "message": message, "type": kind}

    @property
    def body(self) -> bytes:
        return encode({"error": self.error})


def invalid(message: str, param: str | None = None, code: str | None = None, **facts: Any) -> StripeError:
    """A parameter is wrong: 400, never stored."""
    named: Json = {name: value for name, value in (("code", code), ("param", param)) if value is not None}
    return StripeError(400, "invalid_request_error", message, **named, **facts)


def missing(what: str, value: str, param: str = "id", status: int = 404) -> StripeError:
    """There is no such object; 400 when a parameter names it, 404 when the path does."""
    message = f"No such {what}: '{value}'"
    return StripeError(status, "invalid_request_error", message, code="resource_missing", param=param)


def wrong_state(message: str, payment_intent: Json) -> StripeError:
    """The object cannot do this now. The endpoint had begun, so it is stored."""
    facts = {"code": "payment_intent_unexpected_state", "payment_intent": payment_intent}
    return StripeError(400, "invalid_request_error", message, stored=True, **facts)


def unauthorized(message: str, **facts: Any) -> StripeError:
    return StripeError(401, "invalid_request_error", message, **facts)


def of_status(status: int) -> StripeError:
    """The error Stripe would answer with this status by itself, asked for or not."""
    if status == 429:  # noqa: PLR2004  # HTTP's own name for it
        message = "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits."
        error = StripeError(status, "invalid_request_error", message, code="rate_limit")
        error.headers["Stripe-Rate-Limited-Reason"] = "global-rate"
        return error
    if status == 401:  # noqa: PLR2004
        return unauthorized("Invalid API Key provided.")
    kind = "api_error" if status >= 500 else "invalid_request_error"  # noqa: PLR2004
    return StripeError(status, kind, "An unknown error occurred")
