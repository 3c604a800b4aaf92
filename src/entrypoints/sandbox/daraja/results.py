"""How M-Pesa names the end of a prompt, of a pay-out and of a question. Money moved only for `0`."""

from collections.abc import Mapping
from typing import Final

SUCCESS: Final = "0"
INSUFFICIENT_BALANCE: Final = "1"
SAME_AMOUNT_TOO_SOON: Final = "17"
CANCELLED: Final = "1032"
UNREACHABLE: Final = "1037"
EXPIRED: Final = "1019"
BELOW_MINIMUM: Final = "2"
ABOVE_MAXIMUM: Final = "3"
INVALID_DEBIT_PARTY: Final = "11"
INVALID_INITIATOR: Final = "2001"
ACCOUNT_RULE: Final = "2006"
NOT_PERMITTED: Final = "2028"
STILL_PROCESSING: Final = "4999"
ALREADY_REVERSED: Final = "R000001"
INVALID_TRANSACTION: Final = "R000002"

DESCRIPTIONS: Final[Mapping[str, str]] = {
    SUCCESS: "The service request is processed successfully.",
    INSUFFICIENT_BALANCE: "The balance is insufficient for the transaction.",
    BELOW_MINIMUM: "Declined due to limit rule: less than the minimum transaction amount.",
    ABOVE_MAXIMUM: "Declined due to limit rule: greater than the maximum transaction amount.",
    "4": "Declined due to limit rule: would exceed daily transfer limit.",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    INVALID_DEBIT_PARTY: "The DebitParty is in an invalid state.",
    "15": "Duplicate Detected",
    SAME_AMOUNT_TOO_SOON: "Rule limited.",
    "21": "The initiator is not allowed to initiate this request.",
    "26": "System busy. Traffic blocking condition in place.",
    "1001": "Unable to lock subscriber, a transaction is already in process for the current subscriber",
    EXPIRED: "Transaction has expired",
    "1025": "An error occurred while sending a push request",
    CANCELLED: "Request cancelled by user",
    UNREACHABLE: "DS timeout user cannot be reached",
    INVALID_INITIATOR: "The initiator information is invalid.",
    ACCOUNT_RULE: "Declined due to account rule: The account status does not allow this transaction.",
    NOT_PERMITTED: "The request is not permitted according to product assignment.",
    "2040": "Credit Party customer type (Unregistered or Registered Customer) can't be supported by the service.",
    STILL_PROCESSING: "The transaction is still under processing",
    "9999": "An error occurred while sending a push request",
    "8006": "The security credential is locked.",
    ALREADY_REVERSED: "The transaction has already been reversed.",
    INVALID_TRANSACTION: "The OriginalTransactionID is invalid.",
    "SFC_IC0003": "The operator does not exist.",
}


def description(code: str) -> str:
    """What goes with the code; one that nobody knows comes with words that say nothing."""
    return DESCRIPTIONS.get(code, "The service request failed.")


def on_the_wire(code: str) -> int | str:
    """A number in a callback where the code is one; `R000002` and its like stay text."""
    return int(code) if code.isdigit() else code
