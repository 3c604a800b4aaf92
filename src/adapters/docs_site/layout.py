"""The frame of every page."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from adapters.docs_site.page import Page

#: What stands at the top of every page, in the order in which it is read.
MENU: Final[Sequence[tuple[str, str]]] = (
    ("/", "Start"),
    ("/api", "Try the API"),
    ("/using", "Using it"),
    ("/problems", "Errors"),
    ("/states", "States"),
    ("/webhooks-stripe", "Stripe webhooks"),
    ("/webhooks-mpesa", "M-Pesa webhooks"),
    ("/operating", "Operating it"),
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A place on a page that can be pointed at. `level` 2 is a section."""

    level: int
    html: str
    anchor: str


def framed(
    title: str, body: str, *, here: str, headings: Sequence[Heading] = (), head: str = "", wide: bool = False
) -> Page:
    """
    A whole page. `body` and `head` are HTML, `title` is text; `here` is the page's path.

    `headings` make its table of contents; `wide`: it needs all the width there is.
    """
    contents = "" if wide else _contents(headings)
    kind = "wide" if wide else "guide" if contents else "plain"
    return Page(
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)} · Payment service</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/site.css">
{head}<script src="/static/site.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<a class="brand" href="/"><img src="/static/icon.svg" alt="" width="28" height="28">Payment service</a>
<nav aria-label="Site">{_menu(here)}</nav>
</header>
<div class="{kind}">
<main id="main">
{body.replace("<h2", f"{contents}<h2", 1)}
</main>
</div>
</body>
</html>
""".encode()
    )


def _menu(here: str) -> str:
    return "".join(f'<a href="{path}"{_current(path, here)}>{escape(name)}</a>' for path, name in MENU)


def _current(path: str, here: str) -> str:
    if path == here:
        return ' aria-current="page"'
    return ' aria-current="true"' if path != "/" and here.startswith(f"{path}/") else ""


def _contents(headings: Sequence[Heading]) -> str:
    if len([heading for heading in headings if heading.level == _SECTION]) < _WORTH_A_TABLE:
        return ""
    lines = "".join(
        f'<li class="level-{heading.level}"><a href="#{heading.anchor}">{heading.html}</a></li>' for heading in headings
    )
    return (
        '<div class="beside"><nav class="contents" aria-labelledby="contents"><p id="contents">On this page</p>'
        f"<ol>{lines}</ol></nav></div>\n"
    )


_SECTION: Final = 2
_WORTH_A_TABLE: Final = 3
