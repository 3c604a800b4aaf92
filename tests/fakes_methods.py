"""In-memory keepers of saved methods and keys, held to the contracts of the real ones; and a gateway that saves."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from application.ports.payment_methods import MOST, Draft, Leaving
from application.ports.payments import Answer, Key
from application.ports.saving_gateway import Described
from domain.errors import KeyExpired, KeyInUse, KeyReused, TooManyMethods
from domain.saved_method import SavedMethod


@dataclass
class Kept:
    method: SavedMethod
    likeness: bytes
    saved_by: bytes | None


@dataclass
class Unkept:
    user_id: UUID
    saved_by: bytes | None
    due_at: datetime
    name: str | None = None
    leaving: bool = False


@dataclass
class InMemoryMethods:
    """What `PaymentMethods` and `UnkeptMethods` promise, in dictionaries."""

    kept: dict[UUID, Kept] = field(default_factory=dict)
    unkept: dict[UUID, Unkept] = field(default_factory=dict)
    defaults: dict[UUID, UUID] = field(default_factory=dict)
    customers: dict[UUID, str] = field(default_factory=dict)

    async def keep(self, method: SavedMethod, likeness: bytes, *, saved_by: bytes | None = None) -> UUID | None:
        draft = self.unkept.get(method.id)
        if method.method.token is not None and (draft is None or draft.leaving):
            return None
        alike = self._alike(method.user_id, likeness)
        full = alike is None and len(self._of(method.user_id)) >= MOST
        if draft and (alike or full):
            draft.leaving, draft.saved_by, draft.due_at = True, None, method.created_at
        elif draft:
            del self.unkept[method.id]
        if full:
            raise TooManyMethods
        if alike is None:
            alike = self.kept[method.id] = Kept(method, likeness, saved_by)
        alike.saved_by = saved_by
        return alike.method.id

    async def recognise(self, user_id: UUID, likeness: bytes, saved_by: bytes) -> UUID | None:
        alike = self._alike(user_id, likeness)
        if alike is None:
            return None
        alike.saved_by = saved_by
        return alike.method.id

    async def prefer(self, user_id: UUID, method_id: UUID) -> None:
        if any(one.id == method_id for one in self._of(user_id)):
            self.defaults[user_id] = method_id

    async def find(self, user_id: UUID, method_id: UUID) -> SavedMethod | None:
        return next((one for one in await self.of_user(user_id) if one.id == method_id), None)

    async def of_user(self, user_id: UUID) -> list[SavedMethod]:
        oldest_first = self._of(user_id)
        if not oldest_first:
            return []
        default = self.defaults.get(user_id, oldest_first[0].id)
        told = [replace(one, is_default=one.id == default) for one in reversed(oldest_first)]
        return sorted(told, key=lambda one: not one.is_default)

    async def remove(self, user_id: UUID, method_id: UUID, now: datetime) -> bool:
        method = await self.find(user_id, method_id)
        if method is None:
            return False
        del self.kept[method_id]
        self.defaults = {user: default for user, default in self.defaults.items() if default != method_id}
        if method.method.token is not None:
            self.unkept[method_id] = Unkept(user_id, None, now, method.method.token, leaving=True)
        return True

    async def begin(self, user_id: UUID, saved_by: bytes, method_id: UUID, until: datetime) -> Draft | UUID:
        for kept in self.kept.values():
            if (kept.method.user_id, kept.saved_by) == (user_id, saved_by):
                return kept.method.id
        drafts = {one.saved_by: id_ for id_, one in self.unkept.items() if one.user_id == user_id}
        draft_id = drafts.get(saved_by, method_id)
        draft = self.unkept.setdefault(draft_id, Unkept(user_id, saved_by, until))
        return Draft(draft_id, draft.due_at, self.customers.get(user_id))

    async def own(self, user_id: UUID, customer: str) -> str:
        return self.customers.setdefault(user_id, customer)

    async def promise(self, draft: Draft, name: str) -> str | None:
        unkept = self.unkept.get(draft.id)
        if unkept is None or unkept.leaving:
            return None
        unkept.name = unkept.name or name
        return unkept.name

    async def forget(self, draft: Draft) -> None:
        unkept = self.unkept.get(draft.id)
        if unkept and unkept.name is None:
            del self.unkept[draft.id]

    async def take_due(self, now: datetime, again_after: timedelta, limit: int) -> list[Leaving]:
        kept = {one.method.method.token for one in self.kept.values()}
        due = sorted((id_ for id_, one in self.unkept.items() if one.due_at <= now), key=self._due)
        for id_ in due[:limit]:
            unkept = self.unkept[id_]
            unkept.leaving, unkept.saved_by, unkept.due_at = True, None, now + again_after
        return [Leaving(id_, None if (name := self.unkept[id_].name) in kept else name) for id_ in due[:limit]]

    async def left(self, method_id: UUID) -> None:
        self.unkept.pop(method_id, None)

    def _of(self, user_id: UUID) -> list[SavedMethod]:
        return sorted(
            (one.method for one in self.kept.values() if one.method.user_id == user_id), key=lambda one: one.id
        )

    def _alike(self, user_id: UUID, likeness: bytes) -> Kept | None:
        return next(
            (one for one in self.kept.values() if (one.method.user_id, one.likeness) == (user_id, likeness)), None
        )

    def _due(self, method_id: UUID) -> datetime:
        return self.unkept[method_id].due_at


@dataclass
class Claimed:
    key: Key
    claim: UUID
    at: datetime
    answer: Answer | None = None


@dataclass
class InMemoryKeys:
    """What `IdempotencyKeys` promises, in a dictionary."""

    keys_kept_for: timedelta = timedelta(days=30)
    keys: dict[tuple[str, str, str], Claimed] = field(default_factory=dict)

    async def claim(self, key: Key, claim: UUID, now: datetime, lease_for: timedelta) -> Answer | None:
        held = self.keys.get(_place(key))
        if held is None:
            self.keys[_place(key)] = Claimed(key, claim, now)
            return None
        if held.at <= now - self.keys_kept_for:
            raise KeyExpired
        if held.key.fingerprint != key.fingerprint:
            raise KeyReused
        if held.answer is not None:
            return held.answer
        if held.at > now - lease_for:
            raise KeyInUse
        held.claim, held.at = claim, now
        return None

    async def answer(self, key: Key, claim: UUID, answer: Answer) -> Answer:
        held = self.keys.get(_place(key))
        if held and held.claim == claim:
            held.answer = held.answer or answer
        return (held and held.answer) or answer

    async def release(self, key: Key, claim: UUID) -> None:
        held = self.keys.get(_place(key))
        if held and held.claim == claim and held.answer is None:
            del self.keys[_place(key)]


@dataclass
class FakeSaving:
    """
    A gateway that keeps cards. A token `tok_X` is of the card X; `troubles` are raised by the calls of that name, one
    by one.
    """

    total_timeout: timedelta = timedelta(seconds=10)
    attached: dict[str, str] = field(default_factory=dict)
    detached: list[str] = field(default_factory=list)
    made: dict[UUID, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    troubles: dict[str, list[Exception]] = field(default_factory=dict)
    owner: str | None = None

    async def customer(self, user_id: UUID) -> str:
        await self._called("customer")
        return f"cus_{user_id}"

    async def describe(self, method_id: UUID, token: str) -> Described:
        await self._called("describe")
        card = token.partition("_")[2]
        name = self.made.setdefault(method_id, f"pm_{len(self.made)}_{card}")
        return Described(
            name=name,
            brand="VISA",
            last4="4242",
            exp_month=12,
            exp_year=2034,
            fingerprint=f"print of {card.partition('_')[0]}",
            customer=self.owner,
        )

    async def attach(self, method_id: UUID, name: str, customer: str) -> None:
        await self._called("attach", after=lambda: self.attached.update({name: customer}))

    async def detach(self, name: str) -> None:
        await self._called("detach")
        self.attached.pop(name, None)
        self.detached.append(name)

    async def _called(self, call: str, after: object = None) -> None:
        self.calls.append(call)
        await asyncio.sleep(0)
        troubles = self.troubles.get(call, [])
        if callable(after):
            after()
        if troubles:
            raise troubles.pop(0)


def _place(key: Key) -> tuple[str, str, str]:
    return key.caller, key.route, key.key
