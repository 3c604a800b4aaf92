"""A request's fingerprint: the same for every spelling of the same request, another for every other request."""

import json
from collections.abc import Callable
from typing import Any, ClassVar

import msgspec
import pytest
from polyfactory.factories.msgspec_factory import MsgspecFactory

from adapters.http.payment_request import NewMethod, NewPayment
from domain.payment_method import MethodType


class Requests(MsgspecFactory[NewPayment]):
    """Whatever a caller may send, in any combination."""

    __random_seed__ = 20261122
    method = NewMethod(type=MethodType.CARD, token="tok_visa")
    metadata: ClassVar[Any] = {"order": {"items": ["Premium Plan"]}}


def spelled(request: NewPayment, spell: Callable[[Any], str]) -> NewPayment:
    return msgspec.json.decode(spell(json.loads(msgspec.json.encode(request))), type=NewPayment)


@pytest.mark.parametrize("request_", Requests.batch(20), ids=range(20))
def test_order_of_keys_blanks_and_filled_in_defaults_do_not_count(request_: NewPayment) -> None:
    """A client's next release may write the same thing in another way, and must not be refused for it."""
    backwards = spelled(request_, lambda value: json.dumps(dict(reversed(value.items())), indent=2))
    sparse = spelled(request_, lambda value: json.dumps({k: v for k, v in value.items() if v is not None}))

    assert backwards.canonical() == sparse.canonical() == request_.canonical()


@pytest.mark.parametrize(
    "field", ["user_id", "order_id", "amount", "currency", "method", "method_id", "capture_method", "metadata"]
)
def test_every_field_counts(field: str) -> None:
    """Another amount under the same key is another request."""
    one, other = Requests.build(), Requests.build()
    other_method = NewMethod(type=MethodType.MPESA, phone="254712345678")
    changed = {
        "method": other_method,
        "method_id": "550e8400-e29b-41d4-a716-446655440000",
        "metadata": {},
        "capture_method": "manual",
        "currency": "KES",
    }
    value = changed.get(field, getattr(other, field))
    before = msgspec.structs.replace(
        one, **({"capture_method": "automatic", "currency": "USD"} | {"metadata": {"a": 1}})
    )
    assert msgspec.structs.replace(before, **{field: value}).canonical() != before.canonical()
