"""
Every way Daraja says no before anything happened, and one that lies about it.

The code alone never tells which: `500.001.1001` means at least four things, so the message is part of the fact.
"""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from entrypoints.sandbox.daraja import identifiers


@dataclass(frozen=True, slots=True)
class Refusal:
    """One answer in the gateway's error envelope."""

    status: int
    code: str
    message: str

    def answer(self) -> web.Response:
        """The envelope, with a request id of its own."""
        envelope = {"requestId": identifiers.request_id(), "errorCode": self.code, "errorMessage": self.message}
        return web.json_response(envelope, status=self.status)


@dataclass(frozen=True, slots=True)
class FirewallPage:
    """The web application firewall in front of the gateway answers in HTML, whatever was asked."""

    status: int = 503

    def answer(self) -> web.Response:
        """A page no JSON parser can read."""
        incident = identifiers.request_id()
        page = (
            "<html><head><title>Request unsuccessful</title></head>"
            f"<body>Request unsuccessful. Incapsula incident ID: {incident}</body></html>"
        )
        return web.Response(status=self.status, text=page, content_type="text/html")


class Refused(Exception):
    """The request ends here, with this refusal as its answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def invalid(field: str) -> Refused:
    """A field breaks its rule; Daraja names the first one it meets."""
    return Refused(Refusal(400, "400.002.02", f"Bad Request - Invalid {field}"))


INVALID_PAYLOAD: Final = Refusal(400, "400.002.05", "Invalid Request Payload")
INVALID_AUTHENTICATION_TYPE: Final = Refusal(400, "400.008.01", "Invalid Authentication Type")
INVALID_GRANT_TYPE: Final = Refusal(400, "400.008.02", "Invalid Grant Type")
INVALID_ACCESS_TOKEN: Final = Refusal(404, "404.001.03", "Invalid Access Token")
INVALID_AUTHENTICATION_HEADER: Final = Refusal(404, "404.001.04", "Invalid Authentication Header")
RESOURCE_NOT_FOUND: Final = Refusal(404, "404.001.01", "Resource not found")
METHOD_NOT_ALLOWED: Final = Refusal(405, "405.001", "Method Not Allowed")
MERCHANT_DOES_NOT_EXIST: Final = Refusal(500, "500.001.1001", "Merchant does not exist")
WRONG_CREDENTIALS: Final = Refusal(500, "500.001.1001", "[MerchantValidate] - Wrong credentials")
SUBSCRIBER_LOCKED: Final = Refusal(
    500,
    "500.001.1001",
    "Unable to lock subscriber, a transaction is already in process for the current subscriber",
)
DUPLICATE_NAME: Final = Refusal(500, "500.002.1001", "Duplicate OriginatorConversationID.")
BEING_PROCESSED: Final = Refusal(500, "500.001.1001", "The transaction is being processed")
UNKNOWN_CHECKOUT: Final = Refusal(500, "500.001.1001", "The transaction does not exist")
SYSTEM_BUSY: Final = Refusal(500, "500.003.02", "System is busy. Please try again in few minutes.")
SPIKE_ARREST: Final = Refusal(500, "500.003.02", "Error Occurred: Spike Arrest Violation")
INTERNAL_ERROR: Final = Refusal(500, "500.003.1001", "Internal Server Error")
#: Reported from the field: the envelope of an error under the status of a success.
ERROR_UNDER_200: Final = Refusal(200, "500.003.1001", "Internal Server Error")
