"""The bodies Daraja posts, in its own spelling and its own number formats."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from entrypoints.sandbox.daraja import eat, identifiers, results
from entrypoints.sandbox.daraja.book import Payment, Prompt, StatusRequest
from entrypoints.sandbox.daraja.pay_out_book import PayOut, Settled


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One transaction in M-Pesa's books. Without a receipt no money moved; times are as Daraja writes them."""

    debit: str
    credit: str
    account: str
    reason: str
    originator_conversation_id: str
    conversation_id: str
    state: str
    amount: int
    initiated: str
    finalised: str | None
    receipt: str | None


def status_found(asked: StatusRequest, found: Found) -> bytes:
    """
    What became of a transaction.

    `ResultCode` 0 only says that the question was answered: the state is one parameter among others. The name of
    the payee comes under the same key as the payer's, as in the real gateway.
    """
    parameters = [
        _parameter("DebitPartyName", found.debit),
        _parameter("DebitPartyName", found.credit),
        _parameter("OriginatorConversationID", found.originator_conversation_id),
        _parameter("InitiatedTime", found.initiated),
        _parameter("DebitAccountType", found.account),
        _parameter("DebitPartyCharges"),
        _parameter("TransactionReason"),
        _parameter("ReasonType", found.reason),
        _parameter("TransactionStatus", found.state),
        _parameter("FinalisedTime", found.finalised),
        _parameter("Amount", str(found.amount)),
        _parameter("ConversationID", found.conversation_id),
        _parameter("ReceiptNo", found.receipt),
    ]
    return _status(asked, results.SUCCESS, parameters)


def status_failed(asked: StatusRequest, code: str) -> bytes:
    """The question itself failed: nobody there, or nobody allowed to ask."""
    return _status(asked, code, ())


def timed_out(asked: StatusRequest | PayOut) -> bytes:
    """
    The request died in M-Pesa's queue, which says nothing about money.

    No source shows this body, so it holds no more than must be in it: whose request it was.
    """
    told = {
        "ConversationID": asked.conversation_id,
        "OriginatorConversationID": asked.originator_conversation_id,
        "ResultDesc": "The service request timed out in the queue.",
        "ResultType": 0,
    }
    return msgspec.json.encode({"Result": told})


def given_back(pay_out: PayOut, settled: Settled) -> bytes:
    """A payment that was given back; the result's own `TransactionID` is the reversal's receipt."""
    return _pay_out(
        pay_out,
        settled,
        [
            _parameter("DebitAccountBalance", "Utility Account|KES|7722179.62|7722179.62|0.00|0.00"),
            _parameter("Amount", _two_decimals(pay_out.amount)),
            _parameter("TransCompletedTime", int(eat.stamp(settled.settled_at))),
            _parameter("OriginalTransactionID", pay_out.original),
            _parameter("Charge", _two_decimals(0)),
            _parameter("CreditPartyPublicName", f"{pay_out.phone} - SANDBOX CUSTOMER"),
            _parameter("DebitPartyPublicName", f"{pay_out.payer} - Sandbox Merchant"),
        ],
    )


def paid_out(pay_out: PayOut, settled: Settled) -> bytes:
    """A customer who was paid."""
    return _pay_out(
        pay_out,
        settled,
        [
            _parameter("TransactionAmount", pay_out.amount),
            _parameter("TransactionReceipt", settled.receipt),
            _parameter("B2CRecipientIsRegisteredCustomer", "Y"),
            _parameter("B2CChargesPaidAccountAvailableFunds", _two_decimals(0)),
            _parameter("ReceiverPartyPublicName", f"{pay_out.phone} - SANDBOX CUSTOMER"),
            _parameter("TransactionCompletedDateTime", f"{settled.settled_at.astimezone(eat.EAT):%d.%m.%Y %H:%M:%S}"),
            _parameter("B2CUtilityAccountAvailableFunds", _two_decimals(10116)),
            _parameter("B2CWorkingAccountAvailableFunds", _two_decimals(900000)),
        ],
    )


def pay_out_failed(pay_out: PayOut, settled: Settled) -> bytes:
    """No money moved; there are no parameters at all."""
    return _pay_out(pay_out, settled, ())


def _stk(prompt: Prompt, code: str, **more: Any) -> bytes:
    told = {
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": prompt.checkout_request_id,
        "ResultCode": results.on_the_wire(code),
        "ResultDesc": results.description(code),
        **more,
    }
    return msgspec.json.encode({"Body": {"stkCallback": told}})


def _status(asked: StatusRequest, code: str, parameters: Sequence[dict[str, Any]]) -> bytes:
    return _result(asked, code, identifiers.no_receipt(asked.asked_at), parameters, {"Key": "Occasion"})


def _pay_out(pay_out: PayOut, settled: Settled, parameters: Sequence[dict[str, Any]]) -> bytes:
    reference = {"Key": "QueueTimeoutURL", "Value": "https://internal.sandbox.example/results/v1/submit"}
    return _result(pay_out, settled.result_code, settled.receipt, parameters, reference)


def _result(
    asked: StatusRequest | PayOut,
    code: str,
    receipt: str,
    parameters: Sequence[dict[str, Any]],
    reference: dict[str, str],
) -> bytes:
    told: dict[str, Any] = {
        "ConversationID": asked.conversation_id,
        "OriginatorConversationID": asked.originator_conversation_id,
        "ReferenceData": {"ReferenceItem": reference},
        "ResultCode": results.on_the_wire(code),
        "ResultDesc": results.description(code),
        "ResultType": 0,
        "TransactionID": receipt,
    }
    if parameters:
        told["ResultParameters"] = {"ResultParameter": list(parameters)}
    return msgspec.json.encode({"Result": told})


def _parameter(key: str, value: object = None) -> dict[str, Any]:
    return {"Key": key} if value is None else {"Key": key, "Value": value}


def _two_decimals(shillings: int) -> msgspec.Raw:
    """`150.00`: a JSON number that a float printed by Python would spell otherwise."""
    return msgspec.Raw(f"{shillings}.00".encode())
