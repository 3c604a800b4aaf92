"""How M-Pesa names the end of a prompt. Money moved only for `0`."""

from collections.abc import Mapping
from typing import Final

SUCCESS: Final = "0"
INSUFFICIENT_BALANCE: Final = "1"
SAME_AMOUNT_TOO_SOON: Final = "17"
CANCELLED: Final = "1032"
UNREACHABLE: Final = "1037"
EXPIRED: Final = "1019"
INVALID_INITIATOR: Final = "2001"
NOT_PERMITTED: Final = "2028"
STILL_PROCESSING: Final = "4999"
INVALID_TRANSACTION: Final = "R000002"

DESCRIPTIONS: Final[Mapping[str, str]] = {
    SUCCESS: "The service request is processed successfully.",
    INSUFFICIENT_BALANCE: "The balance is insufficient for the transaction.",
    SAME_AMOUNT_TOO_SOON: "Rule limited.",
    "26": "System busy. Traffic blocking condition in place.",
    "1001": "Unable to lock subscriber, a transaction is already in process for the current subscriber",
    EXPIRED: "Transaction has expired",
    "1025": "An error occurred while sending a push request",
    CANCELLED: "Request cancelled by user",
    UNREACHABLE: "DS timeout user cannot be reached",
    INVALID_INITIATOR: "The initiator information is invalid.",
    NOT_PERMITTED: "The request is not permitted according to product assignment.",
    STILL_PROCESSING: "The transaction is still under processing",
    "9999": "An error occurred while sending a push request",
    INVALID_TRANSACTION: "The OriginalTransactionID is invalid.",
}


def on_the_wire(code: str) -> int | str:
    """A number in a callback where the code is one; `R000002` and its like stay text."""
    return int(code) if code.isdigit() else code
