"""Markdown to HTML: anchors at its headings, links to where the site has what they name."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.docs_site.layout import Heading

_OUTSIDE: Final = re.compile(r"[a-z]+:|#", re.IGNORECASE)
_CONTENTS: Final = ("h2", "h3")


@dataclass(frozen=True, slots=True)
class Text:
    """A document, rendered. `title` is its first heading as plain text; `headings` are those below it."""

    title: str
    html: str
    headings: Sequence[Heading]


def rendered(source: str, links: Mapping[str, str]) -> Text:
    """
    `links`: path on the site by the name of a file, as documents write it.

    What leads to a file that is not on the site stands there without a link. HTML in the source is shown as text.
    """
    markdown = _markdown()
    tokens = markdown.parse(source)
    headings: list[Heading] = []
    title = ""
    taken: Counter[str] = Counter()
    for token, inline in pairwise(tokens):
        if token.type != "heading_open":
            continue
        words = "".join(child.content for child in inline.children or [] if child.type in {"text", "code_inline"})
        if token.tag == "h1":
            title = title or words
            continue
        anchor = _anchor(words, taken)
        token.attrSet("id", anchor)
        if token.tag in _CONTENTS:
            headings.append(Heading(int(token.tag[1]), markdown.renderInline(inline.content), anchor))
    for token in tokens:
        if token.children:
            token.children = _linked(token.children, links)
    return Text(title, str(markdown.renderer.render(tokens, markdown.options, {})), headings)


def inline(source: str) -> str:
    """A line of Markdown, such as a table's cell."""
    return str(_markdown().renderInline(source))


def table(source: str, section: str, header: str) -> list[list[str]]:
    """
    The rows of the table below the heading `section` whose header line begins with `header`; cells as Markdown.

    Raises:
        ValueError: there is none.
    """
    _, found, text = source.partition(f"\n## {section}\n")
    _, begun, below = text.partition("\n## ")[0].partition(f"\n| {header}")
    if not found or not begun:
        raise ValueError(f"there is no table of {header} in {section}")
    lines = below.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("table_open", _table_open)
    markdown.add_render_rule("table_close", _table_close)
    return markdown


def _table_open(*_: Any) -> str:
    return '<div class="table" role="region" aria-label="Table" tabindex="0"><table>\n'


def _table_close(*_: Any) -> str:
    return "</table></div>\n"


def _anchor(words: str, taken: Counter[str]) -> str:
    """As GitHub makes them, so that links between documents hold on both."""
    plain = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
    taken[plain] += 1
    return plain if taken[plain] == 1 else f"{plain}-{taken[plain] - 1}"


def _linked(children: Sequence[Token], links: Mapping[str, str]) -> list[Token]:
    kept: list[Token] = []
    open_links: list[bool] = []
    for child in children:
        if child.type == "link_open":
            target = _target(str(child.attrGet("href")), links)
            open_links.append(target is not None)
            if target is None:
                continue
            child.attrSet("href", target)
        elif child.type == "link_close" and not open_links.pop():
            continue
        kept.append(child)
    return kept


def _target(href: str, links: Mapping[str, str]) -> str | None:
    if _OUTSIDE.match(href):
        return href
    name, mark, anchor = href.partition("#")
    return f"{links[name]}{mark}{anchor}" if name in links else None
