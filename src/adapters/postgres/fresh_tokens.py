"""Callback tokens for questions that are asked after a payment began, and the questions they belong to."""

from hashlib import sha256
from secrets import token_hex
from typing import Final
from uuid import UUID

from adapters.postgres.pools import Database
from application.ports.payments import Purpose
from domain.payment import ReferenceKind

_TOKEN_BYTES: Final = 32


class PostgresFreshTokens:
    """Only a token's hash is kept; the token is in the path we give away, and nowhere else."""

    def __init__(self, database: Database) -> None:
        self._database = database

    _ISSUE: Final = "INSERT INTO callback_tokens (token_hash, payment_id, refund_id, purpose) VALUES ($1, $2, $3, $4)"

    async def issue(self, payment_id: UUID, refund_id: UUID | None = None) -> str:
        token = token_hex(_TOKEN_BYTES)
        hashed = sha256(token.encode()).digest()
        await self._database.rows(self._ISSUE, hashed, payment_id, refund_id, Purpose.STATUS)
        return token

    _BIND: Final = """
        INSERT INTO gateway_references (kind, reference, payment_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
    """

    async def bind(self, payment_id: UUID, conversation_id: str) -> None:
        await self._database.rows(self._BIND, ReferenceKind.CONVERSATION, conversation_id, payment_id, urgent=True)
