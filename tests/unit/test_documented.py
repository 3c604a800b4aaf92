"""What the documentation names exists, and what callers may meet is named."""

import re
from pathlib import Path

from adapters.http.problem_kinds import DECLINED, KINDS
from domain.evidence import Reason
from domain.status import Status
from entrypoints.settings import Settings

ROOT = Path(__file__).parents[2]
USING = (ROOT / "docs" / "using.md").read_text("utf-8")
OPERATING = (ROOT / "docs" / "operating.md").read_text("utf-8")
GUIDES = "\n".join(file.read_text("utf-8") for file in (ROOT / "docs").glob("*.md"))
SOURCE = "\n".join(file.read_text("utf-8") for file in (ROOT / "src").rglob("*.py"))


def section(text: str, title: str) -> str:
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_problem_type_is_listed_with_its_status() -> None:
    """
    A caller who meets a code finds it, and what to do.
    """
    listed = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", section(USING, "Errors"), re.MULTILINE)

    assert sorted(listed) == sorted({(kind.code, str(kind.status)) for kind in [*KINDS.values(), DECLINED]})


def test_every_status_and_reason_is_listed() -> None:
    """
    Shops decide by them.
    """
    statuses = section(USING, "What to do with each status")

    assert set(re.findall(r"^\| `([A-Z_]+)` \|", statuses, re.MULTILINE)) == set(Status)
    assert [reason for reason in Reason if f"`{reason}`" not in statuses] == []


def test_every_event_an_operator_should_know_exists() -> None:
    """
    Who searches the log for it finds it.
    """
    changes = {f"payment.{status.lower()}" for status in Status}
    named = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", section(OPERATING, "The log"))) - changes

    assert [event for event in named if f'"{event}"' not in SOURCE] == []


def test_every_variable_named_exists() -> None:
    """
    A renamed setting must not live on in a manual.
    """
    prefixes = (
        "APP|API|CORS|DOCS|DB|DATABASE|STRIPE|MPESA|JWT|ENCRYPTION|IDEMPOTENCY|INBOX|LEASE|CHECK|DUPLICATE|SANDBOX"
    )
    named = set(re.findall(rf"`((?:{prefixes})_[A-Z_]+)\b", GUIDES))

    assert named <= {name.upper() for name in Settings.__struct_fields__}
