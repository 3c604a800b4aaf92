"""Stored answers: sealed under the key they belong to."""

import asyncpg

from adapters.encryption import Vault
from application.ports.payments import Answer, Key


def sealed_answer(answer: Answer | None, key: Key | None, vault: Vault) -> bytes | None:
    return vault.seal(answer.body, _of(key)) if answer and key else None


def answer_in(row: asyncpg.Record, key: Key, vault: Vault, *, status: str = "status") -> Answer | None:
    """
    The answer that a row of `idempotency_keys` holds; None where there is none yet.

    Raises:
        Unreadable: it cannot be decrypted.
    """
    return None if row["answer"] is None else Answer(row[status], vault.open(row["answer"], _of(key)))


def _of(key: Key) -> str:
    return f"answer:{key.caller}:{key.route}:{key.key}"
