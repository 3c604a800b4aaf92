"""`ResultCode`: how M-Pesa names the end of a prompt, and what that means to us."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import structlog

from adapters.daraja.once import Once
from domain.evidence import Claim, Evidence, Reason, Source

log = structlog.get_logger()

#: Money moved for this one alone.
SUCCESS: Final = "0"
#: The customer still has the prompt.
WAITING: Final = frozenset({"4999"})


class Confirm(StrEnum):
    """What makes a paid callback a success: itself, an STK query that agrees, or a completed Transaction Status."""

    CALLBACK = "callback"
    QUERY = "query"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Ending:
    """A prompt that took no money. `verify_first`: successes were seen to follow, a later query must agree."""

    claim: Claim
    reason: Reason
    verify_first: bool = False


#: Final answers only. What is absent here is not known to be one: it is looked up, never guessed.
ENDINGS: Final[Mapping[str, Ending]] = {
    "1": Ending(Claim.FAILED, Reason.INSUFFICIENT_FUNDS),
    "2": Ending(Claim.FAILED, Reason.LIMIT_EXCEEDED),  # below the smallest amount
    "3": Ending(Claim.FAILED, Reason.LIMIT_EXCEEDED),  # above the largest
    "4": Ending(Claim.FAILED, Reason.LIMIT_EXCEEDED),  # beyond what may move in a day
    "8": Ending(Claim.FAILED, Reason.LIMIT_EXCEEDED),  # beyond what an account may hold
    "17": Ending(Claim.FAILED, Reason.DUPLICATE_SUSPECTED, verify_first=True),  # same amount within two minutes
    "26": Ending(Claim.FAILED, Reason.GATEWAY_BUSY, verify_first=True),
    "1001": Ending(Claim.FAILED, Reason.GATEWAY_BUSY, verify_first=True),  # another transaction holds the subscriber
    "1019": Ending(Claim.EXPIRED, Reason.EXPIRED),
    "1025": Ending(Claim.FAILED, Reason.GATEWAY_ERROR, verify_first=True),  # the prompt could not be sent
    "1032": Ending(Claim.CANCELLED, Reason.CANCELLED_BY_PAYER),
    "1037": Ending(Claim.EXPIRED, Reason.UNREACHABLE, verify_first=True),
    "2001": Ending(Claim.FAILED, Reason.WRONG_PIN),
    "2006": Ending(Claim.FAILED, Reason.ACCOUNT_BLOCKED),
    "2028": Ending(Claim.FAILED, Reason.CONFIGURATION),  # transaction type and receiver do not fit
    "2029": Ending(Claim.FAILED, Reason.CONFIGURATION),  # a till asked as a paybill, or the reverse
    "8006": Ending(Claim.FAILED, Reason.ACCOUNT_BLOCKED),  # the customer's PIN is locked
    "9999": Ending(Claim.FAILED, Reason.GATEWAY_ERROR, verify_first=True),  # another name for 1025
    "SFC_IC0003": Ending(Claim.FAILED, Reason.CONFIGURATION),  # the receiver does not exist
}


class ResultCodes:
    """Reads failures by the table; what an operator should know of, it logs, once a code."""

    def __init__(self) -> None:
        self._told = Once()

    def failure(self, code: str, source: Source, at: datetime) -> tuple[Evidence, ...]:
        """The failure that `code` names, or nothing where nobody knows what it says."""
        ending = ENDINGS.get(code)
        if ending is None:
            if self._told.first(code):
                log.warning("result_code.unlisted", code=code)
            return ()
        if ending.reason is Reason.CONFIGURATION and self._told.first(code):
            log.error("daraja.misconfigured", code=code)
        return (
            Evidence(
                claim=ending.claim,
                source=source,
                at=at,
                code=code,
                reason=ending.reason,
                verify_first=ending.verify_first,
            ),
        )
