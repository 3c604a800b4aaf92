"""/payment-history"""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from adapters.http.desk import Desk
from adapters.http.replies import PRIVATE, Reply
from adapters.http.request_id import name_payment, request_id
from adapters.http.resource_id import payment_id as read_id
from adapters.http.views import envelope
from domain.history import GENESIS, Entry


class History(Controller):
    path = "/payment-history"

    @get("/{payment_id:str}", operation_id="FindHistory")
    async def find(
        self,
        request: Request[Any, Any, Any],
        desk: NamedDependency[SkipValidation[Desk]],
        payment_id: FromPath[str],
    ) -> Reply:
        """The whole story of a payment, oldest first. `verified`: nothing of it is missing or altered."""
        desk.caller.needs("payments:read")
        identifier = read_id(payment_id)
        found = await desk.use_cases.find_history.execute(identifier, desk.reader)
        name_payment(request.scope, identifier)
        body = envelope(told(found.entries), request_id(request.scope), verified=found.broken_at is None)
        return Reply(body=body, headers=PRIVATE)


def told(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """What is stored of each entry, with its hash and the hash before it."""
    before = [GENESIS, *(entry.hash for entry in entries)]
    return [
        {**msgspec.json.decode(entry.body), "previous_hash": previous.hex(), "hash": entry.hash.hex()}
        for entry, previous in zip(entries, before, strict=False)
    ]
