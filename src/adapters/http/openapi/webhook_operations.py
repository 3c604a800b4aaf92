"""/webhooks: where the gateways speak"""

from typing import Final

from adapters.http.openapi.operation import Answer, Operation
from adapters.http.openapi.parameters import TOKEN

_THANKS: Final = (
    Answer(
        status=200,
        says="Heard.",
        schema="Thanks",
        examples={"Thanks": {"ResultCode": 0, "ResultDesc": "Accepted"}},
    ),
)
_OF_MESSAGES: Final = ("payload-too-large", "unavailable", "outcome-unknown")


def _mobile_money(name: str, below: str, title: str, says: str) -> Operation:
    return Operation(
        id=name,
        method="post",
        path="/webhooks/mm/{token}" + below,
        tag="Webhooks",
        title=title,
        says=says,
        parameters=(TOKEN,),
        body="MobileMoneyMessage",
        is_for_gateways=True,
        answers=_THANKS,
        problems=(*_OF_MESSAGES, "not-found", "invalid-encoding", "malformed-json", "json-too-deep"),
    )


OPERATIONS: Final = (
    Operation(
        id="StripeEvent",
        method="post",
        path="/webhooks/stripe",
        tag="Webhooks",
        title="An event of Stripe's",
        says="Signed, kept before it is acknowledged, applied later.",
        security="stripeSignature",
        body="StripeEvent",
        is_for_gateways=True,
        answers=(Answer(status=200, says="Kept.", schema="Received", examples={"Kept": {"received": True}}),),
        problems=(*_OF_MESSAGES, "invalid-signature", "unreadable-message", "unsupported-media-type"),
    ),
    _mobile_money("MobileMoneyCallback", "", "What became of a prompt", "On the secret path of one payment."),
    _mobile_money("MobileMoneyResult", "/result", "What became of a request", "On the secret path of one request."),
    _mobile_money("MobileMoneyTimeout", "/timeout", "A request waited too long", "On the secret path of one request."),
    Operation(
        id="MpesaHint",
        method="post",
        path="/webhooks/mpesa",
        tag="Webhooks",
        title="A hint of M-Pesa's",
        says="Anyone can send this: it is believed in nothing, and all get the same answer.",
        body="MobileMoneyMessage",
        body_may_be_missing=True,
        is_for_gateways=True,
        answers=_THANKS,
        problems=_OF_MESSAGES,
    ),
)
