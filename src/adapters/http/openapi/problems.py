"""What can go wrong, as the document tells it: the schema of a problem, and an example of each."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from adapters.http.openapi import answers, examples
from adapters.http.problem_kinds import DECLINED, KINDS, Kind
from adapters.http.refusals import InvalidParameter
from domain.errors import DuplicatePayment, Invalid, MethodDeclined, PartialRefundUnsupported, RefundTooLarge

#: By code; where two errors are told by one code, the first.
BY_CODE: Final[Mapping[str, Kind]] = {kind.code: kind for kind in [DECLINED, *reversed(list(KINDS.values()))]}
#: What is said of one where the error has no other words.
_WORDS: Final[Mapping[str, str]] = {
    DECLINED.code: f"The payment is {answers.DECLINED['status']}: {answers.DECLINED['reason']}.",
    **{kind.code: kind.detail or error.__doc__ or kind.title for error, kind in reversed(list(KINDS.items()))},
}

_TEXT: Final = {"type": "string"}
_FAULTS: Final = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "object", "properties": {"field": _TEXT, "message": _TEXT}, "required": ["field", "message"]},
}


def _faults(field: str, message: str) -> Mapping[str, Any]:
    return {"errors": [{"field": field, "message": message}]}


#: What only these problems tell, by code.
MEMBERS: Final[Mapping[str, Mapping[str, Any]]] = {
    DECLINED.code: {"data": answers.DECLINED},
    KINDS[MethodDeclined].code: {"reason": "insufficient_funds"},
    KINDS[DuplicatePayment].code: {"payment_id": examples.PAYMENT},
    KINDS[Invalid].code: _faults("amount", "M-Pesa moves whole shillings: a multiple of 100 cents"),
    KINDS[InvalidParameter].code: _faults("limit", "must be a whole number from 1 to 100"),
    KINDS[RefundTooLarge].code: {"refundable": 1500, **_faults("amount", "at most 1500 can be refunded")},
    KINDS[PartialRefundUnsupported].code: _faults(
        "amount", "only the whole amount can be refunded here, and only once"
    ),
}


def _with_members(codes: Iterable[str]) -> list[Mapping[str, Any]]:
    return [
        {"if": {"properties": {"code": {"const": code}}}, "then": {"required": sorted(MEMBERS[code])}} for code in codes
    ]


PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "What went wrong (RFC 9457). Decide by `code`; some codes tell more than others.",
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "The page of this code."},
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": _TEXT,
        "instance": {"type": "string", "description": "The path that was asked for."},
        "code": {"enum": sorted(BY_CODE)},
        "correlation_id": {"type": "string", "description": "The X-Request-Id: quote it when you ask for help."},
        "success": {"const": False},
        "errors": {**_FAULTS, "description": "Which fields are at fault."},
        "data": {"$ref": "#/components/schemas/Payment", "description": "Of `payment-declined`: the payment."},
        "payment_id": {"type": "string", "description": "Of `duplicate-payment`: the payment that stands there."},
        "reason": {"type": "string", "description": "Of `method-declined`: why, in one word."},
        "refundable": {"type": "integer", "description": "Of `refund-too-large`: minor units that are left."},
    },
    "required": ["type", "title", "status", "detail", "instance", "code", "correlation_id", "success"],
    "allOf": _with_members(MEMBERS),
}


def problem_example(kind: Kind, path: str, docs_url: str) -> dict[str, Any]:
    """What such a problem looks like. `path`: where it is told."""
    return {
        "type": f"{docs_url}/problems/{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": _WORDS[kind.code],
        "instance": path,
        "code": kind.code,
        "correlation_id": answers.CORRELATION_ID,
        "success": False,
        **MEMBERS.get(kind.code, {}),
    }
