"""The migration for lists, over a database that has payments already."""

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from adapters.postgres.connection import Connection
from adapters.postgres.migrate import FOLDER, migrate
from adapters.postgres.partitions import prepare
from domain.ids import born
from tests.builders import SOMEONE, SOMEONE_ELSE
from tests.databases import Database, connected

MONTHS = [datetime(2026, month, 1, 12, tzinfo=UTC) for month in (9, 10, 11)]
HASH = bytes(32)
AT = "2026-11-05T12:00:00.123Z"


def an_id(moment: datetime) -> UUID:
    return UUID(int=int(moment.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | 1)


async def a_database_from_before(owner: Connection, folder: Path) -> None:
    """A payment of somebody in each of three months, with two entries each; the last month has yet to be used."""
    (folder / "migrations").mkdir()
    for file in sorted((FOLDER / "migrations").glob("*.sql")):
        if file.name < "0009":
            shutil.copy(file, folder / "migrations")
    await migrate(owner, folder, app_role=None)
    await prepare(owner, today=date(2026, 9, 1), parents=("payments", "payment_history"))
    for moment, user in zip(MONTHS, (SOMEONE, SOMEONE_ELSE, SOMEONE), strict=True):
        await owner.execute(_PAYMENT, an_id(moment), moment, user, HASH)
        for seq in (1, 2):
            body = json.dumps({"at": AT, "seq": seq, "said": "é"}, ensure_ascii=False).encode()
            await owner.execute(_ENTRY, an_id(moment), moment, seq, body, HASH)


_PAYMENT = """
    INSERT INTO payments (id, created_at, updated_at, user_id, order_id, gateway, method, amount, currency,
                          capture_method, status, known, refs, private, history_head, version)
    VALUES ($1, $2, $2, $3, 'order_1', 'stripe', '{}', 1, 'USD', 'automatic', 'SUCCEEDED', '[]', '{}', '', $4, 2)
"""
_ENTRY = "INSERT INTO payment_history (payment_id, payment_created_at, seq, body, hash) VALUES ($1, $2, $3, $4, $5)"


async def test_what_was_there_is_listed_like_what_comes(blank_database: Database, tmp_path: Path) -> None:
    """Every entry knows whose it is and when it was written, in every month; nothing else of it has changed."""
    async with connected(blank_database.owner_dsn) as owner:
        await a_database_from_before(owner, tmp_path)
        before = await owner.fetch("SELECT payment_id, seq, body, hash FROM payment_history ORDER BY 1, 2")

        await migrate(owner, app_role=None)

        after = await owner.fetch("SELECT * FROM payment_history ORDER BY payment_id, seq")
    assert [tuple(row)[:1] + tuple(row)[2:5] for row in after] == [tuple(row) for row in before]
    assert [row["user_id"] for row in after] == [user for user in (SOMEONE, SOMEONE_ELSE, SOMEONE) for _ in range(2)]
    assert {row["at"] for row in after} == {datetime.fromisoformat(AT)}
    assert {born(row["payment_id"]) for row in after} == set(MONTHS)


async def test_history_is_append_only_again_in_every_month(blank_database: Database, tmp_path: Path) -> None:
    """The one that was opened for it is closed: of the whole, and of each partition, old or new."""
    async with connected(blank_database.owner_dsn) as owner:
        await a_database_from_before(owner, tmp_path)
        await migrate(owner, app_role=None)
        await prepare(owner, today=date(2027, 1, 1), parents=("payments", "payment_history"))
        await owner.execute(_PAYMENT, an_id(january := datetime(2027, 1, 1, tzinfo=UTC)), january, SOMEONE, HASH)
        await owner.execute(
            "INSERT INTO payment_history VALUES ($1, $2, 1, '', $3, $4, $2)", an_id(january), january, HASH, SOMEONE
        )
        names = [
            name
            for (name,) in await owner.fetch(
                "SELECT relname FROM pg_class WHERE relname ~ '^payment_hist' AND relkind IN ('r', 'p')"
            )
        ]

        assert len(names) > len(MONTHS) + 1
        for name in names:
            if not await owner.fetchval(f"SELECT EXISTS (SELECT FROM {name})"):  # noqa: S608 - our own tables
                continue
            for attempt in (f"UPDATE {name} SET seq = 7", f"DELETE FROM {name}"):  # noqa: S608
                with pytest.raises(asyncpg.RaiseError, match="append-only"):
                    await owner.execute(attempt)


async def test_months_of_before_and_after_have_the_same_indexes(blank_database: Database, tmp_path: Path) -> None:
    """A month that was made by hand of the old shape would be slow for ever, and nobody would know."""
    async with connected(blank_database.owner_dsn) as owner:
        await a_database_from_before(owner, tmp_path)
        await migrate(owner, app_role=None)
        await prepare(owner, today=date(2027, 1, 1), parents=("payments", "payment_history"))

        for parent in ("payments", "payment_history"):
            found = await owner.fetch(_INDEXES, parent)
            assert len(found) > len(MONTHS) + 1
            assert len({tuple(row["indexes"]) for row in found}) == 1


_INDEXES = """
    SELECT inhrelid::regclass::text AS month,
           (SELECT array_agg(split_part(pg_get_indexdef(indexrelid), ' USING ', 2) ORDER BY 1)
              FROM pg_index WHERE indrelid = inhrelid AND indisvalid) AS indexes
      FROM pg_inherits WHERE inhparent = to_regclass($1)
"""
