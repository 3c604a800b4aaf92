"""What Transaction Status found: M-Pesa's own record, on a path that only this question knew."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
import structlog

from adapters.daraja import particulars, wire
from adapters.daraja.translation import SUCCESS
from application.ports.webhooks import Unreadable
from domain.evidence import Claim, Evidence, Reason, Source
from domain.payment import Payment, ReferenceKind, Report

log = structlog.get_logger()

#: `TransactionStatus`, final words only (portal's FAQ); Initiated, Authorized and their like say nothing yet.
CLAIMS: Final[Mapping[str, tuple[Claim, Reason | None]]] = {
    "Completed": (Claim.SUCCEEDED, None),
    "Cancelled": (Claim.CANCELLED, Reason.CANCELLED),
    "Declined": (Claim.FAILED, Reason.DECLINED),
    "Expired": (Claim.EXPIRED, Reason.EXPIRED),
}


def conversation(body: bytes) -> str | None:
    """
    Which question this answers, by the name Daraja gave it; None where it is no answer.

    Raises:
        Unreadable: it is no JSON, or a result in a shape nobody has seen.
    """
    result = read(body)
    return result.conversation_id if result is not None else None


def translate_status(body: bytes, payment: Payment, *, arrived_at: datetime) -> Report:
    """
    What the answer to a question of ours claims about `payment`.

    Empty where the question was not answered (it timed out, or we may not ask), where the answer is not final, or where
    it is about another receipt.

    Raises:
        Unreadable: it is no JSON, or a result in a shape nobody has seen.
    """
    result = read(body)
    if result is None:
        return Report()
    if str(result.result_code) != SUCCESS:
        log.warning("transaction_status.failed", payment_id=str(payment.id), code=str(result.result_code))
        return Report()
    receipt = particulars.receipt(values(result, "ReceiptNo"))
    state = particulars.word(values(result, "TransactionStatus"))
    claim, reason = CLAIMS.get(state or "", (None, None))
    if claim is None or receipt is None or receipt != payment.references.get(ReferenceKind.RECEIPT):
        log.warning("transaction_status.inconclusive", payment_id=str(payment.id), state=state)
        return Report()
    amount = particulars.amount(values(result, "Amount")) if claim is Claim.SUCCEEDED else None
    evidence = Evidence(claim=claim, source=Source.FETCHED, at=arrived_at, amount=amount, code=state, reason=reason)
    return Report(evidence=(evidence,))


def values(result: wire.Result, key: str) -> list[bytes]:
    """What stands under `key` among a result's particulars."""
    parameters = result.parameters.in_order() if result.parameters is not None else []
    told = (wire.value(parameter.value) for parameter in parameters if parameter.key == key)
    return [value for value in told if value is not None]


def read(body: bytes) -> wire.Result | None:
    """The result in `body`, or None where it is JSON about something else. Raises Unreadable."""
    try:
        document: Any = msgspec.json.decode(body)
        match document:
            case {"Result": _}:
                return msgspec.json.decode(body, type=wire.ResultBody).result
            case _:
                return None
    except (ValueError, RecursionError) as wrong:
        raise Unreadable from wrong
