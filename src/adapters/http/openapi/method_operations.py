"""/payments/methods and /payment/types"""

from typing import Final

from adapters.http.openapi import answers
from adapters.http.openapi.examples import METHODS
from adapters.http.openapi.operation import Answer, Operation
from adapters.http.openapi.parameters import METHOD_ID, REPEATABLE, USER_ID

OPERATIONS: Final = (
    Operation(
        id="SavePaymentMethod",
        method="post",
        path="/payments/methods",
        tag="Payment methods",
        title="Save a method",
        says="Keeps a card, a wallet or a phone for the next payment. The same again is the same method.",
        scope="methods:write",
        body="NewSavedMethod",
        examples=METHODS,
        takes_key=True,
        answers=(
            Answer(
                status=201,
                says="It is saved.",
                schema="SavedMethodAnswer",
                headers=REPEATABLE,
                examples={"A card": answers.SAVED_CARD},
            ),
        ),
        problems=("method-declined", "conflict", "gateway-unavailable"),
    ),
    Operation(
        id="FindPaymentMethods",
        method="get",
        path="/payments/methods/{user_id}",
        tag="Payment methods",
        title="List a user's methods",
        says="The default first, then the newest.",
        scope="methods:read",
        parameters=(USER_ID,),
        answers=(
            Answer(
                status=200, says="All of them.", schema="SavedMethodPage", examples={"One card": [answers.SAVED_CARD]}
            ),
        ),
    ),
    Operation(
        id="RemovePaymentMethod",
        method="delete",
        path="/payments/methods/{user_id}/{method_id}",
        tag="Payment methods",
        title="Forget a method",
        says="It pays for nothing new from here on.",
        scope="methods:write",
        parameters=(USER_ID, METHOD_ID),
        answers=(Answer(status=204, says="It is gone.", headers=("X-Read-After",)),),
    ),
    Operation(
        id="FindPaymentTypes",
        method="get",
        path="/payment/types",
        tag="Payment methods",
        title="List payment types",
        says="The ways to pay that are configured here, with currencies and limits (minor units).",
        scope="",
        answers=(
            Answer(
                status=200,
                says="What is configured.",
                schema="PaymentTypes",
                examples={"M-Pesa alone": [answers.MPESA_TYPE]},
            ),
        ),
    ),
)
