"""Keeping a card, a wallet or a phone, and forgetting it again."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

import pytest

from application.answer_once import OnceAnswered
from application.ports.gateway import NothingSent
from application.ports.payments import Answer, Key
from application.save_payment_method import SaveRequest
from domain.errors import (
    Fault,
    InDoubt,
    Invalid,
    KeyInUse,
    KeyReused,
    MethodDeclined,
    NotFound,
    Unavailable,
)
from domain.payment_method import MethodType, PaymentMethod
from tests.builders import SOMEONE, SOMEONE_ELSE, a_key, a_phone
from tests.worlds import World, given


def asks(token: str = "tok_visa", **facts: Any) -> SaveRequest:
    card = PaymentMethod(type=MethodType.CARD, token=token)
    return SaveRequest(**{"user_id": SOMEONE, "method": card, "request_id": "req-1"} | facts)


def told(answered: OnceAnswered) -> tuple[UUID, bool]:
    """The id of the method, and whether it is the default."""
    assert answered.answer.status == 201
    method_id, is_default, _ = json.loads(answered.answer.body)
    return UUID(method_id), is_default


async def fault(answer: Awaitable[object]) -> str:
    with pytest.raises(Invalid) as refused:
        await answer
    (one,) = refused.value.faults
    return one.field


async def nothing_is_left(world: World) -> bool:
    """Whatever is attached is kept, once everything is detached that is due."""
    world.clock.pass_(minutes=10)
    while await world.detach_methods.execute():
        pass
    return set(world.saving.attached) == {one.method.method.token for one in world.methods.kept.values()}


class TestSaving:
    async def test_a_card_is_attached_to_its_owners_customer_and_kept_without_its_number(self) -> None:
        """What is kept is what people recognise it by, and the gateway's name for it."""
        world = given()

        method_id, is_default = told(await world.save_method.execute(asks()))

        saved = await world.methods.find(SOMEONE, method_id)
        assert saved
        assert (saved.method.brand, saved.method.last4, saved.exp_month, saved.exp_year) == ("VISA", "4242", 12, 2034)
        assert world.saving.attached == {saved.method.token: f"cus_{SOMEONE}"}
        assert saved.method.customer == f"cus_{SOMEONE}"
        assert is_default

    async def test_a_phone_is_kept_in_its_one_spelling_and_no_gateway_asked(self) -> None:
        """0712… and +254712… are one phone."""
        world = given()

        first = await world.save_method.execute(asks(method=a_phone("0712345678")))
        again = await world.save_method.execute(asks(method=a_phone("+254712345678")))

        assert told(first) == told(again)
        (saved,) = await world.methods.of_user(SOMEONE)
        assert saved.method.phone == "254712345678"
        assert world.saving.calls == []

    async def test_the_same_card_again_is_the_same_method_and_attached_once(self) -> None:
        """By whichever token it comes; another user's is another method."""
        world = given()

        first = told(await world.save_method.execute(asks("tok_visa_1")))
        again = told(await world.save_method.execute(asks("tok_visa_2")))
        another = told(await world.save_method.execute(asks("tok_visa_3", user_id=SOMEONE_ELSE)))

        assert first == again
        assert another[0] != first[0]
        assert world.saving.calls.count("attach") == 2
        assert await nothing_is_left(world)

    async def test_a_wallet_and_a_card_are_two_methods(self) -> None:
        """Even where the gateway sees the same account behind both."""
        world = given()
        wallet = PaymentMethod(type=MethodType.WALLET, token="tok_visa_2")

        card_id, _ = told(await world.save_method.execute(asks()))
        world.clock.pass_(seconds=1)
        wallet_id, is_default = told(await world.save_method.execute(asks(method=wallet)))

        assert card_id != wallet_id
        assert not is_default

    async def test_of_many_that_save_the_same_card_at_once_one_is_kept(self) -> None:
        """Twins with the same token, and with others: one method, and nothing else stays attached."""
        world = given()
        tokens = [f"tok_visa_{n % 5}" for n in range(20)]

        answers = await asyncio.gather(*(world.save_method.execute(asks(token)) for token in tokens))

        assert len({told(answer)[0] for answer in answers}) == 1
        assert len(world.methods.kept) == 1
        assert await nothing_is_left(world)

    async def test_a_twin_that_finds_the_card_kept_by_another_loses_nothing_of_the_first(self) -> None:
        """The first is attaching still: what it attaches is detached, though its twin needs it no more."""
        world = given()
        attach, go_on = world.saving.attach, asyncio.Event()

        async def slow(method_id: UUID, name: str, customer: str) -> None:
            if name.endswith("visa_1"):
                await go_on.wait()
            await attach(method_id, name, customer)

        world.saving.attach = slow  # type: ignore[method-assign]
        first = asyncio.create_task(world.save_method.execute(asks("tok_visa_1")))
        other = told(await world.save_method.execute(asks("tok_visa_2")))
        twin = told(await world.save_method.execute(asks("tok_visa_1")))
        go_on.set()

        assert told(await first) == other == twin
        assert len(world.saving.attached) == 2
        assert await nothing_is_left(world)

    async def test_a_new_default_takes_over(self) -> None:
        """Also one that was saved before."""
        world = given()
        first, _ = told(await world.save_method.execute(asks("tok_visa")))
        second, _ = told(await world.save_method.execute(asks("tok_amex", is_default=True)))
        assert [one.id for one in await world.methods.of_user(SOMEONE) if one.is_default] == [second]

        assert told(await world.save_method.execute(asks("tok_visa", is_default=True))) == (first, True)

        assert [one.id for one in await world.methods.of_user(SOMEONE) if one.is_default] == [first]

    async def test_a_bank_transfer_cannot_be_saved(self) -> None:
        """Nor what is none of ours, nor what a gateway would take that is not configured."""
        world = given()
        transfer = PaymentMethod(type=MethodType.BANK_TRANSFER, country="DE")
        both = PaymentMethod(type=MethodType.MPESA, phone="0712345678", token="tok_visa")
        assert await fault(world.save_method.execute(asks(method=transfer))) == "type"
        assert await fault(world.save_method.execute(asks(method=both))) == "token"
        assert await fault(world.save_method.execute(asks("4242424242424242"))) == "token"
        world.save_method._gateways = {}
        assert await fault(world.save_method.execute(asks())) == "type"
        assert not world.methods.kept


