"""Daraja's own spelling, request by request and answer by answer. What it means to us stands in `translation.py`."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

#: A number in callbacks, text in queries, letters and digits for some: `0`, `"1032"`, `"SFC_IC0003"`.
Code = Annotated[int, Meta(ge=0, le=999_999_999)] | Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}\Z")]
#: Names we keep and look things up by; nothing else in them may reach a column or a log.
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}\Z")]


class StkPush(Struct, frozen=True, kw_only=True):
    """`POST /mpesa/stkpush/v1/processrequest`. `amount` in whole shillings; numbers may be sent as text."""

    shortcode: str = field(name="BusinessShortCode")
    password: str = field(name="Password")
    timestamp: str = field(name="Timestamp")
    transaction_type: str = field(name="TransactionType")
    amount: int = field(name="Amount")
    party_a: str = field(name="PartyA")
    party_b: str = field(name="PartyB")
    phone: str = field(name="PhoneNumber")
    callback_url: str = field(name="CallBackURL")
    account_reference: str = field(name="AccountReference")
    description: str = field(name="TransactionDesc")


class StkPushAnswer(Struct, frozen=True):
    """Says only whether a prompt is on its way."""

    response_code: Code = field(name="ResponseCode")
    checkout_request_id: Name | None = field(name="CheckoutRequestID", default=None)


class StkQuery(Struct, frozen=True, kw_only=True):
    """`POST /mpesa/stkpushquery/v1/query`."""

    shortcode: str = field(name="BusinessShortCode")
    password: str = field(name="Password")
    timestamp: str = field(name="Timestamp")
    checkout_request_id: str = field(name="CheckoutRequestID")


class StkQueryAnswer(Struct, frozen=True):
    """`response_code` says that the question was understood; `result_code` is the answer."""

    response_code: Code = field(name="ResponseCode")
    result_code: Code = field(name="ResultCode")
    checkout_request_id: str | None = field(name="CheckoutRequestID", default=None)


class Refusal(Struct, frozen=True):
    """The error envelope of every API."""

    code: Name = field(name="errorCode")
    message: str = field(name="errorMessage", default="")


class TokenAnswer(Struct, frozen=True):
    """`GET /oauth/v1/generate`. Seconds come as a number in the portal's sample and as text in the field."""

    token: Annotated[str, Meta(pattern=r"^[!-~]{1,4096}\Z")] = field(name="access_token")
    expires_in: Annotated[int, Meta(ge=1, le=86_400)] | Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,4}\Z")]


class Item(Struct, frozen=True):
    """One of a callback's particulars. `Balance` is known to come without a value."""

    name: str = field(name="Name")
    value: Raw | UnsetType = field(name="Value", default=UNSET)


class Metadata(Struct, frozen=True):
    """The particulars of a success, in no promised order."""

    items: list[Item] = field(name="Item", default_factory=list)


class StkCallback(Struct, frozen=True):
    """The end of a prompt. A failure has no metadata at all."""

    checkout_request_id: Name = field(name="CheckoutRequestID")
    result_code: Code = field(name="ResultCode")
    metadata: Metadata | None = field(name="CallbackMetadata", default=None)


class CallbackBody(Struct, frozen=True):
    stk: StkCallback = field(name="stkCallback")


class Callback(Struct, frozen=True):
    """What is posted to `CallBackURL`."""

    body: CallbackBody = field(name="Body")


class StatusRequest(Struct, frozen=True, kw_only=True):
    """
    `POST /mpesa/transactionstatus/v1/query`, by receipt or by OriginatorConversationID. The portal's sample spells two
    keys with a space: a misprint.
    """

    initiator: str = field(name="Initiator")
    security_credential: str = field(name="SecurityCredential")
    command: str = field(name="CommandID", default="TransactionStatusQuery")
    receipt: str | UnsetType = field(name="TransactionID", default=UNSET)
    original: str | UnsetType = field(name="OriginalConversationID", default=UNSET)
    party_a: str = field(name="PartyA")
    identifier_type: str = field(name="IdentifierType", default="4")  # an organisation's shortcode
    result_url: str = field(name="ResultURL")
    timeout_url: str = field(name="QueueTimeOutURL")
    remarks: str = field(name="Remarks", default="Confirm payment")
    occasion: str = field(name="Occasion", default="Confirm")


