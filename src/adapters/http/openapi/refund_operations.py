"""/refunds"""

from typing import Final

from adapters.http.openapi import answers
from adapters.http.openapi.examples import REFUNDS
from adapters.http.openapi.operation import Answer, Operation, Parameter
from adapters.http.openapi.parameters import (
    OF_PAGES,
    OPEN,
    PAGING,
    PERIOD_FILTERS,
    REFUND_ID,
    REPEATABLE,
    UUID_TEXT,
    WHOSE,
    a_page,
    a_single,
)
from domain.refund import RefundStatus

OPERATIONS: Final = (
    Operation(
        id="RefundPayment",
        method="post",
        path="/refunds",
        tag="Refunds",
        title="Give money back",
        says="All that is left, or `amount` of it. Never more goes back than was taken, however many ask at once.",
        scope="refunds:write",
        body="NewRefund",
        examples=REFUNDS,
        takes_key=True,
        reads_after=True,
        answers=(
            Answer(
                status=201,
                says="It is made; `status` says what became of it so far.",
                schema="RefundAnswer",
                headers=("Location", *REPEATABLE),
                examples={"Given back": answers.REFUNDED},
            ),
            Answer(
                status=202,
                says="The gateway's answer was lost: `UNKNOWN`, its amount stays reserved until we find out.",
                schema="RefundAnswer",
                headers=("Location", *OPEN),
                examples={"Lost": answers.REFUND_LOST},
            ),
        ),
        problems=(
            "not-found",
            "not-refundable",
            "payment-disputed",
            "receipt-pending",
            "refund-too-large",
            "partial-refund-unsupported",
            "conflict",
            "gateway-unavailable",
        ),
    ),
    Operation(
        id="ListRefunds",
        method="get",
        path="/refunds",
        tag="Refunds",
        title="List refunds",
        says="One's own, or everybody's for an admin; newest first.",
        scope="refunds:read",
        parameters=(
            WHOSE,
            Parameter(name="payment_id", says="Of this payment.", schema=UUID_TEXT),
            Parameter(name="status", says="In this status.", schema={"enum": list(RefundStatus)}),
            *PERIOD_FILTERS,
            *PAGING,
        ),
        reads_after=True,
        answers=a_page("RefundPage", answers.REFUNDED),
        problems=OF_PAGES,
    ),
    Operation(
        id="FindRefund",
        method="get",
        path="/refunds/{refund_id}",
        tag="Refunds",
        title="Look at a refund",
        says="As it is now.",
        scope="refunds:read",
        parameters=(REFUND_ID,),
        reads_after=True,
        answers=a_single("The refund.", "RefundAnswer", answers.REFUNDED),
    ),
)
