"""Saved methods and payment types as callers see them."""

from collections.abc import Iterable
from typing import Self
from uuid import UUID

import msgspec

from adapters.http.problem_kinds import kind_of
from adapters.http.problems import document
from adapters.http.views import Time, envelope, iso
from application.ports.payments import Answer
from domain.errors import MethodDeclined
from domain.payment import CaptureMethod
from domain.payment_method import GatewayName, MethodType
from domain.payment_type import PaymentType
from domain.saved_method import SavedMethod


class SavedMethodView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A saved method; never the token."""

    id: UUID
    user_id: UUID
    type: MethodType
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    phone: str | None = msgspec.field(name="phoneNumber", default=None)
    is_default: bool
    created_at: Time

    @classmethod
    def of(cls, saved: SavedMethod) -> Self:
        return cls(
            id=saved.id,
            user_id=saved.user_id,
            type=saved.method.type,
            brand=saved.method.brand,
            last4=saved.method.last4,
            exp_month=saved.exp_month,
            exp_year=saved.exp_year,
            phone=saved.method.phone,
            is_default=saved.is_default,
            created_at=iso(saved.created_at),
        )


class CurrencyView(msgspec.Struct, frozen=True, kw_only=True):
    """What one payment may be, in minor units."""

    currency: str
    min_amount: int
    max_amount: int
    multiple_of: int


class TypeView(msgspec.Struct, frozen=True, kw_only=True):
    """A way to pay."""

    type: MethodType
    gateway: GatewayName
    currencies: list[CurrencyView]
    capture_methods: list[CaptureMethod]
    refunds: bool
    partial_refunds: bool
    can_be_saved: bool

    @classmethod
    def of(cls, kind: PaymentType) -> Self:
        return cls(
            type=kind.type,
            gateway=kind.gateway,
            currencies=[
                CurrencyView(currency=code, min_amount=limits.least, max_amount=limits.most, multiple_of=limits.step)
                for code, limits in sorted(kind.limits.items())
            ],
            capture_methods=list(kind.capture_methods),
            refunds=kind.refunds,
            partial_refunds=kind.partial_refunds,
            can_be_saved=kind.can_be_saved,
        )


def views(saved: Iterable[SavedMethod]) -> list[SavedMethodView]:
    return [SavedMethodView.of(one) for one in saved]


def render_saved(outcome: SavedMethod | MethodDeclined, correlation_id: str, *, docs_url: str) -> Answer:
    """What who wanted it saved is told: 201 the method, 402 the bank does not want it."""
    if isinstance(outcome, SavedMethod):
        return Answer(201, envelope(SavedMethodView.of(outcome), correlation_id))
    kind = kind_of(outcome)
    body = document(
        kind,
        docs_url=docs_url,
        instance="/payments/methods",
        correlation_id=correlation_id,
        detail=outcome.detail,
        **outcome.facts,
    )
    return Answer(kind.status, body)
