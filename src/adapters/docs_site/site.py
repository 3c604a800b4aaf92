"""Everything that the site consists of, by path."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from adapters.docs_site import problems, states
from adapters.docs_site.app import TOKEN
from adapters.docs_site.layout import framed
from adapters.docs_site.markdown import rendered
from adapters.docs_site.page import Page

#: What the documents say of addresses, as `payments up` has them unless it is told otherwise.
API_AS_WRITTEN: Final = "http://127.0.0.1:8888"
DOCS_AS_WRITTEN: Final = "http://127.0.0.1:8889"

#: Path by document.
GUIDES: Final[Mapping[str, str]] = {
    "start.md": "/",
    "using.md": "/using",
    "operating.md": "/operating",
    "webhooks-stripe.md": "/webhooks-stripe",
    "webhooks-mpesa.md": "/webhooks-mpesa",
}
_LINKS: Final[Mapping[str, str]] = {
    **GUIDES,
    "states.mmd": f"{states.PATH}#payment",
    "refund-states.mmd": f"{states.PATH}#refund",
}
_STATIC: Final = Path(__file__).with_name("static")
_MEDIA: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_SWAGGER_UI: Final = ("swagger-ui-bundle.js", "swagger-ui.css")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """
    What the site is made of. `guides`: the folder of the documents; `swagger_ui`: that of Swagger UI's own files.

    `openapi` is the document as JSON; `api_url` and `docs_url` have no slash at their end. `offers_token`: who tries
    the API may have a token for development.
    """

    guides: Path
    swagger_ui: Path
    openapi: bytes
    problem_types: Iterable[problems.ProblemType]
    api_url: str
    docs_url: str
    offers_token: bool

    def guide(self, name: str) -> str:
        """A document, with the addresses that are true here."""
        written = (self.guides / name).read_text("utf-8")
        return written.replace(API_AS_WRITTEN, self.api_url).replace(DOCS_AS_WRITTEN, self.docs_url)


def site_pages(source: Source) -> dict[str, Page]:
    """
    Every page by its path.

    Raises:
        KeyError, ValueError: what people wrote does not fit to what the code has.
        OSError: a file is missing.
    """
    using = source.guide("using.md")
    return {
        **{path: _guide(source, name) for name, path in GUIDES.items()},
        **problems.problem_pages(source.problem_types, problems.read_words(using)),
        states.PATH: states.states_page(using),
        "/api": _api(source),
        "/openapi.json": Page(source.openapi, "application/json"),
        **{f"/static/{file.name}": _static(file) for file in sorted(_STATIC.iterdir())},
        **{f"/static/{name}": _static(source.swagger_ui / name) for name in _SWAGGER_UI},
    }


def missing_page() -> Page:
    """What is told of an address where nothing is."""
    body = (
        "<h1>There is nothing at this address</h1><p>Perhaps it is one of these: "
        '<a href="/">how to start</a>, <a href="/api">the API</a>, <a href="/problems">the errors</a>.</p>'
    )
    return framed("Not found", body, here="")


def _guide(source: Source, name: str) -> Page:
    text = rendered(source.guide(name), _LINKS)
    return framed(text.title, text.html, here=GUIDES[name], headings=text.headings)


def _api(source: Source) -> Page:
    offer = f' data-token="{TOKEN}"' if source.offers_token else ""
    body = f"""<div class="lead"><h1>Try the API</h1>
<p>Every operation of <code>{escape(source.api_url)}</code>, from its <a href="/openapi.json">OpenAPI document</a>.
Open one and press <em>Execute</em>: it really calls the API. The ids in the examples stand for the last payment, refund
and method that you made on this page; where there is none yet, one is made first.</p>
<p id="token" hidden><button type="button">Authorize with a development token</button> <span role="status"></span></p>
<noscript><p>This page needs JavaScript; the <a href="/openapi.json">document</a> does not.</p></noscript></div>
<div id="swagger" data-document="/openapi.json"{offer}></div>"""
    head = (
        '<link rel="stylesheet" href="/static/swagger-ui.css">\n'
        '<link rel="stylesheet" href="/static/api.css">\n'
        '<script src="/static/swagger-ui-bundle.js" defer></script>\n'
        '<script src="/static/api.js" defer></script>\n'
    )
    return framed("Try the API", body, here="/api", head=head, wide=True)


def _static(file: Path) -> Page:
    return Page(file.read_bytes(), _MEDIA[file.suffix])
