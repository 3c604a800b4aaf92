"""
What we ask Stripe for. The same payment always gives the same parameters: Stripe refuses an idempotency key that
comes with others.
"""

from collections.abc import Mapping
from typing import Final, Literal, cast

from stripe.params import (
    PaymentIntentCreateParams,
    PaymentIntentCreateParamsPaymentMethodOptionsCustomerBalance,
    RefundCreateParams,
)

from adapters.stripe import amounts
from adapters.stripe.checks import FUNDING
from domain.payment import Payment
from domain.refund import Refund

Stated = Literal["duplicate", "fraudulent", "requested_by_customer"]
Funding = PaymentIntentCreateParamsPaymentMethodOptionsCustomerBalance

#: The only reasons for a refund that Stripe takes. The shop's own words are ours to keep.
_REASONS: Final[Mapping[str, Stated]] = {
    "duplicate": "duplicate",
    "fraudulent": "fraudulent",
    "requested_by_customer": "requested_by_customer",
}


def metadata(payment: Payment) -> dict[str, str]:
    """How we find our own again. Nothing about the customer but our own ids; `payment_id` is what we search by."""
    named = {"payment_id": str(payment.id), "order_id": payment.order_id, "user_id": str(payment.user_id)}
    return {name: value for name, value in named.items() if value}


def card_intent(payment: Payment, method: str, customer: str | None = None) -> PaymentIntentCreateParams:
    """
    Charge (or hold) a card or wallet now, while its owner is there; `method` is a PaymentMethod's id, `customer` whose
    it is where it was saved.
    """
    params = _intent(payment)
    params["payment_method"] = method
    if customer is not None:
        params["customer"] = customer
    return params


def transfer_intent(payment: Payment, customer: str) -> PaymentIntentCreateParams:
    """Open an account for the customer's bank transfer."""
    params = _intent(payment)
    params["customer"] = customer
    params["payment_method_data"] = {"type": "customer_balance"}
    params["payment_method_options"] = {"customer_balance": _funding(payment)}
    return params


def refund(intent_id: str, refund: Refund) -> RefundCreateParams:
    """Give this much of the intent back; `refund_id` is what we find it by."""
    params: RefundCreateParams = {
        "payment_intent": intent_id,
        "amount": amounts.to_wire(refund.money),
        "metadata": {"refund_id": str(refund.id), "payment_id": str(refund.payment_id)},
    }
    reason = _REASONS.get("_".join((refund.reason or "").casefold().replace("-", " ").split()))
    if reason is not None:
        params["reason"] = reason
    return params


def _intent(payment: Payment) -> PaymentIntentCreateParams:
    params: PaymentIntentCreateParams = {
        "amount": amounts.to_wire(payment.money),
        "currency": payment.money.currency.lower(),
        "capture_method": payment.capture_method.value,
        "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "metadata": metadata(payment),
        "expand": ["latest_charge"],
    }
    if payment.description:
        params["description"] = payment.description
    if payment.return_url:  # without one Stripe refuses whatever would send the customer away
        params["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "always"}
        params["return_url"] = payment.return_url
    return params


def _funding(payment: Payment) -> Funding:
    kind = FUNDING[payment.money.currency]
    transfer: dict[str, object] = {"type": kind}
    if kind == "eu_bank_transfer":
        transfer[kind] = {"country": payment.method.country}
    return cast(Funding, {"funding_type": "bank_transfer", "bank_transfer": transfer})
