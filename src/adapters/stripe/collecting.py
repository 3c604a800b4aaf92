"""Asking for the money: whatever must exist first, then the intent, each under its own stable key."""

from dataclasses import dataclass, replace
from typing import Final

from stripe.params import PaymentIntentCreateParams

from adapters.stripe import looking, parameters, translation
from adapters.stripe.api import Api
from adapters.stripe.failures import Lost, Refused
from application.ports.gateway import NothingSent, Operation
from application.ports.platform import Clock
from domain.evidence import Source
from domain.payment import Payment, Report
from domain.payment_method import MethodType, PaymentMethod

_TOKEN: Final = "tok_"  # noqa: S105 - how Stripe spells the beginning of one


@dataclass(frozen=True, slots=True)
class _Ready:
    """The intent to ask for; `method` as Stripe describes it; `token_used`: the single-use token is spent."""

    params: PaymentIntentCreateParams
    method: PaymentMethod | None = None
    token_used: bool = False


async def collect(api: Api, payment: Payment, operation: Operation, clock: Clock) -> Report:
    """
    Create and confirm the intent.

    Raises:
        Lost: it may exist.
        NothingSent: it does not; says whether the token is spent.
    """
    try:
        ready = await _prepare(api, payment, operation)
    except Refused as refused:
        return translation.refusal(refused.error, payment, clock.now())
    try:
        report = await _intent(api, payment, ready.params, clock)
    except NothingSent:
        raise NothingSent(token_used=ready.token_used) from None
    return replace(report, method=report.method or ready.method)


async def _prepare(api: Api, payment: Payment, operation: Operation) -> _Ready:
    if payment.method.type is MethodType.BANK_TRANSFER:
        customer = await api.create_customer(parameters.metadata(payment), key=f"{payment.id}:customer")
        return _Ready(parameters.transfer_intent(payment, customer.body.id))
    if operation.token is None:  # it was there when the call was promised, so an earlier call may have used it
        raise Lost("token_missing")
    if not operation.token.startswith(_TOKEN):
        return _Ready(parameters.card_intent(payment, operation.token, operation.customer))
    made = (await api.create_method(operation.token, key=f"{payment.id}:pm")).body
    described = translation.method(payment, made.card)
    return _Ready(parameters.card_intent(payment, made.id), described, token_used=True)


async def _intent(api: Api, payment: Payment, params: PaymentIntentCreateParams, clock: Clock) -> Report:
    try:
        answer = await api.create_intent(params, key=str(payment.id))
    except Refused as refused:
        named = refused.error.payment_intent
        if refused.replayed and named is not None:
            return await _as_it_is_now(api, payment, named.id, clock)
        return translation.refusal(refused.error, payment, clock.now())
    if answer.replayed:
        return await _as_it_is_now(api, payment, answer.body.id, clock)
    return translation.report(answer.body, payment, Source.ANSWER, clock.now())


async def _as_it_is_now(api: Api, payment: Payment, intent_id: str, clock: Clock) -> Report:
    """A replay is a snapshot: it gives us the name, the intent decides. Not reached, it is lost, but not its name."""
    try:
        return await looking.fetch(api, payment, intent_id, clock)
    except (Lost, Refused, NothingSent) as why:
        return translation.lost(type(why).__name__.lower(), clock.now(), intent_id)
