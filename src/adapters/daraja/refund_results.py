"""What M-Pesa tells of a reversal or a B2C payment: its result, that it waited too long, or what its books say."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
import structlog

from adapters.daraja import particulars, wire
from adapters.daraja.once import Once
from adapters.daraja.status_results import CLAIMS, read, values
from adapters.daraja.translation import SUCCESS
from application.ports.inbox import Message
from application.ports.payments import Purpose
from application.ports.webhooks import About, AboutRefund, Unreadable
from domain.evidence import Claim, Evidence, Reason, Source
from domain.payment import ReferenceKind, Report
from domain.refund import Refund, RefundChannel

log = structlog.get_logger()

#: The payment was reversed before: by a lost attempt of ours, or by somebody on the portal.
ALREADY_REVERSED: Final = "R000001"
#: One source: M-Pesa takes it for a repeat.
DUPLICATE: Final = "15"

#: Surely nothing moved. What is absent is not known to be an end: a person looks it up on the portal.
REASONS: Final[Mapping[RefundChannel, Mapping[str, Reason]]] = {
    RefundChannel.REVERSAL: {
        "1": Reason.INSUFFICIENT_FUNDS,  # of our own account
        "11": Reason.CONFIGURATION,  # our shortcode is not active
        "21": Reason.CONFIGURATION,  # the initiator lacks the role
        "2001": Reason.CONFIGURATION,  # its name, password or certificate is wrong
        "2006": Reason.ACCOUNT_BLOCKED,
        "2028": Reason.CONFIGURATION,
        "8006": Reason.CONFIGURATION,  # the initiator is locked after wrong passwords
        "R000002": Reason.REFUND_REFUSED,  # no such receipt
    },
    RefundChannel.B2C: {
        "1": Reason.INSUFFICIENT_FUNDS,  # of our own account
        "2": Reason.LIMIT_EXCEEDED,  # below the smallest amount
        "3": Reason.LIMIT_EXCEEDED,  # above the largest
        "4": Reason.LIMIT_EXCEEDED,  # beyond what may move in a day
        "8": Reason.LIMIT_EXCEEDED,  # beyond what the customer's account may hold
        "11": Reason.CONFIGURATION,
        DUPLICATE: Reason.DUPLICATE_SUSPECTED,
        "21": Reason.CONFIGURATION,
        "2001": Reason.CONFIGURATION,
        "2006": Reason.ACCOUNT_BLOCKED,
        "2028": Reason.CONFIGURATION,
        "2040": Reason.INVALID_METHOD,  # the customer is not registered
        "8006": Reason.CONFIGURATION,
        "SFC_IC0003": Reason.INVALID_METHOD,  # the phone is not known
    },
}
#: Where the amount stands.
_AMOUNT: Final[Mapping[RefundChannel, str]] = {
    RefundChannel.REVERSAL: "Amount",
    RefundChannel.B2C: "TransactionAmount",
}


class RefundResults:
    """
    A result is believed that came by the refund's own secret path and names the call we know, or can be of a call whose
    answer was lost.

    Raises, from every method:
        Unreadable: it is no JSON, or a result in a shape nobody has seen.
    """

    def __init__(self) -> None:
        self._told = Once()

    def about(self, message: Message) -> AboutRefund | None:
        """The refund whose path it came by; None where it is about none."""
        if message.refund_id is None:
            return None
        if message.purpose is not Purpose.REFUND_TIMEOUT and read(message.body) is None:
            return None
        return AboutRefund(refund_id=message.refund_id, reference=None, payment=About(message.payment_id), money=None)

    def translate(self, message: Message, refund: Refund) -> Report:
        """What it claims about `refund`; nothing, where the code is one that nobody knows."""
        match message.purpose:
            case Purpose.REFUND_TIMEOUT:  # no source shows its body, and whatever it says, the money may have moved
                return Report(evidence=(_signed(Claim.LOST, message.arrived_at, "timeout"),))
            case Purpose.STATUS:
                return self._status(message, refund)
            case _:
                return self._result(message, refund)

    def _result(self, message: Message, refund: Refund) -> Report:
        result = _read(message.body)
        if result is None:
            return Report()
        if not _may_be_ours(result, refund):
            log.warning("refund_result.contradicted", refund_id=str(refund.id))
            return Report()
        if result.result_code is None:
            return Report(evidence=(_signed(Claim.LOST, message.arrived_at, "no code"),))
        code = str(result.result_code)
        if code == SUCCESS:
            return self._success(result, refund, message.arrived_at)
        evidence = self._failure(code, refund, message.arrived_at)
        return Report(evidence=evidence, references=_names(result, refund))

    def _success(self, result: wire.RefundResult, refund: Refund, at: datetime) -> Report:
        amount = particulars.amount(values(result, _AMOUNT[refund.channel]))
        receipt = particulars.receipt([told] if (told := wire.value(result.receipt)) is not None else [])
        names = _names(result, refund)
        if receipt is not None:
            names[ReferenceKind.RECEIPT] = receipt
        said = Evidence(claim=Claim.SUCCEEDED, source=Source.SIGNED, at=at, amount=amount, code=SUCCESS)
        return Report(evidence=(said,), references=names)

    def _failure(self, code: str, refund: Refund, at: datetime) -> tuple[Evidence, ...]:
        if code == ALREADY_REVERSED and refund.channel is RefundChannel.REVERSAL:
            return (_signed(Claim.CONTESTED, at, code),)
        reason = REASONS[refund.channel].get(code)
        if reason is None:
            if self._told.first(code):
                log.warning("result_code.unlisted", code=code)
            return ()
        if reason is Reason.CONFIGURATION and self._told.first(code):
            log.error("daraja.misconfigured", code=code)
        if _says_nothing_of_another_attempt(code, refund):
            return (_signed(Claim.LOST, at, code),)
        return (_signed(Claim.FAILED, at, code, reason),)

    def _status(self, message: Message, refund: Refund) -> Report:
        """M-Pesa's own record, on a path that only this question knew."""
        result = read(message.body)
        if result is None:
            return Report()
        if str(result.result_code) != SUCCESS:
            log.warning("transaction_status.failed", refund_id=str(refund.id), code=str(result.result_code))
            return Report()
        name = particulars.name(values(result, "OriginatorConversationID"))
        state = particulars.word(values(result, "TransactionStatus"))
        claim, reason = CLAIMS.get(state or "", (None, None))
        if claim is None or name is None or name != refund.references.get(ReferenceKind.ORIGINATOR_CONVERSATION):
            log.warning("transaction_status.inconclusive", refund_id=str(refund.id), state=state)
            return Report()
        if claim is not Claim.SUCCEEDED:
            if _says_nothing_of_another_attempt(state or "", refund):
                return Report()
            return Report(evidence=(_fetched(claim, message.arrived_at, state, reason=reason),))
        amount = particulars.amount(values(result, "Amount"))
        receipt = particulars.receipt(values(result, "ReceiptNo"))
        return Report(
            evidence=(_fetched(claim, message.arrived_at, state, amount=amount),),
            references={} if receipt is None else {ReferenceKind.RECEIPT: receipt},
        )


