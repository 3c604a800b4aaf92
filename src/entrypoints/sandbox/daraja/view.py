"""What `GET /_ledger` shows: who was asked, whose money moved and moved back, who was told."""

from collections.abc import Mapping
from typing import Any, Final

from entrypoints.sandbox.daraja import results
from entrypoints.sandbox.daraja.book import Book, Payment, Prompt
from entrypoints.sandbox.daraja.pay_out_book import Outside, PayOut

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
        "reversals": [
            *({"original": out.original} | _pay_out(out, book) for out in book.out.pay_outs.values() if out.original),
            *(_outside(outside) for outside in book.out.outside),
        ],
        "b2c": [_pay_out(out, book) for out in book.out.pay_outs.values() if not out.original],
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


def _pay_out(pay_out: PayOut, book: Book) -> dict[str, Any]:
    settled = book.out.settled.get(pay_out.conversation_id)
    return {
        "conversation_id": pay_out.conversation_id,
        "originator_conversation_id": pay_out.originator_conversation_id,
        "amount": pay_out.amount,
        "phone": pay_out.phone,
        "result_code": settled.result_code if settled else None,
        "receipt": settled.receipt if settled else None,
        "outside": False,
        "at": pay_out.asked_at.isoformat(),
    }


def _outside(outside: Outside) -> dict[str, Any]:
    return {
        "original": outside.original,
        "conversation_id": None,
        "originator_conversation_id": None,
        "amount": outside.amount,
        "phone": outside.phone,
        "result_code": results.SUCCESS,
        "receipt": outside.receipt,
        "outside": True,
        "at": outside.reversed_at.isoformat(),
    }


def _callback(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in _OF_A_CALLBACK if name in entry}
