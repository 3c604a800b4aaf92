"""One access token for all processes, fetched by one of them at a time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.encryption import MasterKeys, Vault
from adapters.postgres import data_keys
from adapters.postgres.pools import Database
from adapters.postgres.shared_token import PostgresSharedToken
from application.ports.shared_token import Stored
from tests import databases
from tests.builders import now
from tests.fakes import StandingClock

HOLD = timedelta(seconds=5)
AN_HOUR = timedelta(hours=1)


@pytest.fixture
async def shared(database: databases.Database) -> AsyncIterator[PostgresSharedToken]:
    async with Database(database.dsn, wait=5.0) as pool:
        vault = Vault(await data_keys.load(pool, MasterKeys({"test": bytes(32)})))
        yield PostgresSharedToken(pool, vault, StandingClock(), name="daraja:test")


async def test_there_is_none_at_first(shared: PostgresSharedToken) -> None:
    """And whoever claims the first generation may fetch it."""
    assert await shared.read() is None
    assert await shared.claim(0, HOLD)
    assert await shared.read() is None


async def test_what_is_stored_is_read_by_all(shared: PostgresSharedToken) -> None:
    """With when it ends, and which generation it is."""
    expires_at = now() + AN_HOUR
    await shared.claim(0, HOLD)
    await shared.store("token-1", expires_at, 1)
    assert await shared.read() == Stored("token-1", expires_at, 1)


@pytest.mark.parametrize("generation", [0, 1])
async def test_of_many_who_claim_at_once_one_may_fetch(shared: PostgresSharedToken, generation: int) -> None:
    """Each fetch kills the token before it: two at once would kill each other's."""
    if generation:
        await shared.store("token-1", now(), 1)
    claims = await asyncio.gather(*(shared.claim(generation, HOLD) for _ in range(16)))
    assert sum(claims) == 1


async def test_a_claim_ends_with_its_time_or_with_the_token(shared: PostgresSharedToken) -> None:
    """Who died with it holds up nobody for long."""
    assert await shared.claim(0, HOLD)
    assert not await shared.claim(0, HOLD)
    shared._clock.pass_(seconds=6)  # type: ignore[attr-defined]
    assert await shared.claim(0, HOLD)
    await shared.store("token-1", now() + AN_HOUR, 1)
    assert not await shared.claim(0, HOLD)
    assert await shared.claim(1, HOLD)


async def test_who_comes_late_with_an_older_token_changes_nothing(shared: PostgresSharedToken) -> None:
    """The latest generation is the one that lives."""
    expires_at = now() + AN_HOUR
    await shared.store("token-2", expires_at, 2)
    await shared.store("token-1", expires_at, 1)
    await shared.store("another-2", expires_at, 2)
    assert await shared.read() == Stored("token-2", expires_at, 2)