def _may_be_ours(result: wire.RefundResult, refund: Refund) -> bool:
    known = refund.references.get(ReferenceKind.CONVERSATION)
    named = result.originator is not None and result.originator == refund.references.get(
        ReferenceKind.ORIGINATOR_CONVERSATION
    )
    return known in {None, result.conversation_id} or named or _answers_lost(refund) > 0


def _says_nothing_of_another_attempt(code: str, refund: Refund) -> bool:
    """
    A reversal that was sent again may fail where the first went through; B2C has one name for all attempts, so only
    "duplicate" can mean that.
    """
    lost = _answers_lost(refund)
    if refund.channel is RefundChannel.B2C:
        return code == DUPLICATE and lost > 0
    return lost + (ReferenceKind.CONVERSATION in refund.references) > 1


def _answers_lost(refund: Refund) -> int:
    return sum(piece.claim is Claim.LOST and piece.source is Source.CLOCK for piece in refund.known.evidence)


def _names(result: wire.RefundResult, refund: Refund) -> dict[ReferenceKind, str]:
    """The conversation's, where none is known yet: the one we know may be of another attempt."""
    if ReferenceKind.CONVERSATION in refund.references:
        return {}
    return {ReferenceKind.CONVERSATION: result.conversation_id}


def _signed(claim: Claim, at: datetime, code: str, reason: Reason | None = None) -> Evidence:
    return Evidence(claim=claim, source=Source.SIGNED, at=at, code=code, reason=reason)


def _fetched(claim: Claim, at: datetime, state: str | None, **facts: Any) -> Evidence:
    return Evidence(claim=claim, source=Source.FETCHED, at=at, code=state, **facts)


def _read(body: bytes) -> wire.RefundResult | None:
    if read(body) is None:
        return None
    try:
        return msgspec.json.decode(body, type=wire.RefundResultBody).result
    except ValueError as wrong:
        raise Unreadable from wrong
