"""
All that is known, folded from the ledger: the same way at the start and after every write.

What is not in the ledger did not happen; what is in it survives a kill.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from entrypoints.sandbox.daraja import identifiers
from entrypoints.sandbox.daraja.facts import read_fact
from entrypoints.sandbox.daraja.pay_out_book import PayOutBook
from entrypoints.sandbox.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One question on one phone."""

    checkout_request_id: str
    merchant_request_id: str
    phone: str
    amount: int
    account_reference: str
    callback_url: str
    script: str
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money that moved, in whole shillings."""

    ordinal: int
    checkout_request_id: str
    receipt: str
    amount: int
    phone: str
    account_reference: str
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """A question about a transaction, to be answered at the asker's URL."""

    conversation_id: str
    originator_conversation_id: str
    transaction_id: str
    original_conversation_id: str
    credential_is_valid: bool
    result_url: str
    timeout_url: str
    times_out: bool
    asked_at: datetime


class Book:
    """Prompts, payments, results and everything told about them."""

    def __init__(self, path: Path) -> None:
        self.prompts: dict[str, Prompt] = {}
        self.payments: dict[str, Payment] = {}
        self.results: dict[str, str] = {}
        self.status_requests: dict[str, StatusRequest] = {}
        self.out = PayOutBook()
        self.callbacks: list[Mapping[str, Any]] = []
        self.token: Mapping[str, Any] = {}
        self.certificate: Mapping[str, Any] = {}
        self.counts: Counter[str] = Counter()
        #: Which steps are behind each prompt, status request and pay-out. A callback may outlive the steps after it.
        self.steps_done: defaultdict[str, set[int]] = defaultdict(set)
        self._by_receipt: dict[str, Payment] = {}
        self._by_merchant_request: dict[str, Prompt] = {}
        self._last_payments: dict[tuple[str, int], datetime] = {}
        self._live: dict[str, str] = {}
        self._ledger = Ledger(path, reader=lambda entry, _: self._fold(entry))

    async def write(self, kind: str, **facts: Any) -> Mapping[str, Any]:
        """The fact is durable, and known, when this returns."""
        entry = await self._ledger.write(kind, **facts)
        self._fold(entry)
        return entry

    def close(self) -> None:
        """Nothing is written after this."""
        self._ledger.close()

    def paid_since(self, moment: datetime, phone: str, amount: int) -> bool:
        """Whether this phone paid this amount after this moment."""
        last = self._last_payments.get((phone, amount))
        return last is not None and last >= moment

    def lock(self, phone: str, checkout_request_id: str) -> bool:
        """Takes the phone for one prompt, before its fact is durable; False while another prompt is on it."""
        return self._live.setdefault(phone, checkout_request_id) == checkout_request_id

    def receipt(self, receipt: str) -> Payment | None:
        """The payment that has this receipt."""
        return self._by_receipt.get(receipt)

    def merchant_request(self, merchant_request_id: str) -> Prompt | None:
        """The prompt that this push sent; its id serves as the conversation's."""
        return self._by_merchant_request.get(merchant_request_id)

    def new_receipt(self, moment: datetime) -> str:
        """One that nothing has."""
        while True:
            receipt = identifiers.receipt(moment)
            if receipt not in self._by_receipt and not self.out.find(receipt=receipt):
                return receipt

    def _fold(self, entry: Mapping[str, Any]) -> None:
        self.counts[entry["kind"]] += 1
        self.out.fold(entry)
        match entry["kind"]:
            case "token" | "token_revoked":
                # Two tokens may become durable together; the last one in the file is the one that lives.
                if entry["n"] > self.token.get("n", 0):
                    self.token = entry
            case "certificate":
                self.certificate = entry
            case "prompt":
                self._fold_prompt(read_fact(Prompt, entry))
            case "payment":
                payment = read_fact(Payment, entry)
                self.payments[payment.checkout_request_id] = payment
                self._by_receipt[payment.receipt] = payment
                self._last_payments[payment.phone, payment.amount] = payment.paid_at
            case "result":
                self._fold_result(entry["checkout_request_id"], entry["result_code"])
            case "status_request":
                asked = read_fact(StatusRequest, entry)
                self.status_requests[asked.conversation_id] = asked
            case "callback":
                self.callbacks.append(entry)
        if "step" in entry:
            about = entry.get("checkout_request_id") or entry["conversation_id"]
            self.steps_done[about].add(entry["step"])

    def _fold_prompt(self, prompt: Prompt) -> None:
        self.prompts[prompt.checkout_request_id] = prompt
        self._by_merchant_request[prompt.merchant_request_id] = prompt
        self.lock(prompt.phone, prompt.checkout_request_id)

    def _fold_result(self, checkout_request_id: str, code: str) -> None:
        self.results[checkout_request_id] = code
        phone = self.prompts[checkout_request_id].phone
        if self._live.get(phone) == checkout_request_id:
            del self._live[phone]
