"""Callbacks: unsigned, so a secret path lets them in, and by default a query confirms what those of STK claim."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from adapters.daraja import particulars, wire
from adapters.daraja.refund_results import RefundResults
from adapters.daraja.status_results import conversation, translate_status
from adapters.daraja.translation import SUCCESS, Confirm, ResultCodes
from application.ports.inbox import Message
from application.ports.webhooks import About, AboutRefund, Unreadable
from domain.evidence import Claim, Evidence, Source
from domain.payment import Payment, ReferenceKind, Report
from domain.refund import Refund

#: What a paid callback is by itself.
_CLAIMS: Final[Mapping[Confirm, Claim]] = {
    Confirm.CALLBACK: Claim.SUCCEEDED,
    Confirm.QUERY: Claim.PAID,
    Confirm.STATUS: Claim.PAID,
}


class DarajaCallbacks:
    """
    Reads what is posted to `CallBackURL`. The phone number in it may be masked: it is never read.

    Raises, from every method:
        Unreadable: it is no JSON, or an STK callback in a shape nobody has seen.
    """

    def __init__(self, confirm: Confirm = Confirm.QUERY) -> None:
        self._paid = _CLAIMS[confirm]
        self._codes = ResultCodes()
        self._refunds = RefundResults()

    def about(self, message: Message) -> About | None:
        """The payment whose prompt it names, or the question it answers; None where it is about neither."""
        callback = _read(message.body)
        if callback is not None:
            return About(message.payment_id, ReferenceKind.CHECKOUT_REQUEST, callback.checkout_request_id)
        asked = conversation(message.body)
        return About(message.payment_id, ReferenceKind.CONVERSATION, asked) if asked is not None else None

    def translate(self, message: Message, payment: Payment) -> Report:
        """
        What it claims: a success with the amount it states (whether it is ours is for the verdict), or a failure.

        A code that nobody knows claims nothing; the names it brings are told all the same.
        """
        callback = _read(message.body)
        if callback is None:
            return translate_status(message.body, payment, arrived_at=message.arrived_at)
        if str(callback.result_code) == SUCCESS:
            return self._success(callback, message)
        return Report(
            evidence=self._codes.failure(str(callback.result_code), Source.SIGNED, message.arrived_at),
            references={ReferenceKind.CHECKOUT_REQUEST: callback.checkout_request_id},
        )

    def about_refund(self, message: Message) -> AboutRefund | None:
        """The refund whose path it came by; None where it is about none."""
        return self._refunds.about(message)

    def translate_refund(self, message: Message, refund: Refund) -> Report:
        """What it claims about that refund: its end, that it waited too long, or what M-Pesa's books say."""
        return self._refunds.translate(message, refund)

    def _success(self, callback: wire.StkCallback, message: Message) -> Report:
        amount = particulars.amount(_values(callback, "Amount"))
        receipt = particulars.receipt(_values(callback, "MpesaReceiptNumber"))
        references = {ReferenceKind.CHECKOUT_REQUEST: callback.checkout_request_id}
        if receipt is not None:
            references[ReferenceKind.RECEIPT] = receipt
        claim = Evidence(
            claim=Claim.PAID if amount is None else self._paid,
            source=Source.SIGNED,
            at=message.arrived_at,
            amount=amount,
            code=SUCCESS,
        )
        return Report(evidence=(claim,), references=references)


def _values(callback: wire.StkCallback, name: str) -> list[bytes]:
    items = callback.metadata.items if callback.metadata is not None else []
    values = (wire.value(item.value) for item in items if item.name == name)
    return [value for value in values if value is not None]


def _read(body: bytes) -> wire.StkCallback | None:
    """The callback in `body`, or None where it is JSON about something else."""
    try:
        document: Any = msgspec.json.decode(body)
        match document:
            case {"Body": {"stkCallback": _}}:
                return msgspec.json.decode(body, type=wire.Callback).body.stk
            case _:
                return None
    except (ValueError, RecursionError) as wrong:
        raise Unreadable from wrong
