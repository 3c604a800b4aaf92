"""What every keeper of saved methods must promise, whoever implements it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from application.ports.payment_methods import MOST, Draft, Leaving, PaymentMethods, UnkeptMethods
from domain.errors import TooManyMethods
from domain.saved_method import SavedMethod
from tests.builders import SOMEONE, SOMEONE_ELSE, a_phone, a_saved_card, now

A_MINUTE = timedelta(minutes=1)
LONG_AGO = -timedelta(minutes=1)


class Methods(PaymentMethods, UnkeptMethods, Protocol):
    """Both ports over the same tables."""


def blinded(text: str) -> bytes:
    return sha256(text.encode()).digest()


async def drafted(methods: Methods, token: str = "tok_1", user: UUID = SOMEONE, lease: timedelta = A_MINUTE) -> Draft:
    draft = await methods.begin(user, blinded(token), uuid7(), now() + lease)
    assert isinstance(draft, Draft)
    return draft


async def saved(methods: Methods, card: str = "visa", token: str | None = None, user: UUID = SOMEONE) -> UUID:
    """A card, saved as the use case saves it."""
    token = token or f"tok_{card}"
    draft = await drafted(methods, token, user)
    assert await methods.promise(draft, f"pm_{draft.id}")
    method = a_saved_card(id=draft.id, user_id=user, token=f"pm_{draft.id}")
    kept = await methods.keep(method, blinded(card), saved_by=blinded(token))
    assert kept
    return kept


async def saved_phone(methods: Methods, number: str = "254712345678", **facts: Any) -> UUID | None:
    method = SavedMethod(**({"id": uuid7(), "user_id": SOMEONE, "method": a_phone(number)} | facts))
    return await methods.keep(method, blinded(number))


async def ids(methods: Methods, user: UUID = SOMEONE) -> list[UUID]:
    return [one.id for one in await methods.of_user(user)]


class PaymentMethodsContract:
    """Subclasses give a fixture `methods`, empty."""

    # kept

    async def test_what_was_kept_is_found_whole(self, methods: Methods) -> None:
        """A card by its name and its customer, a phone by its number; dates and brand as they were told."""
        card = await saved(methods)
        phone = await saved_phone(methods)
        assert phone

        found = await methods.find(SOMEONE, card)
        assert found == a_saved_card(id=card, token=f"pm_{card}", is_default=True)
        found = await methods.find(SOMEONE, phone)
        assert found == SavedMethod(id=phone, user_id=SOMEONE, method=a_phone())

    async def test_what_is_another_users_is_not_found(self, methods: Methods) -> None:
        """Nor listed, nor removed, nor preferred."""
        card = await saved(methods)
        mine = await saved(methods, "visa", "tok_2", SOMEONE_ELSE)

        assert await methods.find(SOMEONE_ELSE, card) is None
        assert await ids(methods, SOMEONE_ELSE) == [mine]
        assert not await methods.remove(SOMEONE_ELSE, card, now())
        await methods.prefer(SOMEONE_ELSE, card)
        assert (await methods.of_user(SOMEONE_ELSE))[0].is_default

    async def test_the_same_phone_again_is_the_same_method(self, methods: Methods) -> None:
        """However many say so at once."""
        kept = await asyncio.gather(*(saved_phone(methods) for _ in range(20)))

        assert len(set(kept)) == 1
        assert await ids(methods) == [kept[0]]

    async def test_a_user_has_so_many_methods_and_no_more(self, methods: Methods) -> None:
        """A list has an end. What is kept already may be said again, and another user has room of their own."""
        numbers = [f"2547000001{n:02d}" for n in range(MOST)]
        for number in numbers:
            await saved_phone(methods, number)

        with pytest.raises(TooManyMethods):
            await saved_phone(methods, "254711111111")
        assert await saved_phone(methods, numbers[0])
        assert await saved_phone(methods, "254711111111", user_id=SOMEONE_ELSE)
        draft = await drafted(methods)
        await methods.promise(draft, "pm_1")
        with pytest.raises(TooManyMethods):
            await methods.keep(a_saved_card(id=draft.id, token="pm_1"), blinded("visa"), saved_by=blinded("tok_1"))
        assert await methods.take_due(now(), A_MINUTE, 5) == [Leaving(draft.id, "pm_1")]

    # the default

    async def test_the_first_is_the_default_until_another_is_said_to_be(self, methods: Methods) -> None:
        """The default stands first, then the newest."""
        first, second, third = [await saved(methods, card) for card in ("one", "two", "three")]
        assert await ids(methods) == [first, third, second]

        await methods.prefer(SOMEONE, second)

        assert await ids(methods) == [second, third, first]
        assert [one.is_default for one in await methods.of_user(SOMEONE)] == [True, False, False]
        found = await methods.find(SOMEONE, third)
        assert found
        assert not found.is_default

    async def test_who_removes_the_default_prefers_the_oldest_that_is_left(self, methods: Methods) -> None:
        """There is always one, where there is any."""
        first, second, third = [await saved(methods, card) for card in ("one", "two", "three")]
        await methods.prefer(SOMEONE, third)

        assert await methods.remove(SOMEONE, third, now())
        assert await ids(methods) == [first, second]
        assert await methods.remove(SOMEONE, first, now())
        assert [one.is_default for one in await methods.of_user(SOMEONE)] == [True]
        assert await ids(methods) == [second]

    async def test_of_many_who_prefer_at_once_one_prevails(self, methods: Methods) -> None:
        """Exactly one default, whatever the order, and also where some are removed meanwhile."""
        cards = [await saved(methods, f"card {n}") for n in range(10)]

        await asyncio.gather(
            *(methods.prefer(SOMEONE, card) for card in cards * 2),
            *(methods.remove(SOMEONE, card, now()) for card in cards[:3]),
        )

        told = await methods.of_user(SOMEONE)
        assert [one.is_default for one in told] == [True] + [False] * 6
        assert {one.id for one in told} == set(cards[3:])

    # removing

    async def test_what_is_removed_is_gone_at_once_and_due_to_be_detached(self, methods: Methods) -> None:
        """The gateway's name of it is remembered until it is detached there; a phone has none."""
        card, phone = await saved(methods), await saved_phone(methods)
        assert phone

        assert await methods.remove(SOMEONE, card, now())
        assert await methods.remove(SOMEONE, phone, now())

        assert not await methods.remove(SOMEONE, card, now())
        assert await methods.of_user(SOMEONE) == []
        assert await methods.take_due(now(), A_MINUTE, 5) == [Leaving(card, f"pm_{card}")]

    async def test_of_many_who_remove_at_once_one_has_removed_it(self, methods: Methods) -> None:
        """The others are told that there is none."""
        card = await saved(methods)

        removed = await asyncio.gather(*(methods.remove(SOMEONE, card, now()) for _ in range(10)))

        assert sorted(removed) == [False] * 9 + [True]

    # drafts

    async def test_the_same_token_goes_on_with_its_draft(self, methods: Methods) -> None:
        """So a repeated request makes its calls under the same keys; another token, or user, has a draft of its own."""
        first = await drafted(methods, "tok_1")

        assert await drafted(methods, "tok_1", lease=2 * A_MINUTE) == first
        assert (await drafted(methods, "tok_2")).id != first.id
        assert (await drafted(methods, "tok_1", SOMEONE_ELSE)).id != first.id

    async def test_of_many_twins_at_once_one_begins(self, methods: Methods) -> None:
        """They share the draft, and the first name that is told."""
        drafts = await asyncio.gather(*(drafted(methods) for _ in range(20)))
        names = await asyncio.gather(*(methods.promise(drafts[0], f"pm_{n}") for n in range(5)))

        assert len(set(drafts)) == 1
        assert len(set(names)) == 1

    async def test_a_token_that_has_saved_a_method_leads_to_it(self, methods: Methods) -> None:
        """A single-use token cannot be asked about again; after the method is gone it begins anew."""
        card = await saved(methods, token="tok_1")

        assert await methods.begin(SOMEONE, blinded("tok_1"), uuid7(), now()) == card
        assert await methods.recognise(SOMEONE, blinded("visa"), blinded("tok_2")) == card
        assert await methods.begin(SOMEONE, blinded("tok_2"), uuid7(), now()) == card
        await methods.remove(SOMEONE, card, now())
        assert await methods.recognise(SOMEONE, blinded("visa"), blinded("tok_2")) is None
        await drafted(methods, "tok_2")

    async def test_of_many_drafts_of_one_card_one_is_kept_and_the_others_are_detached(self, methods: Methods) -> None:
        """No duplicate, and nothing stays attached that is not kept."""
        drafts = [await drafted(methods, f"tok_{n}") for n in range(20)]
        await asyncio.gather(*(methods.promise(draft, f"pm_{draft.id}") for draft in drafts))

        kept = await asyncio.gather(
            *(
                methods.keep(
                    a_saved_card(id=draft.id, token=f"pm_{draft.id}"), blinded("visa"), saved_by=blinded(str(n))
                )
                for n, draft in enumerate(drafts)
            )
        )

        assert len(set(kept)) == 1
        assert await ids(methods) == [kept[0]]
        leaving = await methods.take_due(now() + 2 * A_MINUTE, A_MINUTE, 50)
        assert {one.name for one in leaving} == {f"pm_{draft.id}" for draft in drafts if draft.id != kept[0]}

    async def test_a_draft_whose_time_is_up_is_detached_and_not_kept(self, methods: Methods) -> None:
        """Who comes back from the dead keeps nothing that is being detached."""
        named, unnamed = (
            await drafted(methods, "tok_1", lease=LONG_AGO),
            await drafted(methods, "tok_2", lease=LONG_AGO),
        )
        await methods.promise(named, "pm_1")

        due = await methods.take_due(now(), A_MINUTE, 5)

        assert sorted(due, key=lambda one: one.id) == [Leaving(named.id, "pm_1"), Leaving(unnamed.id, None)]
        assert await methods.promise(named, "pm_2") is None
        late = await methods.keep(a_saved_card(id=named.id, token="pm_1"), blinded("visa"), saved_by=blinded("tok_1"))
        assert late is None
        assert await methods.of_user(SOMEONE) == []
        assert (await drafted(methods, "tok_1")).id != named.id

    async def test_keeping_and_detaching_at_once_do_one_of_both(self, methods: Methods) -> None:
        """A method that is kept is attached; one that is detached is not kept."""
        drafts = [await drafted(methods, f"tok_{n}", lease=LONG_AGO) for n in range(20)]
        for draft in drafts:
            await methods.promise(draft, f"pm_{draft.id}")

        *kept, leaving = await asyncio.gather(
            *(
                methods.keep(
                    a_saved_card(id=one.id, token=f"pm_{one.id}"),
                    blinded(str(one.id)),
                    saved_by=blinded(str(one.id)),
                )
                for one in drafts
            ),
            methods.take_due(now(), A_MINUTE, 50),
        )

        stay = {one for one in kept if one}
        go = {one.id for one in leaving if one.name}  # type: ignore[union-attr]  # the last is what is due
        assert not stay & go
        assert stay | go == {one.id for one in drafts}

    async def test_a_draft_that_is_forgotten_leaves_nothing_unless_it_has_a_name(self, methods: Methods) -> None:
        """Under its name a twin may have attached it."""
        nameless, named = [await drafted(methods, token, lease=LONG_AGO) for token in ("tok_1", "tok_2")]
        await methods.promise(named, "pm_2")

        await methods.forget(nameless)
        await methods.forget(named)

        assert await methods.take_due(now(), A_MINUTE, 5) == [Leaving(named.id, "pm_2")]

    async def test_what_somebody_keeps_is_never_detached_for_another(self, methods: Methods) -> None:
        """Who names another user's method in a request that is never ended does not take it away."""
        card = await saved(methods)
        draft = await drafted(methods, "tok_2", SOMEONE_ELSE, lease=LONG_AGO)
        await methods.promise(draft, f"pm_{card}")

        assert await methods.take_due(now(), A_MINUTE, 5) == [Leaving(draft.id, None)]

    async def test_what_is_due_is_taken_by_one_and_again_later_unless_it_has_left(self, methods: Methods) -> None:
        """A detaching that failed, or died, is done again."""
        for n in range(6):
            await methods.remove(SOMEONE, await saved(methods, str(n)), now())

        shares = await asyncio.gather(*(methods.take_due(now(), A_MINUTE, 2) for _ in range(5)))

        taken = [one for share in shares for one in share]
        assert len(taken) == len(set(taken)) == 6
        assert await methods.take_due(now(), A_MINUTE, 9) == []
        for one in taken[1:]:
            await methods.left(one.id)
        assert await methods.take_due(now() + 2 * A_MINUTE, A_MINUTE, 9) == taken[:1]

    # customers

    async def test_a_user_has_one_customer_for_ever(self, methods: Methods) -> None:
        """Whoever was first to say."""
        owned = await asyncio.gather(*(methods.own(SOMEONE, f"cus_{n}") for n in range(10)))

        assert len(set(owned)) == 1
        assert (await drafted(methods)).customer == owned[0]
        assert (await drafted(methods, user=SOMEONE_ELSE)).customer is None

    async def test_a_default_is_told_with_the_method_itself(self, methods: Methods) -> None:
        """Found alone or in the list, it is the same."""
        for card in ("one", "two"):
            await saved(methods, card)

        for one in await methods.of_user(SOMEONE):
            assert await methods.find(SOMEONE, one.id) == one
            assert replace(one, is_default=False) == a_saved_card(id=one.id, token=f"pm_{one.id}")
