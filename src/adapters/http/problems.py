"""Errors as `application/problem+json` (RFC 9457)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import HTTPScope

from adapters.http.problem_kinds import INTERNAL, Kind, kind_of
from adapters.http.refusals import Unauthenticated
from adapters.http.replies import Reply
from domain.errors import Invalid, PaymentError, Unavailable

PROBLEM_JSON: Final = "application/problem+json"

#: A callback's secret token, wherever in a path it stands.
_SECRET: Final = re.compile(r"(?<=/webhooks/mm/)[^/]+|[0-9a-fA-F]{40,}", re.IGNORECASE)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Problem:
    """What goes over the wire."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def reply(self) -> Reply:
        return Reply(body=self.body, status=self.status, media_type=PROBLEM_JSON, headers=self.headers)


def document(kind: Kind, *, docs_url: str, instance: str, correlation_id: str, detail: str, **members: Any) -> bytes:
    """The problem document; `members` are what only this type of problem tells."""
    return msgspec.json.encode(
        {
            "type": f"{docs_url}/problems/{kind.code}",
            "title": kind.title,
            "status": kind.status,
            "detail": detail,
            "instance": instance,
            "code": kind.code,
            "correlation_id": correlation_id,
            "success": False,
            **members,
        }
    )


@dataclass(frozen=True, slots=True)
class Problems:
    """
    Turns whatever was raised into a problem. `docs_url` is where the types are documented.

    What is not in the table is a bug: logged with its traceback, told without any of it.
    """

    docs_url: str

    def handle(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        """Litestar's way in."""
        problem = self.of(error, request.scope)
        return Response(problem.body, status_code=problem.status, media_type=PROBLEM_JSON, headers=problem.headers)

    def of(self, error: BaseException, scope: HTTPScope) -> Problem:
        """The problem that `error` is to the caller of `scope`."""
        kind = kind_of(error)
        if kind is INTERNAL:
            log.error("request.broke", exc_info=error)
        elif isinstance(error, Unavailable):
            log.warning("request.unserved", code=kind.code, why=type(error.__cause__ or error).__name__)
        body = document(
            kind,
            docs_url=self.docs_url,
            instance=shown_path(scope["path"]),
            correlation_id=str(scope["state"].get("request_id", "")),
            detail=kind.detail or _words(error, kind),
            **_members(error, kind),
        )
        return Problem(kind.status, body, _headers(error, kind))


def shown_path(path: str) -> str:
    """A path that may be told and logged: percent-encoded, without a callback's secret token."""
    return quote(_SECRET.sub("{token}", path), safe="/{}:@!$&'()*+,;=", errors="replace")


def _words(error: BaseException, kind: Kind) -> str:
    return error.detail if isinstance(error, PaymentError) else kind.title


def _members(error: BaseException, kind: Kind) -> Mapping[str, Any]:
    told: dict[str, Any] = {}
    if isinstance(error, PaymentError):
        told |= {name: error.facts[name] for name in kind.tells if name in error.facts}
    if isinstance(error, Invalid) and kind is not INTERNAL:
        told["errors"] = [{"field": fault.field, "message": fault.message} for fault in error.faults]
    return told


def _headers(error: BaseException, kind: Kind) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    if kind.retry_after is not None:
        headers["retry-after"] = str(kind.retry_after)
    if kind.closes:
        headers["connection"] = "close"
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = error.challenge
    if isinstance(error, HTTPException) and error.headers and "allow" in error.headers:
        headers["allow"] = error.headers["allow"]
    return headers
