"""Who walks, and what they buy: the user of the token, the ways to pay that the server offers, fresh orders."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

Body = dict[str, Any]

STRIPE: Final = "stripe"
MPESA: Final = "mpesa"

#: What the owner of a phone does in the sandbox is told by its last four digits; anybody else pays.
PAYS: Final = "5678"
HAS_NO_MONEY: Final = "0001"
CANCELS: Final = "1032"
LEAVES_IT: Final = "1019"
ANSWER_LOST: Final = "0500"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """`types` is what the server says can be paid with, by its name. Amounts are minor units."""

    user: str
    is_admin: bool
    types: Mapping[str, Any]
    #: What stands between 2547 and the last four digits: nobody's twice, for a phone shows one prompt at a time.
    _phones: list[str] = field(
        default_factory=lambda: secrets.SystemRandom().sample([f"{n:04d}" for n in range(10_000)], 100)
    )

    def has(self, gateway: str) -> bool:
        return any(kind.get("gateway") == gateway for kind in self.types.values())

    def can(self, kind: str, what: str) -> bool:
        """Whether this type of payment says `true` of itself there, such as `partial_refunds`."""
        return bool(self.types.get(kind, {}).get(what))

    def card(self, drawn_on: str = "tok_visa", **facts: Any) -> Body:
        method = {"type": "CARD", "token": drawn_on}
        return self._order() | {"amount": 2500, "currency": "USD", "paymentMethod": method} | facts

    def mpesa(self, does: str = PAYS, **facts: Any) -> Body:
        method = {"type": "MPESA", "phoneNumber": self.phone(does)}
        return self._order() | {"amount": 2500, "currency": "KES", "paymentMethod": method} | facts

    def purchase(self, **facts: Any) -> Body:
        """By whatever can be paid here; an amount must be whole shillings, too."""
        return self.card(**facts) if self.has(STRIPE) else self.mpesa(**facts)

    def phone(self, does: str = PAYS) -> str:
        return f"2547{self._phones.pop()}{does}"

    def _order(self) -> Body:
        return {"user_id": self.user, "order_id": fresh("order")}


def fresh(what: str) -> str:
    """A name that nobody has used: of an order, of an idempotency key."""
    return f"{what}-{secrets.token_hex(6)}"


def unknown_id() -> str:
    """An id that the server could have made just now (UUIDv7, RFC 9562 5.7), and surely has not."""
    bits = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    bits = bits & ~(0xF << 76) | (0x7 << 76)
    return str(UUID(int=bits & ~(0x3 << 62) | (0x2 << 62)))


def somebody_else() -> str:
    return str(uuid4())
