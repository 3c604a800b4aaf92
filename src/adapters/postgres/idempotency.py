"""Who used a key first, for requests that make no payment. Payments claim theirs in the step that opens them."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from adapters.encryption import Vault
from adapters.postgres.pools import Database
from application.ports.payments import Answer, Key
from domain.errors import KeyExpired, KeyInUse, KeyReused


class PostgresIdempotencyKeys:
    """
    Keeps the promises of `application.ports.idempotency.IdempotencyKeys` in PostgreSQL.

    While a request runs, its claim stands in the place of the payment's id; the lease counts from `created_at`.
    """

    def __init__(self, database: Database, vault: Vault, *, keys_kept_for: timedelta) -> None:
        self._database = database
        self._vault = vault
        self._keys_kept_for = keys_kept_for

    # Who crashed has neither an answer nor a lease: the next with the same body takes the key over.
    _CLAIM: Final = """
        INSERT INTO idempotency_keys AS mine (caller, route, key, fingerprint, payment_id, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (caller, route, key) DO UPDATE
               SET (payment_id, created_at) =
                   (SELECT CASE WHEN free THEN $5 ELSE mine.payment_id END,
                           CASE WHEN free THEN $6 ELSE mine.created_at END
                      FROM (SELECT mine.status IS NULL AND mine.fingerprint = $4
                                   AND mine.created_at <= $7 AND mine.created_at > $8) AS it (free))
        RETURNING payment_id, fingerprint, status, answer, created_at
    """

    async def claim(self, key: Key, claim: UUID, now: datetime, lease_for: timedelta) -> Answer | None:
        oldest = now - self._keys_kept_for
        row = await self._database.row(
            self._CLAIM, key.caller, key.route, key.key, key.fingerprint, claim, now, now - lease_for, oldest
        )
        if row is None or row["payment_id"] == claim:
            return None
        if row["created_at"] <= oldest:
            raise KeyExpired
        if row["fingerprint"] != key.fingerprint:
            raise KeyReused
        if row["answer"] is None:
            raise KeyInUse
        return Answer(row["status"], self._vault.open(row["answer"], _of(key)))

    _ANSWER: Final = """
        UPDATE idempotency_keys
           SET status = CASE WHEN payment_id = $4 THEN coalesce(status, $5) ELSE status END,
               answer = CASE WHEN payment_id = $4 THEN coalesce(answer, $6) ELSE answer END
         WHERE caller = $1 AND route = $2 AND key = $3
        RETURNING status, answer
    """

    async def answer(self, key: Key, claim: UUID, answer: Answer) -> Answer:
        sealed = self._vault.seal(answer.body, _of(key))
        row = await self._database.row(
            self._ANSWER, key.caller, key.route, key.key, claim, answer.status, sealed, urgent=True
        )
        if row is None or row["answer"] is None:
            return answer
        return Answer(row["status"], self._vault.open(row["answer"], _of(key)))

    _RELEASE: Final = """
        DELETE FROM idempotency_keys
         WHERE caller = $1 AND route = $2 AND key = $3 AND payment_id = $4 AND status IS NULL
    """

    async def release(self, key: Key, claim: UUID) -> None:
        await self._database.rows(self._RELEASE, key.caller, key.route, key.key, claim)


def _of(key: Key) -> str:
    return f"answer:{key.caller}:{key.route}:{key.key}"