class Acknowledgement(Struct, frozen=True):
    """The answer to a request whose result comes later, at a URL of ours."""

    response_code: Code = field(name="ResponseCode")
    conversation_id: Name = field(name="ConversationID")


class Reversal(Struct, frozen=True, kw_only=True):
    """
    `POST /mpesa/reversal/v1/request`. `amount` in whole shillings: all of the original's. One key has its letters in
    the wrong order, and is refused when spelt correctly.
    """

    initiator: str = field(name="Initiator")
    security_credential: str = field(name="SecurityCredential")
    command: str = field(name="CommandID", default="TransactionReversal")
    receipt: str = field(name="TransactionID")
    amount: int = field(name="Amount")
    receiver: str = field(name="ReceiverParty")
    identifier_type: str = field(name="RecieverIdentifierType", default="11")  # an organisation's shortcode
    result_url: str = field(name="ResultURL")
    timeout_url: str = field(name="QueueTimeOutURL")
    remarks: str = field(name="Remarks", default="Refund")


class B2C(Struct, frozen=True, kw_only=True):
    """`POST /mpesa/b2c/v3/paymentrequest`. `amount` in whole shillings; no two requests may have one `name`."""

    name: str = field(name="OriginatorConversationID")
    initiator: str = field(name="InitiatorName")
    security_credential: str = field(name="SecurityCredential")
    command: str = field(name="CommandID", default="BusinessPayment")
    amount: int = field(name="Amount")
    party_a: str = field(name="PartyA")
    phone: str = field(name="PartyB")
    remarks: str = field(name="Remarks", default="Refund")
    timeout_url: str = field(name="QueueTimeOutURL")
    result_url: str = field(name="ResultURL")


class RefundAnswer(Struct, frozen=True):
    """Says only whether M-Pesa took the request. One name comes misspelt in some variants."""

    response_code: Code = field(name="ResponseCode")
    conversation_id: Name | None = field(name="ConversationID", default=None)
    originator: Name | None = field(name="OriginatorConversationID", default=None)
    originator_misspelt: Name | None = field(name="OriginatorCoversationID", default=None)


class Parameter(Struct, frozen=True):
    """One of a result's particulars; a key may come twice, and without a value."""

    key: str = field(name="Key")
    value: Raw | UnsetType = field(name="Value", default=UNSET)


class Parameters(Struct, frozen=True):
    parameters: list[Parameter] | Parameter = field(name="ResultParameter", default_factory=list)

    def in_order(self) -> list[Parameter]:
        """A single one may come without a list around it."""
        return self.parameters if isinstance(self.parameters, list) else [self.parameters]


class Result(Struct, frozen=True):
    """What is posted to `ResultURL`. Sent to `QueueTimeOutURL` it may lack the code: the question was never asked."""

    conversation_id: Name = field(name="ConversationID")
    result_code: Code | None = field(name="ResultCode", default=None)
    parameters: Parameters | None = field(name="ResultParameters", default=None)


class RefundResult(Result, frozen=True):
    """What is posted about a reversal or a B2C payment; `receipt` is its own, or letters and zeros without money."""

    originator: Name | None = field(name="OriginatorConversationID", default=None)
    receipt: Raw | UnsetType = field(name="TransactionID", default=UNSET)


class RefundResultBody(Struct, frozen=True):
    result: RefundResult = field(name="Result")


class ResultBody(Struct, frozen=True):
    result: Result = field(name="Result")


def value(raw: Raw | UnsetType) -> bytes | None:
    """The JSON of a value, or None where there is none."""
    if isinstance(raw, UnsetType) or bytes(raw) == b"null":
        return None
    return bytes(raw)


encode = msgspec.json.encode
