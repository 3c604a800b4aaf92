"""Daraja's access token in one row: each that is fetched ends the one before, so all processes use the same."""

from datetime import datetime, timedelta
from typing import Final

from adapters.encryption import Vault
from adapters.postgres.pools import Database
from application.ports.platform import Clock
from application.ports.shared_token import Stored


class PostgresSharedToken:
    """Keeps the promises of `application.ports.shared_token.SharedToken`; `name` tells accounts apart."""

    def __init__(self, database: Database, vault: Vault, clock: Clock, *, name: str) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._name = name

    _READ: Final = """
        SELECT token, expires_at, generation FROM shared_tokens WHERE name = $1 AND token IS NOT NULL
    """

    async def read(self) -> Stored | None:
        row = await self._database.row(self._READ, self._name)
        if row is None:
            return None
        token = self._vault.open(row["token"], f"token:{self._name}").decode()
        return Stored(token, row["expires_at"], row["generation"])

    _CLAIM: Final = """
        INSERT INTO shared_tokens AS mine (name, held_until) SELECT $1, $4 WHERE $2 = 0
            ON CONFLICT (name) DO UPDATE SET held_until = excluded.held_until
                WHERE mine.generation = 0 AND mine.held_until <= $3
        RETURNING name
    """
    _CLAIM_NEXT: Final = """
        UPDATE shared_tokens SET held_until = $4 WHERE name = $1 AND generation = $2 AND held_until <= $3
        RETURNING name
    """

    async def claim(self, generation: int, hold_for: timedelta) -> bool:
        now = self._clock.now()
        statement = self._CLAIM_NEXT if generation else self._CLAIM
        return bool(await self._database.rows(statement, self._name, generation, now, now + hold_for))

    _STORE: Final = """
        INSERT INTO shared_tokens AS mine (name, token, expires_at, generation) VALUES ($1, $2, $3, $4)
            ON CONFLICT (name) DO UPDATE
               SET token = excluded.token, expires_at = excluded.expires_at, generation = excluded.generation,
                   held_until = '-infinity'
             WHERE mine.generation < excluded.generation
    """

    async def store(self, token: str, expires_at: datetime, generation: int) -> None:
        sealed = self._vault.seal(token.encode(), f"token:{self._name}")
        await self._database.rows(self._STORE, self._name, sealed, expires_at, generation)
