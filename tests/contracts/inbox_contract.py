"""What every inbox must promise, whoever implements it."""

import asyncio
from datetime import timedelta

from uuid_utils.compat import uuid7

from application.ports.inbox import Inbox, Message
from domain.payment_method import GatewayName
from tests.builders import now

HALF_A_MINUTE = timedelta(seconds=30)
BODY = b'{"id": "evt_1"}\xff\x00 whatever came'


def a_message(event_id: str = "evt_1", gateway: GatewayName = GatewayName.STRIPE) -> Message:
    return Message(uuid7(), gateway, event_id, BODY)


class InboxContract:
    """Subclasses give a fixture `inbox`, empty."""

    async def test_what_was_kept_is_taken_byte_for_byte(self, inbox: Inbox) -> None:
        """The bytes a gateway sent are the bytes we work on."""
        message = a_message()
        assert await inbox.keep(message)

        (taken,) = await inbox.take(now(), HALF_A_MINUTE, 10)

        assert (taken.id, taken.event_id, taken.body, taken.attempts) == (message.id, "evt_1", BODY, 1)

    async def test_the_same_event_is_kept_once(self, inbox: Inbox) -> None:
        """However often and however fast a gateway repeats itself."""
        kept = await asyncio.gather(*(inbox.keep(a_message()) for _ in range(50)))

        assert sum(kept) == 1
        assert await inbox.waiting() == 1

    async def test_events_of_two_gateways_do_not_meet(self, inbox: Inbox) -> None:
        """An event id is its gateway's own."""
        assert await inbox.keep(a_message(gateway=GatewayName.STRIPE))
        assert await inbox.keep(a_message(gateway=GatewayName.MPESA))

    async def test_each_message_is_taken_by_one(self, inbox: Inbox) -> None:
        """Workers that come at once share the messages."""
        for number in range(20):
            await inbox.keep(a_message(f"evt_{number}"))

        shares = await asyncio.gather(*(inbox.take(now(), HALF_A_MINUTE, 5) for _ in range(8)))

        taken = [message.id for share in shares for message in share]
        assert len(taken) == len(set(taken)) == 20

    async def test_a_message_whose_worker_died_comes_back(self, inbox: Inbox) -> None:
        """What was taken and never finished is taken again when the time is over."""
        await inbox.keep(a_message())
        await inbox.take(now(), HALF_A_MINUTE, 5)
        assert await inbox.take(now(), HALF_A_MINUTE, 5) == []

        (again,) = await inbox.take(now() + HALF_A_MINUTE, HALF_A_MINUTE, 5)

        assert again.attempts == 2

    async def test_done_is_done(self, inbox: Inbox) -> None:
        """A message is applied once."""
        message = a_message()
        await inbox.keep(message)
        await inbox.done(message, outcome="applied")

        assert await inbox.take(now() + HALF_A_MINUTE, HALF_A_MINUTE, 5) == []
        assert await inbox.waiting() == 0
        assert not await inbox.keep(a_message())

    async def test_what_came_too_early_waits_and_does_not_count(self, inbox: Inbox) -> None:
        """Coming early is no failure; failing is."""
        await inbox.keep(a_message())
        (early,) = await inbox.take(now(), HALF_A_MINUTE, 5)
        await inbox.later(early, at=now() + HALF_A_MINUTE, why="early", counts=False)
        assert await inbox.take(now(), HALF_A_MINUTE, 5) == []

        (failed,) = await inbox.take(now() + HALF_A_MINUTE, HALF_A_MINUTE, 5)
        assert failed.attempts == 1
        await inbox.later(failed, at=now(), why="failed", counts=True)
        (again,) = await inbox.take(now(), HALF_A_MINUTE, 5)
        assert again.attempts == 2

    async def test_the_parked_wait_for_a_person(self, inbox: Inbox) -> None:
        """A message given up stands in nobody's way, and is still there."""
        message = a_message()
        await inbox.keep(message)
        await inbox.park(message, why="cannot be read")

        assert await inbox.take(now() + HALF_A_MINUTE, HALF_A_MINUTE, 5) == []
        assert await inbox.waiting() == 0
