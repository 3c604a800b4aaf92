"""
Everything that can go wrong, as a tree by who can mend it.

PaymentError
├── Invalid                    the caller: the request breaks a rule; names the field
│   ├── RefundTooLarge         more than what is left of the payment
│   ├── PartialRefundUnsupported  the gateway gives back all or nothing
│   └── IllegalTransition      nobody: a bug of ours, refused before it can be stored
├── NotFound                   the caller: no such thing, or somebody else's
├── Forbidden                  the caller: the token may not do this
├── MethodDeclined             the customer: their bank does not want it; another card may do
├── Refused                    the caller: right request, wrong moment
│   ├── DuplicatePayment       a payment like this is open or has just succeeded
│   ├── PhoneBusy              the phone still shows another prompt of ours
│   ├── PaymentBusy            another capture or cancel of this payment is at the gateway
│   ├── NotCapturable          no money is held
│   ├── NotCancellable         the money is taken, or cannot be stopped
│   ├── NotRefundable          no money was taken, or it is in doubt
│   ├── PaymentDisputed        the customer's bank decides about this money now
│   ├── ReceiptPending         the gateway's receipt, by which it is given back, has not come yet
│   ├── TooManyMethods         the user has saved as many as there may be
│   ├── KeyInUse               the first request with this key still runs
│   ├── KeyReused              this key came with another body before
│   └── KeyExpired             this key was used too long ago to be answered
└── Unavailable                the operator: we cannot serve now, nothing has happened
    ├── InDoubt                … or it has: the connection was cut before we were told
    └── GatewayUnavailable     the gateway cannot be reached, nothing was sent

A class's docstring is its message to the caller; facts travel as attributes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID


class PaymentError(Exception):
    """Something went wrong with a payment."""

    def __init__(self, detail: str | None = None, **facts: Any) -> None:
        self.detail = detail or type(self).__doc__ or ""
        self.facts: Mapping[str, Any] = facts
        super().__init__(self.detail)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one field; `field` is a dotted path as the request spells it."""

    field: str
    message: str


class Invalid(PaymentError):
    """The request is understood, but a field breaks a rule."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__()


class RefundTooLarge(Invalid):
    """The amount is more than what is left of the payment."""

    def __init__(self, refundable: int) -> None:
        left = f"at most {refundable} can be refunded" if refundable else "nothing is left to refund"
        super().__init__(Fault("amount", left))
        self.facts = {"refundable": refundable}


class PartialRefundUnsupported(Invalid):
    """The gateway gives back the whole amount in one, or nothing."""

    def __init__(self) -> None:
        super().__init__(Fault("amount", "only the whole amount can be refunded here, and only once"))


class IllegalTransition(PaymentError):
    """A payment cannot go from this status to that one."""


class NotFound(PaymentError):
    """There is no such thing, or it is not yours."""


class Forbidden(PaymentError):
    """The token does not allow this."""


class MethodDeclined(PaymentError):
    """The customer's bank does not let this be saved; another card or wallet may do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class Refused(PaymentError):
    """The request is right, but the present state does not allow it."""


class DuplicatePayment(Refused):
    """A payment like this one is open or has just succeeded; look at it, or say "allow_duplicate": true."""

    def __init__(self, payment_id: UUID) -> None:
        super().__init__(payment_id=str(payment_id))


class PhoneBusy(Refused):
    """This phone still shows another prompt; try again when it is answered or has expired."""


class PaymentBusy(Refused):
    """Another request about this payment is at the gateway; look at the payment, and try again in a moment."""


class NotCapturable(Refused):
    """Only an AUTHORIZED payment can be captured; look at its status."""


class NotCancellable(Refused):
    """The payment cannot be cancelled any more; where it succeeded, refund it."""


class NotRefundable(Refused):
    """Only a SUCCEEDED payment can be refunded; look at its status."""


class PaymentDisputed(Refused):
    """The customer disputes this payment: their bank decides where the money goes, so nothing is refunded."""


class ReceiptPending(Refused):
    """The gateway's receipt, by which the money is given back, has not come yet; try again in a minute."""


class TooManyMethods(Refused):
    """The user has as many saved methods as there may be; remove one first."""


class KeyInUse(Refused):
    """The first request with this idempotency key is still running; try again in a moment."""


class KeyReused(Refused):
    """This idempotency key was used with another request body."""


class KeyExpired(Refused):
    """This idempotency key was used too long ago; look the payment up, or use a new key for a new payment."""


class Unavailable(PaymentError):
    """The service cannot serve this now; nothing has happened; try again."""


class InDoubt(Unavailable):
    """It is not certain whether this was accepted; repeat the request with the same idempotency key, or look it up."""


class GatewayUnavailable(Unavailable):
    """The payment provider cannot be reached; nothing was sent to it and nobody was charged; try again."""
