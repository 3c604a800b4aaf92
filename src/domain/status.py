"""The statuses of a payment, and the table of what each may become."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Status(StrEnum):
    PROCESSING = "PROCESSING"  # durable; a request may be at the gateway, or the gateway is working
    REQUIRES_ACTION = "REQUIRES_ACTION"  # the customer must act: PIN on the phone, 3-D Secure, a bank transfer
    AUTHORIZED = "AUTHORIZED"  # money held, until it is captured, released or lapses
    UNKNOWN = "UNKNOWN"  # we asked and the answer is lost; reconciliation owns it
    SUCCEEDED = "SUCCEEDED"  # money taken
    FAILED = "FAILED"  # definite, with evidence
    CANCELLED = "CANCELLED"  # definite, with evidence
    EXPIRED = "EXPIRED"  # definite, with evidence
    REVIEW = "REVIEW"  # the evidence contradicts itself, or the truth stayed away: a person decides

    @property
    def is_closed(self) -> bool:
        """Whether the outcome is told as definite: only new evidence can move it."""
        return self in _CLOSED

    @property
    def is_known(self) -> bool:
        """Whether the gateway has answered, so that the answer may be stored and repeated."""
        return self not in {Status.UNKNOWN, Status.REVIEW}


_CLOSED: Final = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.EXPIRED})

_S = Status
_ANY: Final = frozenset(Status)

#: Nothing ever goes from SUCCEEDED to a failure, and out of a failure only along the late edges.
TRANSITIONS: Final[Mapping[Status, frozenset[Status]]] = {
    _S.PROCESSING: _ANY - {_S.PROCESSING},
    _S.REQUIRES_ACTION: _ANY - {_S.REQUIRES_ACTION},
    _S.AUTHORIZED: frozenset({_S.SUCCEEDED, _S.CANCELLED, _S.EXPIRED, _S.UNKNOWN, _S.REVIEW}),
    _S.UNKNOWN: _ANY - {_S.UNKNOWN},
    _S.SUCCEEDED: frozenset({_S.REVIEW}),
    _S.FAILED: frozenset({_S.CANCELLED, _S.EXPIRED, _S.SUCCEEDED, _S.REVIEW}),
    _S.CANCELLED: frozenset({_S.FAILED, _S.EXPIRED, _S.SUCCEEDED, _S.REVIEW}),
    _S.EXPIRED: frozenset({_S.FAILED, _S.CANCELLED, _S.SUCCEEDED, _S.REVIEW}),
    _S.REVIEW: _ANY - {_S.REVIEW},
}
