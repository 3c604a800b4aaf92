"""What a payment and a refund may become: drawn, and as a table."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from html import escape
from typing import Final

from adapters.docs_site.diagram import Group, Plan, Table
from adapters.docs_site.drawing import drawn
from adapters.docs_site.layout import Heading, framed
from adapters.docs_site.markdown import inline, table
from adapters.docs_site.page import Page
from domain.refund import REFUND_TRANSITIONS, RefundStatus
from domain.status import TRANSITIONS, Status

PATH: Final = "/states"
_S = Status
_R = RefundStatus

PAYMENT: Final = Plan(
    title="What a payment may become",
    start=_S.PROCESSING,
    columns=(
        Group("Open", "open", (_S.PROCESSING, _S.REQUIRES_ACTION, _S.UNKNOWN)),
        Group("Held", "held", (_S.AUTHORIZED,)),
        Group("Not paid", "unpaid", (_S.FAILED, _S.CANCELLED, _S.EXPIRED)),
        Group("Paid", "paid", (_S.SUCCEEDED,)),
    ),
    bar=Group("A person looks at it", "review", (_S.REVIEW,)),
    labels={
        ("Open", "Held"): "money held",
        ("Open", "Not paid"): "definite: nothing taken",
        ("Open", "Paid"): "money taken",
        ("Held", _S.UNKNOWN): "answer lost",
        ("Held", _S.CANCELLED): "released",
        ("Held", _S.EXPIRED): "lapsed",
        ("Held", "Paid"): "captured",
        ("Not paid", "Paid"): "late success",
        ("Open", "A person looks at it"): "contradiction, or no truth",
        ("Held", "A person looks at it"): "contradiction",
        ("Not paid", "A person looks at it"): "contradiction",
        ("Paid", "A person looks at it"): "contradiction",
    },
)

REFUND: Final = Plan(
    title="What a refund may become",
    start=_R.PROCESSING,
    columns=(
        Group("Open", "open", (_R.PROCESSING, _R.UNKNOWN)),
        Group("Not given back", "unpaid", (_R.FAILED, _R.CANCELLED)),
        Group("Given back", "paid", (_R.SUCCEEDED,)),
    ),
    bar=Group("A person looks at it", "review", (_R.REVIEW,)),
    labels={
        ("Open", "Not given back"): "stays here",
        ("Open", "Given back"): "money given back",
        ("Not given back", "Given back"): "late success",
        ("Given back", _R.FAILED): "came back",
        ("Open", "A person looks at it"): "contradiction, or no truth",
        ("Not given back", "A person looks at it"): "contradiction",
        ("Given back", "A person looks at it"): "contradiction",
    },
)

_LEAD: Final = (
    "<h1>States</h1><p>Drawn from the tables that the code goes by. An arrow at the edge of a group is meant for every "
    "status in it. Only evidence moves a payment or a refund, and nothing is guessed: what is not known is "
    "<code>UNKNOWN</code>.</p>"
)


def states_page(using: str) -> Page:
    """
    `using` is `docs/using.md`, which says what each status means.

    Raises:
        KeyError: nobody wrote about one of them.
        ValueError: its tables are not where they were.
    """
    payment_words = _words(table(using, "What to do with each status", "Status"))
    refund_words = _words(table(using, "Give money back", "A refund's `status`"))
    parts: tuple[tuple[str, Plan, Table, Mapping[str, str]], ...] = (
        ("payment", PAYMENT, TRANSITIONS, payment_words),
        ("refund", REFUND, REFUND_TRANSITIONS, refund_words),
    )
    body = [_LEAD]
    headings = []
    for name, plan, transitions, words in parts:
        heading = Heading(2, f"Of a {name}", name)
        headings.append(heading)
        body.append(f'<h2 id="{heading.anchor}">{heading.html}</h2>')
        body.append(
            f'<div class="drawing" role="region" aria-label="{escape(plan.title)}" tabindex="0">'
            f"{drawn(plan, transitions, name)}</div>"
        )
        body.append(_as_table(plan, transitions, words))
    return framed("States", "\n".join(body), here=PATH, headings=headings, wide=True)


def _words(rows: list[list[str]]) -> dict[str, str]:
    return {row[0].strip("`"): row[1] for row in rows}


def _as_table(plan: Plan, transitions: Table, words: Mapping[str, str]) -> str:
    rows = "".join(
        f'<tr><th scope="row"><span class="badge {group.kind}">{status}</span></th><td>{inline(words[status])}</td>'
        f"<td>{_targets(plan, transitions[status])}</td></tr>"
        for group in plan.groups
        for status in group.statuses
    )
    return (
        f'<div class="table" role="region" aria-label="{escape(plan.title)}, as a table" tabindex="0"><table>'
        f"<thead><tr><th>Status</th><th>Means</th><th>May become</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _targets(plan: Plan, targets: AbstractSet[str]) -> str:
    ordered = [status for group in plan.groups for status in group.statuses if status in targets]
    return " ".join(f"<code>{status}</code>" for status in ordered)