class TestTrouble:
    @pytest.mark.parametrize("call", ["describe", "customer", "attach"])
    @pytest.mark.parametrize("trouble", [InDoubt(), NothingSent()], ids=["lost", "not sent"])
    async def test_a_lost_answer_is_told_and_the_same_request_goes_on(self, call: str, trouble: Exception) -> None:
        """The same names, so the same calls: one method, attached once, and no key is occupied."""
        world = given()
        world.saving.troubles = {call: [trouble]}
        with pytest.raises(type(trouble)):
            await world.save_method.execute(asks(key=a_key()))

        method_id, _ = told(await world.save_method.execute(asks(key=a_key())))

        assert list(world.saving.made) == [method_id]
        assert len(world.saving.attached) == 1
        assert await nothing_is_left(world)

    async def test_what_was_attached_and_never_asked_about_again_is_detached(self) -> None:
        """A crash, or a customer who has gone: nothing stays attached that nobody keeps."""
        world = given()
        world.saving.troubles = {"attach": [InDoubt()]}
        with pytest.raises(InDoubt):
            await world.save_method.execute(asks())
        assert len(world.saving.attached) == 1

        world.clock.pass_(seconds=59)
        await world.detach_methods.execute()
        assert len(world.saving.attached) == 1
        world.clock.pass_(seconds=1)
        await world.detach_methods.execute()

        assert world.saving.attached == {}
        assert world.methods.unkept == {}

    async def test_who_is_too_slow_attaches_nothing(self) -> None:
        """What is about to be detached is not attached any more."""
        world = given()
        describe = world.saving.describe

        async def slow(method_id: UUID, token: str) -> object:
            world.clock.pass_(seconds=51)
            return await describe(method_id, token)

        world.saving.describe = slow  # type: ignore[assignment, method-assign]
        with pytest.raises(InDoubt):
            await world.save_method.execute(asks())

        assert "attach" not in world.saving.calls

    async def test_who_comes_back_from_the_dead_keeps_nothing(self) -> None:
        """While it attached, its time was up and the worker detached."""
        world = given()
        attach = world.saving.attach

        async def overtaken(method_id: UUID, name: str, customer: str) -> None:
            await attach(method_id, name, customer)
            world.clock.pass_(seconds=61)
            await world.detach_methods.execute()

        world.saving.attach = overtaken  # type: ignore[method-assign]
        with pytest.raises(InDoubt):
            await world.save_method.execute(asks())

        assert world.methods.kept == {}
        assert world.saving.attached == {}

    async def test_a_decline_is_an_answer_and_leaves_nothing(self) -> None:
        """402, stored and repeated like any other."""
        world = given()
        world.saving.troubles = {"attach": [MethodDeclined("insufficient_funds")]}

        first = await world.save_method.execute(asks(key=a_key()))
        again = await world.save_method.execute(asks(key=a_key()))

        assert first.answer == Answer(402, b'["insufficient_funds", "req-1"]')
        assert again == OnceAnswered(first.answer, replayed=True)
        assert world.methods.kept == {}
        assert await nothing_is_left(world)

    async def test_a_token_that_is_none_is_a_fault_and_occupies_no_key(self) -> None:
        """The same key may come with the right token."""
        world = given()
        world.saving.troubles = {"describe": [Invalid(Fault("token", "is none"))]}
        assert await fault(world.save_method.execute(asks(key=a_key(body="wrong")))) == "token"

        assert told(await world.save_method.execute(asks(key=a_key(body="right"))))
        assert world.methods.unkept == {}

    async def test_a_method_of_another_customer_is_not_touched(self) -> None:
        """Whoever knows its name cannot have it."""
        world = given()
        world.saving.owner = "cus_of_somebody_else"

        assert await fault(world.save_method.execute(asks("pm_visa"))) == "token"

        assert world.saving.attached == {}
        assert world.methods.unkept == {}


