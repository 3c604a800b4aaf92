"""The story of a payment: append-only entries, each holding the hash of all before it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from domain.evidence import Evidence
from domain.payment import Payment, ReferenceKind
from domain.refund import Refund
from domain.verdict import Known

#: What stands before the first entry of every payment.
GENESIS: Final = bytes(32)
#: Changes when the way entries are written changes; old ones stay verifiable, for the hash is over stored bytes.
SCHEME: Final = 1


class CauseKind(StrEnum):
    REQUEST = "request"
    WEBHOOK = "webhook"
    JOB = "job"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Cause:
    """Who moved it: a request id, an inbox id, a job's name or an operator."""

    kind: CauseKind
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    One line of the story. `body` is the exact bytes that are stored and hashed (JSON, no personal data).

    `seq` counts 1…n per payment without a gap. `event` is the name it is published under.
    """

    payment_id: UUID
    seq: int
    body: bytes
    hash: bytes
    event: str = ""


@dataclass(frozen=True, slots=True)
class RefundMove:
    """How one of the payment's refunds moved in the same step; `before` None: it was made."""

    before: Refund | None
    after: Refund


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody remarked: free text, and whatever belongs to it. It may be personal."""

    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


def tell(
    before: Payment | None,
    after: Payment,
    cause: Cause,
    head: bytes,
    refund: RefundMove | None = None,
    *,
    note: str | None = None,
) -> Entry:
    """
    The entry that says how `before` became `after`; `head` is the hash of the entry before (or GENESIS).

    `note` is what somebody remarked, sealed.
    """
    story: dict[str, Any] = {
        "scheme": SCHEME,
        "payment_id": str(after.id),
        "seq": after.version,
        "at": _iso(after.updated_at),
        "status": after.status,
        "was": before.status if before else None,
        "reason": after.reason,
        "cause": {"kind": cause.kind, "id": cause.id},
        "amount": after.money.amount,
        "currency": after.money.currency,
        "amount_captured": after.amount_captured,
        "amount_refunded": after.amount_refunded,
        "amount_reserved": after.amount_reserved,
        "references": _public(after.references),
        "evidence": _news(before.known if before else None, after.known),
    }
    if after.amount_to_capture is not None:
        story["amount_to_capture"] = after.amount_to_capture
    if after.amount_excess_refunded:
        story["amount_excess_refunded"] = after.amount_excess_refunded
    flags = [name for name in ("late", "order_overpaid", "disputed", "cancel_requested") if getattr(after, name)]
    if flags:
        story["flags"] = flags
    if refund is not None:
        story["refund"] = _refund(refund)
    if note is not None:
        story["sealed_note"] = note
    body = json.dumps(story, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    event = "payment.noted" if note else refund_event(refund) if refund else event_type(before, after)
    return Entry(payment_id=after.id, seq=after.version, body=body, hash=chain(head, body), event=event)


def chain(head: bytes, body: bytes) -> bytes:
    """The hash of an entry: SHA-256 over the hash before it and its exact stored bytes."""
    return sha256(head + body).digest()


def verify(entries: Iterable[Entry], head: bytes) -> int | None:
    """
    Whether `entries` (by seq) are the whole, unaltered story that ends in `head`.

    Returns None where they are, else the seq of the first entry that is missing or altered.
    """
    last, seq = GENESIS, 0
    for seq, entry in enumerate(entries, start=1):
        if entry.seq != seq or entry.hash != chain(last, entry.body):
            return seq
        last = entry.hash
    return None if last == head else seq + 1


def event_type(before: Payment | None, after: Payment) -> str:
    """The name a change is published under: `payment.created`, `payment.succeeded`, `order.overpaid`, …"""
    if before is None:
        return "payment.created"
    if after.order_overpaid and not before.order_overpaid:
        return "order.overpaid"
    if after.amount_to_capture not in {None, before.amount_to_capture}:
        return "payment.capture_requested"
    if after.cancel_requested and not before.cancel_requested:
        return "payment.cancel_requested"
    if before.status is after.status:
        return "payment.updated"
    return f"payment.{after.status.lower()}"


def refund_event(move: RefundMove) -> str:
    """The name a refund's change is published under: `refund.created`, `refund.succeeded`, …"""
    if move.before is None:
        return "refund.created"
    return "refund.updated" if move.before.status is move.after.status else f"refund.{move.after.status.lower()}"


def _refund(move: RefundMove) -> Mapping[str, Any]:
    """Without the shop's own words: they may be about a person."""
    before, after = move.before, move.after
    return {
        "id": str(after.id),
        "status": after.status,
        "was": before.status if before else None,
        "failure": after.failure,
        "amount": after.money.amount,
        "channel": after.channel,
        "origin": after.origin,
        "references": _public(after.references),
        "evidence": _news(before.known if before else None, after.known),
    }


def _public(references: Mapping[ReferenceKind, str]) -> Mapping[str, str]:
    return {kind: name for kind, name in references.items() if not kind.is_personal}


def _news(before: Known | None, after: Known) -> list[Mapping[str, Any]]:
    new = after.evidence - (before.evidence if before else frozenset())
    return [_evidence(piece) for piece in after.in_order() if piece in new]


def _evidence(piece: Evidence) -> Mapping[str, Any]:
    told: dict[str, Any] = {"claim": piece.claim, "source": piece.source, "rank": piece.rank, "at": _iso(piece.at)}
    if piece.code is not None:
        told["code"] = piece.code
    if piece.amount is not None:
        told["amount"], told["currency"] = piece.amount.amount, piece.amount.currency
    if piece.reason is not None:
        told["reason"] = piece.reason
    if piece.verify_first:
        told["verify_first"] = True
    return told


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
