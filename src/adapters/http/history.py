"""/payment-history"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from adapters.http.desk import Desk
from adapters.http.idempotency_key import idempotency_key
from adapters.http.json_body import read_json
from adapters.http.note_request import NewNote
from adapters.http.pages import PAGING
from adapters.http.query import PERIOD, Query
from adapters.http.replies import PRIVATE, Reply
from adapters.http.request_id import name_payment, request_id
from adapters.http.resource_id import payment_id as read_id
from adapters.http.resource_id import user_id as read_user_id
from adapters.http.views import entry_view, envelope
from application.find_payments import Story
from application.ports.payment_lists import Line, Place
from domain.history import GENESIS

_ROUTE: Final = "/payment-history"


class History(Controller):
    path = _ROUTE

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
        body = envelope(list(_told(found)), request_id(request.scope), verified=found.broken_at is None)
        return Reply(body=body, headers=PRIVATE)

    @get("/user/{user_id:str}", operation_id="ListHistoryOfUser", opt={"parameters": PERIOD | PAGING})
    async def page_of_user(
        self,
        request: Request[Any, Any, Any],
        desk: NamedDependency[SkipValidation[Desk]],
        user_id: FromPath[str],
    ) -> Reply:
        """What happened to all payments of a user, newest first."""
        desk.caller.needs("payments:read")
        user = read_user_id(user_id)
        query = Query(request.scope)
        since, until = query.period()
        paging = desk.paging(query, f"GET {_ROUTE}/user/{user}")
        page = await desk.use_cases.list_history.execute(
            user, desk.reader, since=since, until=until, limit=paging.limit, after=_place(paging.after)
        )
        return paging.reply(page, _shown, _position, request_id(request.scope))

    @post(operation_id="AddNote")
    async def note(self, request: Request[Any, Any, Any], desk: NamedDependency[SkipValidation[Desk]]) -> Reply:
        """A note in a payment's story. It changes nothing else."""
        desk.caller.needs("history:write")
        key = idempotency_key(request.scope)
        new = NewNote.read(await read_json(request))
        asked = new.to_request(request_id=request_id(request.scope), key=desk.key(key, f"POST {_ROUTE}", new))
        noted = await desk.use_cases.add_note.execute(asked, desk.reader)
        name_payment(request.scope, asked.payment_id)
        headers = {"location": f"{_ROUTE}/{asked.payment_id}"}
        if noted.replayed:
            headers["idempotent-replayed"] = "true"
        return await desk.wrote(Reply(body=noted.answer.body, status=noted.answer.status, headers=headers))


def _told(story: Story) -> Iterator[Mapping[str, Any]]:
    previous = GENESIS
    for entry in story.entries:
        yield entry_view(entry, previous, story.notes.get(entry.seq))
        previous = entry.hash


def _shown(line: Line) -> Mapping[str, Any]:
    return entry_view(line.entry, line.previous, line.note)


def _position(line: Line) -> str:
    return f"{line.at.isoformat()} {line.entry.payment_id} {line.entry.seq}"


def _place(position: str | None) -> Place | None:
    if position is None:
        return None
    at, payment_id, seq = position.split(" ")
    return Place(datetime.fromisoformat(at), UUID(payment_id), int(seq))
