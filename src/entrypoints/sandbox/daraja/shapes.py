"""The bodies Daraja posts, in its own spelling and its own number formats."""

from collections.abc import Sequence
from typing import Any

import msgspec

from entrypoints.sandbox.daraja import eat, identifiers, results
from entrypoints.sandbox.daraja.book import Payment, Prompt, StatusRequest


def stk_success(prompt: Prompt, payment: Payment, *, astray: int = 0) -> bytes:
    """
    A paid prompt.

    The order of the items is promised nowhere and a Balance without a Value comes and goes, so both vary here from
    payment to payment; one payment's callbacks are equal to the byte.
    """
    items: list[dict[str, Any]] = [
        {"Name": "Amount", "Value": _two_decimals(payment.amount + astray)},
        {"Name": "MpesaReceiptNumber", "Value": payment.receipt},
        {"Name": "TransactionDate", "Value": int(eat.stamp(payment.paid_at))},
        {"Name": "PhoneNumber", "Value": int(payment.phone)},
    ]
    if payment.ordinal % 2:
        items.insert(2, {"Name": "Balance"})
    turn = payment.ordinal % 3
    return _stk(prompt, results.SUCCESS, CallbackMetadata={"Item": items[turn:] + items[:turn]})


def stk_failure(prompt: Prompt, code: str) -> bytes:
    """A prompt that took no money; there is no metadata at all."""
    return _stk(prompt, code)


def status_found(asked: StatusRequest, *, prompt: Prompt, payment: Payment | None, state: str, shortcode: str) -> bytes:
    """
    What became of a transaction.

    `ResultCode` 0 only says that the question was answered: the state is one parameter among others. The name of
    the payee comes under the same key as the payer's, as in the real gateway.
    """
    moment = eat.stamp(payment.paid_at) if payment else None
    parameters = [
        _parameter("DebitPartyName", f"{prompt.phone} - Sandbox Customer"),
        _parameter("DebitPartyName", f"{shortcode} - Sandbox Merchant"),
        _parameter("OriginatorConversationID", prompt.merchant_request_id),
        _parameter("InitiatedTime", eat.stamp(prompt.sent_at)),
        _parameter("DebitAccountType", "MMF Account For Customer"),
        _parameter("DebitPartyCharges"),
        _parameter("TransactionReason"),
        _parameter("ReasonType", "Pay Bill Online"),
        _parameter("TransactionStatus", state),
        _parameter("FinalisedTime", moment),
        _parameter("Amount", str(prompt.amount)),
        _parameter("ConversationID", asked.conversation_id),
        _parameter("ReceiptNo", payment.receipt if payment else None),
    ]
    return _result(asked, results.SUCCESS, parameters)


def status_failed(asked: StatusRequest, code: str) -> bytes:
    """The question itself failed: nobody there, or nobody allowed to ask."""
    return _result(asked, code, ())


def status_timed_out(asked: StatusRequest) -> bytes:
    """
    The question died in M-Pesa's queue, which says nothing about the transaction.

    No source shows this body, so it holds no more than must be in it: whose question it was.
    """
    told = {
        "ConversationID": asked.conversation_id,
        "OriginatorConversationID": asked.originator_conversation_id,
        "ResultDesc": "The service request timed out in the queue.",
        "ResultType": 0,
    }
    return msgspec.json.encode({"Result": told})


def _stk(prompt: Prompt, code: str, **more: Any) -> bytes:
    told = {
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": prompt.checkout_request_id,
        "ResultCode": results.on_the_wire(code),
        "ResultDesc": results.DESCRIPTIONS[code],
        **more,
    }
    return msgspec.json.encode({"Body": {"stkCallback": told}})


def _result(asked: StatusRequest, code: str, parameters: Sequence[dict[str, str]]) -> bytes:
    told: dict[str, Any] = {
        "ConversationID": asked.conversation_id,
        "OriginatorConversationID": asked.originator_conversation_id,
        "ReferenceData": {"ReferenceItem": {"Key": "Occasion"}},
        "ResultCode": results.on_the_wire(code),
        "ResultDesc": results.DESCRIPTIONS[code],
        "ResultType": 0,
        "TransactionID": identifiers.no_receipt(asked.asked_at),
    }
    if parameters:
        told["ResultParameters"] = {"ResultParameter": list(parameters)}
    return msgspec.json.encode({"Result": told})


def _parameter(key: str, value: str | None = None) -> dict[str, str]:
    return {"Key": key} if value is None else {"Key": key, "Value": value}


def _two_decimals(shillings: int) -> msgspec.Raw:
    """`150.00`: a JSON number that a float printed by Python would spell otherwise."""
    return msgspec.Raw(f"{shillings}.00".encode())
