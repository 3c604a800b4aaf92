"""The site over HTTP: what is there and what is not, and what a browser may do with it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from litestar import Litestar, MediaType, Request, Response, get, route
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import Message, Scope

from adapters.docs_site.page import HTML, Page

#: Where the page of the API asks for a token, in development.
TOKEN: Final = "/development-token"  # noqa: S105 - an address
#: Answers as long as the process does.
ALIVE: Final = "/health/live"
_ALIVE: Final = Page(b'{"status":"ok"}', "application/json")
#: Swagger UI needs no more than this: its style sheet has pictures inside (data:).
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' {api}; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def make_site(
    pages: Mapping[str, Page], *, missing: Page, api_origin: str, make_token: Callable[[], str] | None = None
) -> Litestar:
    """
    The site, from its pages by path; `missing` is told for every other path.

    `api_origin` is where "Try it out" may send requests. `make_token`: for development alone; without it, nobody gets
    a token here.
    """
    headers = {
        "content-security-policy": _POLICY.format(api=api_origin),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    }

    async def guard(message: Message, _: Scope) -> None:
        if message["type"] == "http.response.start":
            told = MutableScopeHeaders.from_message(message)
            for name, value in headers.items():
                told[name] = value

    return Litestar(
        route_handlers=[_pages({**pages, ALIVE: _ALIVE}, missing), *([_token(make_token)] if make_token else [])],
        exception_handlers={HTTPException: _refused},
        before_send=[guard],
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


def _pages(pages: Mapping[str, Page], missing: Page) -> HTTPRouteHandler:
    @route(["/", "/{path:path}"], http_method=[HttpMethod.GET, HttpMethod.HEAD], sync_to_thread=False)
    def page(request: Request[Any, Any, Any]) -> Response[bytes]:
        """A page, or only its headers."""
        found = pages.get(request.scope["path"])
        if found is None:
            return Response(missing.body, media_type=HTML, status_code=404)
        headers = {"etag": found.etag, "cache-control": "no-cache"}
        if found.etag in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
            return Response(b"", status_code=304, headers=headers)
        return Response(found.body, media_type=found.media_type, headers=headers)

    return page


def _token(make_token: Callable[[], str]) -> HTTPRouteHandler:
    @get(TOKEN, sync_to_thread=False, response_headers={"cache-control": "no-store"})
    def token() -> dict[str, str]:
        """A new one each time: they do not live for ever."""
        return {"token": make_token()}

    return token


def _refused(_: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
    return Response(error.detail, media_type=MediaType.TEXT, status_code=error.status_code, headers=error.headers)
