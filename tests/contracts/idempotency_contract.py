"""What every keeper of keys must promise, whoever implements it."""

import asyncio
from datetime import timedelta

import pytest
from uuid_utils.compat import uuid7

from application.ports.idempotency import IdempotencyKeys
from application.ports.payments import Answer
from domain.errors import KeyExpired, KeyInUse, KeyReused
from tests.builders import a_key, now

A_MINUTE = timedelta(minutes=1)
TOLD = Answer(201, b'{"the": "answer"}')


class IdempotencyContract:
    """Subclasses give a fixture `keys`, empty, that keeps answers for 30 days."""

    async def test_a_key_is_claimed_by_one(self, keys: IdempotencyKeys) -> None:
        """All others are told to wait."""
        claims = await asyncio.gather(
            *(keys.claim(a_key(), uuid7(), now(), A_MINUTE) for _ in range(20)), return_exceptions=True
        )

        assert sum(claim is None for claim in claims) == 1
        assert sum(isinstance(claim, KeyInUse) for claim in claims) == 19

    async def test_the_first_answer_is_told_to_all(self, keys: IdempotencyKeys) -> None:
        """Byte for byte; also to who is slower with an answer of their own."""
        first, second = uuid7(), uuid7()
        await keys.claim(a_key(), first, now(), A_MINUTE)
        assert await keys.answer(a_key(), first, TOLD) == TOLD

        assert await keys.claim(a_key(), second, now(), A_MINUTE) == TOLD
        assert await keys.answer(a_key(), second, Answer(402, b"{}")) == TOLD
        await keys.release(a_key(), first)
        assert await keys.claim(a_key(), uuid7(), now(), A_MINUTE) == TOLD

    async def test_a_key_with_another_body_is_refused(self, keys: IdempotencyKeys) -> None:
        """Whether it has its answer or not."""
        claim = uuid7()
        await keys.claim(a_key(body="one"), claim, now(), A_MINUTE)
        for _ in range(2):
            with pytest.raises(KeyReused):
                await keys.claim(a_key(body="another"), uuid7(), now() + 2 * A_MINUTE, A_MINUTE)
            await keys.answer(a_key(body="one"), claim, TOLD)

    async def test_a_key_that_was_released_is_free(self, keys: IdempotencyKeys) -> None:
        """For any body; but only who claimed it can release it."""
        claim = uuid7()
        await keys.claim(a_key(), claim, now(), A_MINUTE)
        await keys.release(a_key(), uuid7())
        with pytest.raises(KeyInUse):
            await keys.claim(a_key(), uuid7(), now(), A_MINUTE)

        await keys.release(a_key(), claim)

        assert await keys.claim(a_key(body="another"), uuid7(), now(), A_MINUTE) is None

    async def test_who_crashed_is_followed_by_one_when_the_lease_is_over(self, keys: IdempotencyKeys) -> None:
        """And comes back from the dead with an answer that is nobody's: the follower's is the one that is kept."""
        dead, after = uuid7(), now() + 2 * A_MINUTE
        await keys.claim(a_key(), dead, now(), A_MINUTE)

        followers = [uuid7() for _ in range(10)]
        claims = await asyncio.gather(
            *(keys.claim(a_key(), one, after, A_MINUTE) for one in followers), return_exceptions=True
        )

        (alive,) = (one for one, claim in zip(followers, claims, strict=True) if claim is None)
        await keys.release(a_key(), dead)
        await keys.answer(a_key(), dead, Answer(201, b"late"))
        assert await keys.answer(a_key(), alive, TOLD) == TOLD
        assert await keys.claim(a_key(), uuid7(), after, A_MINUTE) == TOLD

    async def test_a_key_used_too_long_ago_is_expired(self, keys: IdempotencyKeys) -> None:
        """After its time a key is never an excuse for a second execution, answered or not."""
        long_ago = now() - timedelta(days=31)
        answered = uuid7()
        await keys.claim(a_key("one"), answered, long_ago, A_MINUTE)
        await keys.answer(a_key("one"), answered, TOLD)
        await keys.claim(a_key("two"), uuid7(), long_ago, A_MINUTE)

        for name in ("one", "two"):
            with pytest.raises(KeyExpired):
                await keys.claim(a_key(name), uuid7(), now(), A_MINUTE)

    async def test_keys_never_cross_callers(self, keys: IdempotencyKeys) -> None:
        """A key of another caller is another key."""
        await keys.claim(a_key(caller="one"), uuid7(), now(), A_MINUTE)

        assert await keys.claim(a_key(caller="another"), uuid7(), now(), A_MINUTE) is None