class TestRepeating:
    async def test_the_same_key_gets_the_first_answer_byte_for_byte(self) -> None:
        """Also when the method is gone again."""
        world = given()
        first = await world.save_method.execute(asks(key=a_key()))
        await world.remove_method.execute(SOMEONE, told(first)[0])

        again = await world.save_method.execute(asks(key=a_key(), request_id="req-2"))

        assert again == OnceAnswered(first.answer, replayed=True)
        assert world.methods.kept == {}

    async def test_another_body_under_the_same_key_is_refused(self) -> None:
        """It is another request."""
        world = given()
        await world.save_method.execute(asks(key=a_key()))
        with pytest.raises(KeyReused):
            await world.save_method.execute(asks("tok_amex", key=a_key(body="another")))

    async def test_while_the_first_runs_its_twin_is_told_to_wait(self) -> None:
        """One of them asks the gateway."""
        world = given()
        answers = await asyncio.gather(
            *(world.save_method.execute(asks(key=a_key())) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(answer, OnceAnswered) for answer in answers) == 1
        assert sum(isinstance(answer, KeyInUse) for answer in answers) == 4

    async def test_after_a_crash_before_the_answer_a_repeat_finds_the_method(self) -> None:
        """A single-use token is spent by then: it is recognised, not asked about."""
        world = given()

        async def crash(key: Key, claim: UUID, answer: Answer) -> Answer:
            raise asyncio.CancelledError

        keys = world.save_method._answer_once._keys
        keys.answer = crash  # type: ignore[method-assign]
        with pytest.raises(asyncio.CancelledError):
            await world.save_method.execute(asks(key=a_key()))
        del keys.answer  # type: ignore[attr-defined]
        with pytest.raises(KeyInUse):
            await world.save_method.execute(asks(key=a_key()))
        world.clock.pass_(seconds=60)
        world.saving.troubles = {"describe": [Invalid(Fault("token", "was used"))]}

        method_id, _ = told(await world.save_method.execute(asks(key=a_key())))

        assert list(world.methods.kept) == [method_id]

    async def test_an_answer_that_cannot_be_stored_is_told_all_the_same(self) -> None:
        """It is done; a repeat will find it."""
        world = given()

        async def away(key: Key, claim: UUID, answer: Answer) -> Answer:
            raise Unavailable

        world.save_method._answer_once._keys.answer = away  # type: ignore[method-assign]

        assert told(await world.save_method.execute(asks(key=a_key())))


class TestRemoving:
    async def test_it_is_gone_at_once_and_detached_soon_after(self) -> None:
        """A second time there is nothing to remove."""
        world = given()
        method_id, _ = told(await world.save_method.execute(asks()))

        await world.remove_method.execute(SOMEONE, method_id)

        assert world.methods.kept == {}
        with pytest.raises(NotFound):
            await world.remove_method.execute(SOMEONE, method_id)
        await world.detach_methods.execute()
        assert world.saving.attached == {}
        assert len(world.saving.detached) == 1

    async def test_it_is_detached_again_until_it_surely_is(self) -> None:
        """A lost answer, or a crash before it was noted: asked again after a while, however often."""
        world = given()
        method_id, _ = told(await world.save_method.execute(asks()))
        await world.remove_method.execute(SOMEONE, method_id)
        world.saving.troubles = {"detach": [InDoubt(), NothingSent()]}
        for _ in range(2):
            await world.detach_methods.execute()
            await world.detach_methods.execute()
            world.clock.pass_(seconds=60)
        assert len(world.saving.attached) == 1

        await world.detach_methods.execute()

        assert world.saving.attached == {}
        assert world.methods.unkept == {}

    async def test_another_users_is_not_found(self) -> None:
        """It stays."""
        world = given()
        method_id, _ = told(await world.save_method.execute(asks()))
        with pytest.raises(NotFound):
            await world.remove_method.execute(SOMEONE_ELSE, method_id)
        assert world.methods.kept

    async def test_saved_again_it_is_another_method(self) -> None:
        """What was detached can never be used again; the same card is attached anew."""
        world = given()
        first, _ = told(await world.save_method.execute(asks()))
        await world.remove_method.execute(SOMEONE, first)

        second, _ = told(await world.save_method.execute(asks()))

        assert second != first
        assert await nothing_is_left(world)

    async def test_where_no_gateway_saves_there_is_nothing_to_detach(self) -> None:
        """M-Pesa alone is a configuration too: phones are kept, cards are refused."""
        world = given()
        world.detach_methods._saving = world.save_method._saving = None

        assert not await world.detach_methods.execute()
        assert await fault(world.save_method.execute(asks())) == "type"
        assert told(await world.save_method.execute(asks(method=a_phone())))
