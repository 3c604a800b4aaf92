"""What people remark about a payment: sealed inside its history, which holds nothing personal in plain."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from application.ports.platform import Sealer
from domain.errors import Unavailable
from domain.history import Entry, Note

#: A quote inside a text would be escaped: only the key itself looks like this in an entry's body.
_MARK: Final = b'"sealed_note":'


def seal(note: Note, payment_id: UUID, sealer: Sealer) -> str:
    """As it stands in the entry (base64)."""
    plain = json.dumps({"text": note.text, "metadata": dict(note.metadata)}, ensure_ascii=False).encode()
    return b64encode(sealer.seal(plain, _about(payment_id))).decode()


def read(entry: Entry, sealer: Sealer) -> Note | None:
    """The note of an entry, if it holds one that can be opened. What was altered is told as it stands there, sealed."""
    if _MARK not in entry.body:
        return None
    try:
        sealed = b64decode(json.loads(entry.body)["sealed_note"])
        return Note(**json.loads(sealer.open(sealed, _about(entry.payment_id))))
    except (Unavailable, ValueError):
        return None


def read_all(entries: Iterable[Entry], sealer: Sealer) -> dict[int, Note]:
    """The notes among a payment's entries, by seq."""
    notes = ((entry.seq, read(entry, sealer)) for entry in entries)
    return {seq: note for seq, note in notes if note is not None}


def _about(payment_id: UUID) -> str:
    return f"note:{payment_id}"
