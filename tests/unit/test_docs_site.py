"""The documentation server's pages, without a network."""

import re
from collections.abc import AsyncIterator, Iterator
from html.parser import HTMLParser
from urllib.parse import urlsplit

import httpx
import pytest

from adapters.docs_site import problems, states
from adapters.docs_site.app import TOKEN
from adapters.docs_site.diagram import Plan, Table, arrows, within
from adapters.docs_site.drawing import drawn
from adapters.docs_site.markdown import rendered, table
from adapters.http.problem_kinds import DECLINED, INTERNAL, KINDS
from adapters.stripe.webhooks import SUBSCRIBED
from domain.refund import REFUND_TRANSITIONS
from domain.status import TRANSITIONS
from entrypoints.docs import problem_types, site
from entrypoints.settings import ConfigurationError, load
from tests.unit.test_documented import ROOT, USING

SITE = "http://docs.example"
SECRET = "s" * 32
DIAGRAMS = [
    pytest.param(states.PAYMENT, TRANSITIONS, id="payment"),
    pytest.param(states.REFUND, REFUND_TRANSITIONS, id="refund"),
]


class Read(HTMLParser):
    """What a page consists of, as far as tests ask."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.inline: list[str] = []
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self._inside = tag
        self.ids += [told["id"] or ""] if "id" in told else []
        self.links += [told["href"] or ""] if tag == "a" else []
        self.loaded += [told[name] or "" for name in ("src", "href") if name in told and tag != "a"]
        self.inline += [name for name in told if name == "style" or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        if self._inside in {"script", "style"} and data.strip():
            self.inline.append(data)


def a_client(**variables: str) -> httpx.AsyncClient:
    given = {"APP_ENV": "test", "JWT_SECRET": SECRET, "API_URL": "https://pay.example", "DOCS_URL": SITE, **variables}
    app = site(load(given, to_serve=False, to_store=False))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=SITE)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with a_client() as client:
        yield client


async def every_page(client: httpx.AsyncClient) -> dict[str, Read]:
    """The pages by path, found as a reader finds them: from the first one, by links."""
    found: dict[str, Read] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        answer = await client.get(path)
        assert answer.status_code == 200, path
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        found[path] = Read(answer.text)
        ours = {urlsplit(link).path or path for link in found[path].links if is_ours(link)}
        waiting += [link for link in ours if link not in found and link not in waiting]
    return found


def is_ours(link: str) -> bool:
    return not urlsplit(link).netloc or link.startswith(SITE)


class TestThePages:
    async def test_every_link_leads_somewhere(self, client: httpx.AsyncClient) -> None:
        """
        To a page that there is, and on it to a place that there is.
        """
        pages = await every_page(client)

        broken = [
            (path, link)
            for path, page in pages.items()
            for link in page.links
            if is_ours(link) and (anchor := urlsplit(link).fragment)
            if anchor not in pages[urlsplit(link).path or path].ids
        ]
        assert broken == []
        assert {"/", "/api", "/using", "/operating", "/problems", "/states", "/webhooks-stripe"} <= set(pages)

    async def test_nothing_comes_from_elsewhere_and_nothing_stands_inline(self, client: httpx.AsyncClient) -> None:
        """
        The site works without a network, and under a policy that lets no script be slipped in.
        """
        for path, page in (await every_page(client)).items():
            assert page.inline == [], path
            assert len(page.ids) == len(set(page.ids)), path
            for address in page.loaded:
                assert address.startswith("/static/"), path
                assert (await client.get(address)).status_code == 200, address

    async def test_addresses_in_the_documents_are_those_that_are_true_here(self, client: httpx.AsyncClient) -> None:
        """
        What is printed works when it is pasted.
        """
        start = (await client.get("/")).text

        assert "export API=https://pay.example\n" in start
        assert f'href="{SITE}/problems/refund-too-large"' in start
        assert "127.0.0.1:888" not in start

    async def test_what_is_not_there_is_404_with_a_page_that_says_so(self, client: httpx.AsyncClient) -> None:
        """
        Also where a path has another spelling, or goes up.
        """
        for path in ("/nothing", "/Using", "/static/../app.py", "/static/swagger-ui-standalone-preset.js"):
            answer = await client.get(path)
            assert (answer.status_code, "There is nothing at this address" in answer.text) == (404, True), path

    async def test_every_answer_has_the_policy(self, client: httpx.AsyncClient) -> None:
        """
        No script but the site's own; requests to the site and the API alone.
        """
        for answer in [await client.get("/api"), await client.get("/nothing"), await client.post("/api")]:
            policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
            assert policy["default-src"] == "'none'"
            assert policy["script-src"] == policy["style-src"] == "'self'"
            assert policy["connect-src"] == "'self' https://pay.example"
            assert answer.headers["x-content-type-options"] == "nosniff"

    async def test_head_tells_what_get_would_and_a_known_page_is_not_sent_again(
        self, client: httpx.AsyncClient
    ) -> None:
        """
        Pages change only with the process.
        """
        page, head = await client.get("/using"), await client.head("/using")
        again = await client.get("/using", headers={"If-None-Match": page.headers["etag"]})

        assert (head.status_code, head.headers["etag"]) == (200, page.headers["etag"])
        assert (again.status_code, again.content) == (304, b"")


class TestTheApi:
    async def test_the_document_names_the_api_as_its_server(self, client: httpx.AsyncClient) -> None:
        """
        "Try it out" calls what the operator says.
        """
        document = (await client.get("/openapi.json")).json()

        assert document["servers"] == [{"url": "https://pay.example"}]
        assert "/payments" in document["paths"]

    async def test_a_token_is_offered_in_development(self, client: httpx.AsyncClient) -> None:
        """
        And is kept by nobody on the way.
        """
        answer = await client.get(TOKEN)

        assert answer.json()["token"].count(".") == 2
        assert answer.headers["cache-control"] == "no-store"
        assert TOKEN in (await client.get("/api")).text

    async def test_production_offers_no_token(self) -> None:
        """
        Not even where somebody left development's secret.
        """
        async with a_client(APP_ENV="production") as client:
            assert (await client.get(TOKEN)).status_code == 404
            assert TOKEN not in (await client.get("/api")).text

    def test_production_must_say_where_its_api_is(self) -> None:
        """
        A guess would send readers to their own machines.
        """
        with pytest.raises(ConfigurationError, match="API_URL"):
            site(load({"APP_ENV": "production"}, to_serve=False, to_store=False))


class TestTheErrors:
    def test_people_have_written_about_every_code(self) -> None:
        """
        When it is told, in the table of `docs/using.md`; and of nothing else.
        """
        codes = {kind.code for kind in [*KINDS.values(), DECLINED, INTERNAL]}
        words = problems.read_words(USING)

        assert set(words) == codes
        assert all(words[code].when for code in codes)

    async def test_every_type_has_its_page_where_its_uri_says(self, client: httpx.AsyncClient) -> None:
        """
        Who meets an error opens its `type`.
        """
        for one in problem_types(SITE):
            answer = await client.get(f"{SITE}/problems/{one.code}")
            assert answer.status_code == 200
            assert f"<code>{one.code}</code>" in answer.text
            assert f"{SITE}/problems/{one.code}&quot;" in answer.text


class TestTheDiagrams:
    @pytest.mark.parametrize(("plan", "transitions"), DIAGRAMS)
    def test_the_arrows_are_the_table(self, plan: Plan, transitions: Table) -> None:
        """
        No arrow too few, none too many; those within a group are told in words.
        """
        told = [pair for arrow in arrows(plan, transitions) for pair in arrow.pairs]
        inside = {
            (one, other)
            for group in plan.groups
            if within(group, transitions)
            for one in group.statuses
            for other in group.statuses
            if one != other
        }

        assert len(told) == len(set(told))
        assert {*told} | inside == {(was, now) for was, targets in transitions.items() for now in targets}

    @pytest.mark.parametrize(("plan", "transitions"), DIAGRAMS)
    def test_every_status_and_every_label_is_drawn(self, plan: Plan, transitions: Table) -> None:
        """
        A label for an arrow that is gone would be lost in silence.
        """
        svg = drawn(plan, transitions, "test")

        assert [status for status in transitions if f">{status}</text>" not in svg] == []
        assert [label for label in plan.labels.values() if f">{label}</text>" not in svg] == []
        assert svg.count('class="label"') == len(plan.labels) == len(arrows(plan, transitions))

    @pytest.mark.parametrize(("plan", "transitions"), DIAGRAMS)
    def test_nothing_is_drawn_over_anything(self, plan: Plan, transitions: Table) -> None:
        """
        Statuses and labels stand apart, inside the drawing.
        """
        svg = drawn(plan, transitions, "test")
        boxes = [*boxes_of("status", svg), *boxes_of("under", svg)]
        [width, height] = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)" width', svg)[0]

        assert all(x >= 0 and x + w <= float(width) and y >= 0 and y + h <= float(height) for x, y, w, h in boxes)
        assert [pair for pair in pairs(boxes) if overlap(*pair)] == []

    async def test_it_can_be_read_aloud(self, client: httpx.AsyncClient) -> None:
        """
        A title, a description that says it all, and a table below it.
        """
        page = (await client.get("/states")).text

        assert page.count('role="img" aria-labelledby="') == 2
        assert '<title id="payment-title">What a payment may become</title>' in page
        assert "SUCCEEDED may become REVIEW" in page
        assert [status for status in TRANSITIONS if f'">{status}</span></th>' not in page] == []


class TestTheColours:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_text_can_be_read_on_what_it_stands_on(self, scheme: str) -> None:
        """
        A contrast of at least 4.5 : 1, as WCAG 2.2 asks of text (1.4.3).
        """
        sheet = (ROOT / "src" / "adapters" / "docs_site" / "static" / "site.css").read_text("utf-8")
        roots = re.findall(r":root {(.*?)}", sheet, re.DOTALL)
        light, dark = (dict(re.findall(r"--([\w-]+): #(\w{6});", root)) for root in roots)
        colours = light if scheme == "light" else dark
        kinds = [(kind, f"{kind}-soft") for kind in ("accent", "open", "held", "paid", "unpaid", "review")]
        plain = [(text, under) for text in ("text", "quiet", "accent") for under in ("page", "raised", "code")]

        assert set(light) == set(dark)
        assert [pair for pair in [*kinds, *plain] if contrast(*(colours[name] for name in pair)) < 4.5] == []


class TestMarkdown:
    def test_headings_can_be_pointed_at(self) -> None:
        """
        As on GitHub, so that links hold on both; two of the same name have two anchors.
        """
        text = rendered("# Title\n\n## Pay `by` card\n\n### Pay by card\n", {})

        assert text.title == "Title"
        assert [(heading.level, heading.anchor) for heading in text.headings] == [
            (2, "pay-by-card"),
            (3, "pay-by-card-1"),
        ]

    def test_links_go_where_the_site_has_what_they_name(self) -> None:
        """
        What it does not have stands there without a link.
        """
        html = rendered(
            "[a](using.md#errors) [b](../env.example) [c](https://c.example) [d](#d)", {"using.md": "/using"}
        ).html

        assert html == ('<p><a href="/using#errors">a</a> b <a href="https://c.example">c</a> <a href="#d">d</a></p>\n')

    def test_html_is_text(self) -> None:
        """
        Documents bring no script.
        """
        assert "<script>" not in rendered("<script>alert(1)</script>", {}).html

    def test_a_table_that_is_gone_is_found_out(self) -> None:
        """
        At the start, not by a reader.
        """
        with pytest.raises(ValueError, match="there is no table of Status in Errors"):
            table("\n## Errors\n\nNothing.\n", "Errors", "Status")


def test_an_endpoint_at_stripe_is_told_to_subscribe_to_what_we_heed() -> None:
    """
    Less would leave payments open until they are asked about, more would be ignored.
    """
    guide = (ROOT / "docs" / "webhooks-stripe.md").read_text("utf-8")

    assert set(re.findall(r"^ +\| `([a-z_.]+)` \|", guide, re.MULTILINE)) == SUBSCRIBED


def contrast(one: str, other: str) -> float:
    """Of two colours, as WCAG reckons it."""
    darker, lighter = sorted(luminance(colour) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


Box = tuple[float, float, float, float]


def boxes_of(kind: str, svg: str) -> list[Box]:
    found = re.findall(rf'<rect class="{kind}" x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="([\d.]+)"', svg)
    return [(float(x), float(y), float(w), float(h)) for x, y, w, h in found]


def pairs(boxes: list[Box]) -> Iterator[tuple[Box, Box]]:
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            yield one, other


def overlap(one: Box, other: Box) -> bool:
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    )
