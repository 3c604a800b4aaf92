"""The data keys, wrapped by the master keys of the configuration."""

from os import urandom
from typing import Any, Final

from adapters.encryption import KEY_BYTES, DataKeys, MasterKeys
from adapters.postgres.pools import Database

_READ: Final = "SELECT id, purpose, wrapped_by, wrapped FROM data_keys ORDER BY id"

_MAKE: Final = "INSERT INTO data_keys (purpose, wrapped_by, wrapped) VALUES ($1, $2, $3)"


async def load(database: Database, master: MasterKeys) -> DataKeys:
    """
    The data keys; the first process to ask makes them.

    Raises:
        ValueError: a master key that wrapped one of them is missing or another one.
        Unavailable: the database cannot serve.
    """
    rows = await database.rows(_READ)
    if not rows:
        async with database.connection() as connection, connection.transaction():
            await connection.execute("LOCK TABLE data_keys IN SHARE ROW EXCLUSIVE MODE")  # one process makes them
            if not await connection.fetch(_READ):
                for purpose in ("seal", "blind"):
                    wrapped = master.wrap(urandom(KEY_BYTES), purpose)
                    await connection.execute(_MAKE, purpose, master.current, wrapped)
        rows = await database.rows(_READ)
    return DataKeys(
        seal={row["id"]: _unwrap(row, master) for row in rows if row["purpose"] == "seal"},
        blind=next(_unwrap(row, master) for row in rows if row["purpose"] == "blind"),
    )


def _unwrap(row: Any, master: MasterKeys) -> bytes:
    return master.unwrap(row["wrapped"], row["purpose"], row["wrapped_by"])
