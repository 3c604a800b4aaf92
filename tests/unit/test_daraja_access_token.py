"""The access token: fetched once, whoever asks for it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from adapters.daraja.access_token import AccessToken, Fetched, TokenUnavailable
from adapters.daraja.unshared_token import UnsharedToken
from application.ports.shared_token import Stored
from domain.errors import Unavailable
from tests.fakes import StandingClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIFE = timedelta(seconds=3599)


@dataclass
class Daraja:
    """Gives tokens out; each kills the one before."""

    life: timedelta = LIFE
    fetched: list[str] = field(default_factory=list)
    is_down: bool = False

    async def __call__(self) -> Fetched:
        await asyncio.sleep(0.001)
        if self.is_down:
            raise TokenUnavailable
        self.fetched.append(f"token-{len(self.fetched) + 1}")
        return Fetched(self.fetched[-1], self.life)


class DistantToken(UnsharedToken):
    """A store that lets others in between, as a database does."""

    async def read(self) -> Stored | None:
        await asyncio.sleep(0.001)
        return await super().read()

    async def claim(self, generation: int, hold_for: timedelta) -> bool:
        await asyncio.sleep(0.001)
        return await super().claim(generation, hold_for)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(NOON)


@pytest.fixture
def daraja() -> Daraja:
    return Daraja()


@pytest.fixture
def a_process(clock: StandingClock, daraja: Daraja) -> Callable[[], AccessToken]:
    shared = DistantToken()
    return lambda: AccessToken(fetch=daraja, shared=shared, clock=clock)


async def test_fifty_callers_in_two_processes_fetch_one_token(
    a_process: Callable[[], AccessToken], daraja: Daraja
) -> None:
    """
    Each fetch kills the token before it, so there is one flight, however many wait for it.
    """
    one, other = a_process(), a_process()

    tokens = await asyncio.gather(*(process.get() for process in (one, other) for _ in range(50)))

    assert set(tokens) == {"token-1"}
    assert daraja.fetched == ["token-1"]


async def test_fifty_callers_in_two_processes_renew_a_refused_token_once(
    a_process: Callable[[], AccessToken], daraja: Daraja
) -> None:
    """
    Everybody finds the same token refused at the same time; one of them fetches another.
    """
    one, other = a_process(), a_process()
    bad = await one.get()
    assert await other.get() == bad

    tokens = await asyncio.gather(*(process.renew(bad) for process in (one, other) for _ in range(50)))

    assert set(tokens) == {"token-2"}
    assert daraja.fetched == ["token-1", "token-2"]


async def test_a_late_complaint_about_an_old_token_renews_nothing(
    a_process: Callable[[], AccessToken], daraja: Daraja
) -> None:
    """
    Only the current token's refusal is a reason to fetch another.
    """
    process = a_process()
    bad = await process.get()
    await process.renew(bad)

    assert await process.renew(bad) == "token-2"
    assert daraja.fetched == ["token-1", "token-2"]


async def test_a_process_that_missed_a_renewal_takes_the_others_token(
    a_process: Callable[[], AccessToken], daraja: Daraja
) -> None:
    """
    What another process has fetched meanwhile is taken from the store, not fetched again.
    """
    one, other = a_process(), a_process()
    bad = await other.get()
    assert await one.get() == bad
    await one.renew(bad)

    assert await other.renew(bad) == "token-2"
    assert daraja.fetched == ["token-1", "token-2"]


async def test_a_token_is_replaced_a_minute_before_its_end(
    a_process: Callable[[], AccessToken], clock: StandingClock
) -> None:
    """
    A request takes time too: it must not outlive its token.
    """
    process = a_process()
    await process.get()

    clock.pass_(seconds=3599 - 61)
    assert await process.get() == "token-1"
    clock.pass_(seconds=1)
    assert await process.get() == "token-2"


async def test_a_token_with_a_short_life_is_used_for_half_of_it(
    a_process: Callable[[], AccessToken], daraja: Daraja, clock: StandingClock
) -> None:
    """
    A minute's margin on a token of a minute would fetch one for every request, each killing the last.
    """
    daraja.life = timedelta(seconds=10)
    process = a_process()
    await process.get()

    clock.pass_(seconds=4)
    assert await process.get() == "token-1"
    clock.pass_(seconds=1)
    assert await process.get() == "token-2"


async def test_a_caller_who_gives_up_does_not_end_the_flight(
    a_process: Callable[[], AccessToken], daraja: Daraja
) -> None:
    """
    The old token may be dead from the moment of asking: the answer must be caught.
    """
    process = a_process()
    impatient = asyncio.create_task(process.get())
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient

    assert await process.get() == "token-1"
    assert daraja.fetched == ["token-1"]


async def test_a_failed_fetch_is_told_to_all_who_wait_and_tried_again_by_the_next(
    a_process: Callable[[], AccessToken], daraja: Daraja
) -> None:
    """
    A failure gives the claim back at once: nobody waits for a holder who is through.
    """
    one, other = a_process(), a_process()
    daraja.is_down = True
    answers = await asyncio.gather(*(one.get() for _ in range(10)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [TokenUnavailable] * 10

    daraja.is_down = False
    assert await asyncio.wait_for(other.get(), 1) == "token-1"


async def test_who_dies_with_the_claim_holds_it_for_a_time_only(clock: StandingClock, daraja: Daraja) -> None:
    """
    The right to fetch is bounded: another process takes over.
    """
    shared = UnsharedToken()
    assert await shared.claim(0, timedelta(milliseconds=120))

    assert await AccessToken(fetch=daraja, shared=shared, clock=clock).get() == "token-1"


async def test_who_comes_back_from_the_dead_overwrites_nothing() -> None:
    """
    The same generation stored twice keeps the first: its claim was the living one.
    """
    shared = UnsharedToken()
    await shared.store("living", NOON, 1)

    await shared.store("late", NOON, 1)

    assert await shared.read() == Stored("living", NOON, 1)
    assert not await shared.claim(0, LIFE)


async def test_an_unreachable_store_is_no_reason_to_fetch(clock: StandingClock, daraja: Daraja) -> None:
    """
    A token fetched without the store would kill the one the others use.
    """

    class Down(UnsharedToken):
        async def read(self) -> Stored | None:
            raise Unavailable

    with pytest.raises(Unavailable):
        await AccessToken(fetch=daraja, shared=Down(), clock=clock).get()

    assert daraja.fetched == []


async def test_tokens_are_not_shown() -> None:
    """
    A token that is printed by accident is a token in a log.
    """
    assert "secret" not in repr(Stored("secret", NOON, 1)) + repr(Fetched("secret", LIFE))


async def test_closing_ends_a_flight(clock: StandingClock) -> None:
    """
    Nothing goes on in the background of a process that ends.
    """

    async def never() -> Fetched:
        await asyncio.Event().wait()
        raise AssertionError

    process = AccessToken(fetch=never, shared=UnsharedToken(), clock=clock)
    waiting = asyncio.create_task(process.get())
    await asyncio.sleep(0.01)

    await process.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting
