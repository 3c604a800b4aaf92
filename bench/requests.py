"""
What is asked: payments nobody has asked for before, refunds of them, and payments that are there. And whether the
answer is right.
"""

from collections.abc import Mapping
from random import Random
from typing import Any, Final, Protocol
from uuid import UUID

from bench.connection import Answer

_CREATED: Final = 201
_OK: Final = 200
_ID: Final = b'"id":"'
_ID_LENGTH: Final = 36
#: Once in every payment of a page.
_ITEM: Final = b'"refund_status"'
_PAGE: Final = 50

_POST: Final = (
    b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %b\r\nContent-Type: application/json\r\n"
    b"Accept: application/json\r\nIdempotency-Key: %b\r\nContent-Length: %d\r\n\r\n%b"
)
_GET: Final = (
    b"GET /payments/%b HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %b\r\nAccept: application/json\r\n\r\n"
)
#: A PaymentMethod, not a single-use token: one call to the gateway.
_PAYMENT: Final = (
    b'{"user_id": "%b", "order_id": "%b", "amount": 2500, "currency": "USD",'
    b' "paymentMethod": {"type": "CARD", "token": "pm_card_visa", "brand": "VISA", "last4": "4242"},'
    b' "metadata": {"order": {"id": "%b", "items": ["Premium Plan"]}, "user": {"email": "user@example.com"}}}'
)

#: So little that no payment is ever given back in full, however often its turn comes.
_REFUND: Final = b'{"payment_id": "%b", "amount": 1, "metadata": {"ticket": "T-%b"}}'


class Asking(Protocol):
    """An endless supply of requests of one kind."""

    def next(self) -> tuple[bytes, Any]:
        """The bytes of a request, and what `is_right` wants to know of it."""
        ...

    def is_right(self, asked: Any, answer: Answer) -> bool: ...


class NewPayments:
    """Each with an order and a key of its own, by one of many users. `made`: the id and user of those answered 201."""

    def __init__(self, tokens: Mapping[UUID, str]) -> None:
        self._users = [(str(user).encode(), token.encode()) for user, token in tokens.items()]
        self._random = Random()  # noqa: S311 - a load, not a secret
        self._orders = 0
        self.made: list[tuple[bytes, int]] = []

    def next(self) -> tuple[bytes, int]:
        number = self._random.randrange(len(self._users))
        user, token = self._users[number]
        order = b"order_%010d" % self._orders
        self._orders += 1
        body = _PAYMENT % (user, order, order)
        return _post(b"/payments", token, self._random, body), number

    def is_right(self, asked: int, answer: Answer) -> bool:
        if answer.status != _CREATED or b'"status":"SUCCEEDED"' not in answer.body:
            return False
        at = answer.body.find(_ID) + len(_ID)
        self.made.append((answer.body[at : at + _ID_LENGTH], asked))
        return True

    def token(self, user: int) -> bytes:
        return self._users[user][1]


class NewRefunds:
    """Each of a part of the payment whose turn it is. `made`: how many were answered 201."""

    def __init__(self, payments: NewPayments) -> None:
        self._payments = payments
        self._random = Random()  # noqa: S311 - a load, not a secret
        self._asked = 0
        self.made = 0

    def next(self) -> tuple[bytes, bytes]:
        payment_id, user = self._payments.made[self._asked % len(self._payments.made)]
        self._asked += 1
        body = _REFUND % (payment_id, payment_id)
        return _post(b"/refunds", self._payments.token(user), self._random, body), payment_id

    def is_right(self, asked: bytes, answer: Answer) -> bool:
        if answer.status != _CREATED or b'"status":"SUCCEEDED"' not in answer.body or asked not in answer.body:
            return False
        self.made += 1
        return True


class KnownPayments:
    """Any of those that were made."""

    def __init__(self, payments: NewPayments) -> None:
        self._payments = payments
        self._random = Random()  # noqa: S311 - a load, not a secret

    def next(self) -> tuple[bytes, bytes]:
        payment_id, user = self._random.choice(self._payments.made)
        return _GET % (payment_id, self._payments.token(user)), payment_id

    def is_right(self, asked: bytes, answer: Answer) -> bool:
        return answer.status == _OK and asked in answer.body


class OnePage:
    """The same page, again and again."""

    def __init__(self, request: bytes) -> None:
        self._request = request

    def next(self) -> tuple[bytes, None]:
        return self._request, None

    def is_right(self, asked: None, answer: Answer) -> bool:  # noqa: ARG002 - there is one request
        return answer.status == _OK and answer.body.count(_ITEM) == _PAGE


def _post(path: bytes, token: bytes, random: Random, body: bytes) -> bytes:
    key = str(UUID(int=random.getrandbits(128), version=4)).encode()
    return _POST % (path, token, key, len(body), body)
