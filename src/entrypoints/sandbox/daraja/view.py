"""What `GET /_ledger` shows: who was asked, whose money moved, who was told."""

from collections.abc import Mapping
from typing import Any, Final

from entrypoints.sandbox.daraja.book import Book, Payment, Prompt

_OF_A_CALLBACK: Final = (
    "checkout_request_id",
    "conversation_id",
    "url",
    "body",
    "status",
    "answer",
    "error",
    "at",
)


def of(book: Book) -> dict[str, Any]:
    """Everything a test may want to compare with what the service believes."""
    return {
        "prompts": [_prompt(prompt, book) for prompt in book.prompts.values()],
        "payments": [_payment(payment) for payment in book.payments.values()],
        "tokens": book.counts["token"],
        "queries": book.counts["query"],
        "callbacks": [_callback(entry) for entry in book.callbacks],
    }


def _prompt(prompt: Prompt, book: Book) -> dict[str, Any]:
    return {
        "checkout_request_id": prompt.checkout_request_id,
        "merchant_request_id": prompt.merchant_request_id,
        "phone": prompt.phone,
        "amount": prompt.amount,
        "account_reference": prompt.account_reference,
        "callback_url": prompt.callback_url,
        "result_code": book.results.get(prompt.checkout_request_id),
        "at": prompt.sent_at.isoformat(),
    }


def _payment(payment: Payment) -> dict[str, Any]:
    return {
        "checkout_request_id": payment.checkout_request_id,
        "receipt": payment.receipt,
        "amount": payment.amount,
        "phone": payment.phone,
        "account_reference": payment.account_reference,
        "at": payment.paid_at.isoformat(),
    }


def _callback(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in _OF_A_CALLBACK if name in entry}
