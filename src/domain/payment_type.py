"""A way to pay that is configured here, and what it can do."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.payment import CaptureMethod
from domain.payment_method import GatewayName, MethodType


@dataclass(frozen=True, slots=True)
class Limits:
    """The smallest and the largest amount of one payment in minor units, and what it must be a multiple of."""

    least: int
    most: int
    step: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentType:
    """
    `limits` by currency: others are not taken. `refunds`: money can go back at all; `partial_refunds`: a part of it.
    `can_be_saved`: for the next payment.
    """

    type: MethodType
    gateway: GatewayName
    limits: Mapping[str, Limits]
    capture_methods: tuple[CaptureMethod, ...]
    refunds: bool
    partial_refunds: bool
    can_be_saved: bool
