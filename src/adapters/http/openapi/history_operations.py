"""/payment-history"""

from typing import Final

from adapters.http.openapi import answers
from adapters.http.openapi.examples import NOTES
from adapters.http.openapi.operation import Answer, Operation
from adapters.http.openapi.parameters import OF_PAGES, PAGING, PAYMENT_ID, PERIOD_FILTERS, REPEATABLE, USER_ID, a_page

OPERATIONS: Final = (
    Operation(
        id="FindHistory",
        method="get",
        path="/payment-history/{payment_id}",
        tag="History",
        title="The story of a payment",
        says="Oldest first, with who moved it, on what evidence, and the hashes that prove it whole.",
        scope="payments:read",
        parameters=(PAYMENT_ID,),
        reads_after=True,
        answers=(
            Answer(
                status=200,
                says="The whole story.",
                schema="Story",
                examples={"How one began": [{**answers.ENTRY, "seq": 1, "was": None, "previous_hash": "00" * 32}]},
            ),
        ),
    ),
    Operation(
        id="ListHistoryOfUser",
        method="get",
        path="/payment-history/user/{user_id}",
        tag="History",
        title="What happened to a user's payments",
        says="Newest first.",
        scope="payments:read",
        parameters=(USER_ID, *PERIOD_FILTERS, *PAGING),
        reads_after=True,
        answers=a_page("HistoryPage", answers.NOTE, answers.ENTRY),
        problems=OF_PAGES,
    ),
    Operation(
        id="AddNote",
        method="post",
        path="/payment-history",
        tag="History",
        title="Add a note",
        says="A remark in the story of a payment. It can never state or change a status.",
        scope="history:write",
        body="NewNote",
        examples=NOTES,
        takes_key=True,
        reads_after=True,
        answers=(
            Answer(
                status=201,
                says="It is written.",
                schema="NoteAnswer",
                headers=("Location", *REPEATABLE),
                examples={"A note": answers.NOTE},
            ),
        ),
        problems=("not-found", "conflict"),
    ),
)
