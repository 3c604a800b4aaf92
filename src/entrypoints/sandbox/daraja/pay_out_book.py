"""All that is known of money on its way out to customers: a part of the book."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from entrypoints.sandbox.daraja import results
from entrypoints.sandbox.daraja.facts import read_fact


@dataclass(frozen=True, slots=True, kw_only=True)
class PayOut:
    """
    Money on its way out to a customer, in whole shillings: a payment given back, or one of ours (B2C).

    `original` is the receipt of the payment to be reversed; B2C has none.
    """

    conversation_id: str
    originator_conversation_id: str
    original: str
    payer: str
    phone: str
    amount: int
    credential_is_valid: bool
    result_url: str
    timeout_url: str
    ordered: str
    times_out: bool
    is_told: bool
    delay: float
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How a pay-out ended. Money moved for the code `0` alone; the others have a receipt that is none."""

    conversation_id: str
    result_code: str
    receipt: str
    settled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """A reversal by hand, on Safaricom's own portal."""

    original: str
    receipt: str
    amount: int
    phone: str
    reversed_at: datetime


class PayOutBook:
    """Pay-outs by conversation, how they ended, and what was reversed by hand."""

    def __init__(self) -> None:
        self.pay_outs: dict[str, PayOut] = {}
        self.settled: dict[str, Settled] = {}
        self.outside: list[Outside] = []
        self._names: set[str] = set()
        self._reversed: set[str] = set()
        self._by_originator: dict[str, PayOut] = {}
        self._by_receipt: dict[str, PayOut] = {}

    def take_name(self, originator_conversation_id: str) -> bool:
        """Takes a merchant's own name for a pay-out, before its fact is durable; False where it was taken before."""
        if originator_conversation_id in self._names:
            return False
        self._names.add(originator_conversation_id)
        return True

    def take_reversal(self, receipt: str) -> bool:
        """Takes the one reversal that a payment has, before its fact is durable; False where it is gone."""
        if receipt in self._reversed:
            return False
        self._reversed.add(receipt)
        return True

    def find(self, *, receipt: str = "", originator_conversation_id: str = "") -> PayOut | None:
        """The pay-out that has this receipt or goes by this name."""
        return self._by_receipt.get(receipt) or self._by_originator.get(originator_conversation_id)

    def fold(self, entry: Mapping[str, Any]) -> None:
        """One more entry of the ledger."""
        match entry["kind"]:
            case "pay_out":
                pay_out = read_fact(PayOut, entry)
                self.pay_outs[pay_out.conversation_id] = pay_out
                self._by_originator[pay_out.originator_conversation_id] = pay_out
                self._names.add(pay_out.originator_conversation_id)
            case "settled":
                self._fold_settled(read_fact(Settled, entry))
            case "outside":
                outside = read_fact(Outside, entry)
                self.outside.append(outside)
                self._reversed.add(outside.original)

    def _fold_settled(self, settled: Settled) -> None:
        self.settled[settled.conversation_id] = settled
        if settled.result_code == results.SUCCESS:
            pay_out = self.pay_outs[settled.conversation_id]
            self._by_receipt[settled.receipt] = pay_out
            if pay_out.original:
                self._reversed.add(pay_out.original)
