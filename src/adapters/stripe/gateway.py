"""Stripe as a PaymentGateway."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal, TypeVar

import stripe
import structlog

from adapters.stripe import parameters, search, translation
from adapters.stripe.api import Api, Answer
from adapters.stripe.checks import check
from adapters.stripe.failures import Lost, Refused
from adapters.stripe.transport import Transport
from adapters.stripe.wire import Intent
from application.ports.gateway import NothingSent, Operation, Preparation
from application.ports.platform import Clock
from domain.evidence import Claim, Evidence, Reason, Source
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import MethodType, PaymentMethod
from domain.status import Status

log = structlog.get_logger()

T = TypeVar("T")

API_VERSION: Final = "2026-10-28.endive"
_CANCEL_ATTEMPTS: Final = 5
_STILL_OPEN: Final = {Claim.REQUIRES_ACTION, Claim.AUTHORIZED}


class StripeGateway:
    """
    Cards, wallets and bank transfers at Stripe: one PaymentIntent for a payment.

    One idempotency key an operation and no other: `{id}:pm` spends the token, `{id}:customer` makes the customer of a
    bank transfer, `{id}` the intent, `{id}:cancel:{n}` cancels it. A replayed answer is a snapshot: the intent itself
    is fetched, and that decides. Call `close` at the end.

    `base_url`: another address than Stripe's own, for the stand-in. `total_timeout`: all calls of one method together.
    `connections`: kept open at most. `action_expires_after`, `transfer_expires_after`: how long after it began a
    payment that waits for its customer is given up. `largest`: the most in one payment, in Stripe's minor units.
    `search_pages`: how many lists of 100 intents one look-up reads at most.
    """

    def __init__(
        self,
        *,
        api_key: str,
        clock: Clock,
        base_url: str | None = None,
        connect_timeout: timedelta = timedelta(seconds=2),
        total_timeout: timedelta = timedelta(seconds=10),
        connections: int = 200,
        action_expires_after: timedelta = timedelta(hours=1),
        transfer_expires_after: timedelta = timedelta(days=14),
        largest: int = 99_999_999,
        search_pages: int = 50,
    ) -> None:
        self._clock = clock
        self._total_timeout = total_timeout
        self._expires_after = action_expires_after
        self._transfer_expires_after = transfer_expires_after
        self._largest = largest
        self._search_pages = search_pages
        self._transport = Transport(
            connect_timeout=connect_timeout, total_timeout=total_timeout, connections=connections
        )
        self._api = Api(_client(api_key, base_url, self._transport))
