"""The whole walk: every topic in turn, and what came out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import httpx

from entrypoints.walk.beginning import CannotBegin, begin, claims
from entrypoints.walk.rows import Row
from entrypoints.walk.shop import MPESA, STRIPE, Shop
from entrypoints.walk.topics import (
    bad_input,
    cards,
    history,
    lists,
    methods,
    phones,
    reading,
    refunds,
    repeats,
    service,
    webhooks,
)
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import Lost

#: Longer than the slowest gateway call.
_ANSWERS_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Topic:
    """`gateway`: what it needs; None: any."""

    name: str
    walk: Callable[[Tour, Shop], Awaitable[None]]
    gateway: str | None = None


TOPICS: Final = (
    Topic("Health", service.health),
    Topic("Every answer", service.every_answer),
    Topic("Cards: paying", cards.paying, STRIPE),
    Topic("Cards: waiting for the customer", cards.waiting, STRIPE),
    Topic("Cards: holding and taking", cards.holding, STRIPE),
    Topic("M-Pesa: paying", phones.paying, MPESA),
    Topic("M-Pesa: waiting for the customer", phones.waiting, MPESA),
    Topic("Repeats: with a key", repeats.with_a_key),
    Topic("Repeats: of a decline", repeats.of_a_decline, STRIPE),
    Topic("Repeats: without a key", repeats.without_a_key),
    Topic("Repeats: on purpose", repeats.on_purpose, STRIPE),
    Topic("Refunds: of cards", refunds.of_cards, STRIPE),
    Topic("Refunds: of phones", refunds.of_phones, MPESA),
    Topic("Refunds: of nothing", refunds.of_nothing),
    Topic("Saved methods: cards", methods.cards, STRIPE),
    Topic("Saved methods: phones", methods.phones, MPESA),
    Topic("Saved methods: bad input", methods.bad_input),
    Topic("Lists: pages", lists.pages),
    Topic("Lists: filters", lists.filters),
    Topic("Lists: of others", lists.of_others),
    Topic("History: of a payment", history.of_a_payment),
    Topic("History: of a user", history.of_a_user),
    Topic("Reading again: a payment", reading.payments),
    Topic("Reading again: a refund", reading.refunds, STRIPE),
    Topic("Webhooks: forged", webhooks.forged),
    Topic("Webhooks: hints", webhooks.hints, MPESA),
    Topic("Bad input: fields", bad_input.fields),
    Topic("Bad input: bodies", bad_input.bodies),
    Topic("Bad input: addresses", bad_input.addresses),
    Topic("Bad input: callers", bad_input.callers),
    Topic("The contract", service.contract),
)


async def walk(url: str, token: str, tell: Callable[[Row], None]) -> list[Row]:
    """
    Every row. `tell` hears of each as it is found.

    Raises:
        CannotBegin: there is nothing to walk.
    """
    said = claims(token)
    try:
        base = httpx.URL(url)
    except httpx.InvalidURL as why:
        raise CannotBegin(f"that is no URL: {why}") from None
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=_ANSWERS_WITHIN_S) as http:
        tour = Tour(http, token, tell)
        shop = await begin(tour, said)
        for topic in TOPICS:
            tour.topic = topic.name
            if topic.gateway is not None and not shop.has(topic.gateway):
                tour.skip("all of it", f"{topic.gateway} is not configured there")
                continue
            try:
                await topic.walk(tour, shop)
            except Lost as why:
                tour.note("the rest of it", expected="to be walked", seen=f"not tried: {why}", ok=False)
            except Exception as error:  # noqa: BLE001 - a server that breaks its contract may answer anything
                tour.note("the rest of it", expected="to be walked", seen=f"not tried: {error!r}", ok=False)
    return tour.rows
