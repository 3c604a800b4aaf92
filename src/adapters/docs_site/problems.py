"""The catalogue of errors: a page for every problem type, at its `type` URI."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from itertools import groupby
from typing import Final

import msgspec

from adapters.docs_site.layout import Heading, framed
from adapters.docs_site.markdown import inline, table
from adapters.docs_site.page import Page

PATH: Final = "/problems"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemType:
    """What the code knows of one. `example` is a whole document as it is sent; `retry_after` in seconds."""

    code: str
    title: str
    status: int
    example: bytes
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """What people wrote about one: when it is told, and what to do. Markdown."""

    when: str
    do: str


def read_words(using: str) -> dict[str, Words]:
    """
    What `docs/using.md` says of each, by code.

    Raises:
        ValueError: its table is not where it was.
    """
    rows = table(using, "Errors", "`code`")
    return {code.strip("`"): Words(when, do) for code, _, when, do in rows}


def problem_pages(types: Iterable[ProblemType], words: Mapping[str, Words]) -> dict[str, Page]:
    """
    The pages by path: one each, and the index.

    Raises:
        KeyError: nobody wrote about one of them.
    """
    ordered = sorted(types, key=lambda one: (one.status, one.code))
    pages = {f"{PATH}/{one.code}": _page(one, words[one.code], ordered) for one in ordered}
    return {PATH: _index(ordered, words), **pages}


def _index(types: Sequence[ProblemType], words: Mapping[str, Words]) -> Page:
    sections = []
    headings = []
    for status, found in groupby(types, key=lambda one: one.status):
        heading = Heading(2, f"{status} {escape(_phrase(status))}", f"status-{status}")
        headings.append(heading)
        rows = "".join(
            f'<tr><td><a href="{PATH}/{one.code}"><code>{one.code}</code></a></td>'
            f"<td>{_sentence(words[one.code].when)}</td><td>{_sentence(words[one.code].do)}</td></tr>"
            for one in found
        )
        sections.append(
            f'<h2 id="{heading.anchor}">{heading.html}</h2>'
            f'<div class="table" role="region" aria-label="Errors with status {status}" tabindex="0">'
            '<table class="errors">'
            f"<thead><tr><th>Code</th><th>When</th><th>Do</th></tr></thead><tbody>{rows}</tbody></table></div>"
        )
    lead = (
        "<h1>Errors</h1><p>Every error is <code>application/problem+json</code> (RFC 9457). Decide by "
        "<code>code</code>; <code>title</code> and <code>detail</code> are for people. The <code>type</code> is the "
        "address of a page here. Quote the <code>correlation_id</code> when you ask for help.</p>"
    )
    return framed("Errors", lead + "\n".join(sections), here=PATH, headings=headings)


def _page(one: ProblemType, words: Words, types: Sequence[ProblemType]) -> Page:
    example = escape(msgspec.json.format(one.example, indent=2).decode())
    wait = f"<dt>Retry-After</dt><dd>{one.retry_after} s, usually</dd>" if one.retry_after is not None else ""
    alike = [f'<a href="{PATH}/{other.code}">{other.code}</a>' for other in types if _alike(one, other)]
    body = f"""<p class="where"><a href="{PATH}">Errors</a></p>
<h1>{escape(one.title)}</h1>
<dl class="facts">
<dt>Code</dt><dd><code>{one.code}</code></dd>
<dt>Status</dt><dd>{one.status} {escape(_phrase(one.status))}</dd>
{wait}</dl>
<h2>When</h2>
<p>{_sentence(words.when)}</p>
<h2>What to do</h2>
<p>{_sentence(words.do) or "Look at what was asked for: repeating it changes nothing."}</p>
<h2>An example</h2>
<pre tabindex="0"><code>{example}</code></pre>"""
    if alike:
        body += f'\n<h2>With the same status</h2>\n<p class="alike">{" ".join(alike)}</p>'
    return framed(one.title, body, here=f"{PATH}/{one.code}")


def _alike(one: ProblemType, other: ProblemType) -> bool:
    return one.status == other.status and one.code != other.code


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase


def _sentence(words: str) -> str:
    """A table's cell as a sentence of its own; one that begins with code keeps its beginning."""
    if not words:
        return ""
    return inline(words[0].upper() + words[1:] + ("" if words.endswith(".") else "."))
