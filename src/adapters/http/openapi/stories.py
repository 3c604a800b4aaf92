"""The shape of an entry of a payment's story. It has no struct: what is told is what was stored, years ago perhaps."""

from typing import Final

from adapters.http.openapi.shapes import MINOR_UNITS, NULL, TEXT, TIME, an_object
from domain.evidence import Claim, Reason, Source
from domain.history import FLAGS, CauseKind
from domain.payment import ReferenceKind
from domain.refund import RefundChannel, RefundOrigin, RefundStatus
from domain.status import Status

_HASH: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_EVIDENCE: Final = an_object(
    {
        "claim": {"enum": list(Claim)},
        "source": {"enum": list(Source)},
        "rank": {"type": "integer", "minimum": -1, "maximum": 5},
        "at": TIME,
        "code": TEXT,
        "amount": {"type": "integer"},
        "currency": TEXT,
        "reason": {"enum": list(Reason)},
        "verify_first": {"const": True},
    },
    optional=("code", "amount", "currency", "reason", "verify_first"),
)
_NEWS: Final = {"type": "array", "items": _EVIDENCE, "description": "Who said what; only what is new."}
_REASON: Final = {"anyOf": [{"enum": list(Reason)}, NULL]}
_REFERENCES: Final = {
    "type": "object",
    "propertyNames": {"enum": [kind.value for kind in ReferenceKind if not kind.is_personal]},
    "additionalProperties": TEXT,
    "description": "The names the gateway knows it by.",
}
ENTRY: Final = an_object(
    {
        "scheme": {"type": "integer", "description": "How the entry is written; it changes with that."},
        "payment_id": {"type": "string", "format": "uuid"},
        "seq": {"type": "integer", "minimum": 1, "description": "1…n per payment, without a gap."},
        "at": TIME,
        "status": {"enum": list(Status)},
        "was": {"anyOf": [{"enum": list(Status)}, NULL], "description": "The status before; null at the start."},
        "reason": _REASON,
        "cause": an_object(
            {"kind": {"enum": list(CauseKind)}, "id": TEXT}, description="Who moved it: a request's id, …"
        ),
        "amount": MINOR_UNITS,
        "currency": TEXT,
        "amount_captured": MINOR_UNITS,
        "amount_refunded": MINOR_UNITS,
        "amount_reserved": {**MINOR_UNITS, "description": "Kept for refunds that are under way."},
        "amount_to_capture": {**MINOR_UNITS, "description": "What a capture asked for."},
        "amount_excess_refunded": {**MINOR_UNITS, "description": "What went back beyond what was taken."},
        "references": _REFERENCES,
        "evidence": _NEWS,
        "flags": {"type": "array", "items": {"enum": list(FLAGS)}},
        "refund": an_object(
            {
                "id": {"type": "string", "format": "uuid"},
                "status": {"enum": list(RefundStatus)},
                "was": {"anyOf": [{"enum": list(RefundStatus)}, NULL]},
                "failure": _REASON,
                "amount": MINOR_UNITS,
                "channel": {"enum": list(RefundChannel)},
                "origin": {"enum": list(RefundOrigin)},
                "references": _REFERENCES,
                "evidence": _NEWS,
            },
            description="The refund that moved in this step.",
        ),
        "sealed_note": {"type": "string", "description": "The note as it is kept: the hash is over this."},
        "note": {"type": "string", "description": "What it says."},
        "metadata": {"type": "object", "description": "Of the note."},
        "previous_hash": _HASH,
        "hash": {**_HASH, "description": "SHA-256 over the hash before it and the entry's stored bytes."},
    },
    optional=(
        *("amount_to_capture", "amount_excess_refunded", "flags", "refund"),
        *("sealed_note", "note", "metadata"),
    ),
    description="One line of a payment's story. The hash is over all but `previous_hash`, `hash`, `note` and its "
    "`metadata`, as JSON with sorted keys and without blanks.",
    additionalProperties=False,
)
