"""The documentation server as a reader has it: in a browser, with no network but this machine."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from adapters.http.openapi.operations import OPERATIONS
from entrypoints.tokens import SOMEONE
from tests.databases import a_database, a_folder
from tests.e2e.eventually import eventually
from tests.e2e.processes import SOURCE, Program, environment, free_port
from tests.e2e.running import API, Plan, Service

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
#: A machine that is busy with other tests takes its time.
expect.set_options(timeout=20_000)
START: Final = (SOURCE.parent / "docs" / "start.md").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Site:
    """A running documentation server, and the service whose API it is about. `variables`: its environment."""

    service: Service
    address: str
    variables: dict[str, str]


@pytest.fixture(scope="module")
async def site(durable_server: object, durable_template: str) -> AsyncIterator[Site]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    plan = Plan(settings={"CORS_ORIGINS": address, "DOCS_URL": address})
    async with a_database(durable_server, template=durable_template) as database:
        with a_folder() as folder:
            async with Service.running(plan, database, folder) as service:
                variables = service._variables(API) | {"DOCS_PORT": str(port), "API_URL": service.api(API)}
                program = Program.start("entrypoints.docs", variables=variables, log=folder / "docs.log")
                try:
                    await eventually(lambda: answers(service.http, f"{address}/health/live", program))
                    yield Site(service, address, variables)
                finally:
                    program.ask_to_stop()
                    assert program.wait() == 0


async def answers(http: httpx.AsyncClient, address: str, program: Program) -> bool:
    assert program.runs, program.said
    try:
        return (await http.get(address)).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no browser on this machine: Debian's package is called chromium")
    async with async_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield browser
        await browser.close()


@asynccontextmanager
async def reading(browser: Browser, site: Site, path: str) -> AsyncIterator[Page]:
    """A page of the site. Nothing but this machine can be reached from it, and nothing else may be tried."""
    context = await browser.new_context(base_url=site.address)
    page = await context.new_page()
    elsewhere: list[str] = []
    complaints: list[str] = []

    async def gate(route: Route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            await route.continue_()
        else:
            elsewhere.append(route.request.url)
            await route.abort()

    await context.route("**/*", gate)
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        await page.goto(path)
        yield page
    finally:
        await context.close()
    assert (elsewhere, complaints) == ([], [])


async def test_the_page_of_the_api_shows_every_operation(site: Site, browser: Browser) -> None:
    """
    From files of its own alone.
    """
    async with reading(browser, site, "/api") as page:
        await expect(page.locator(".opblock")).to_have_count(len(OPERATIONS))
        assert await page.locator(".servers option").all_inner_texts() == [site.service.api(API)]


async def test_trying_it_out_makes_a_payment(site: Site, browser: Browser) -> None:
    """
    With the development token, the example as it stands, in a browser that minds origins and the page's policy.
    """
    async with reading(browser, site, "/api") as page:
        await page.get_by_role("button", name="Authorize with a development token").click()
        await expect(page.get_by_role("status")).to_contain_text("Authorized")
        operation = page.locator("[id$=-StartPayment]")
        await operation.locator(".opblock-summary-control").click()
        await operation.get_by_role("button", name="Execute").click()
        answer = operation.locator(".live-responses-table tr.response")
        await expect(answer.locator(".response-col_status")).to_contain_text("201")
        shown = await answer.locator(".microlight").first.inner_text()

        payment = msgspec.json.decode(shown)["data"]
        told = await site.service.http.get(
            f"{site.service.api()}/payments/{payment['id']}",
            headers={"Authorization": f"Bearer {site.service.token(SOMEONE)}"},
        )
        assert (payment["status"], told.json()["data"]["status"]) == ("SUCCEEDED", "SUCCEEDED")


async def test_what_needs_an_id_works_as_it_stands(site: Site, browser: Browser) -> None:
    """
    Whatever is tried first: the ids in examples stand for what was made here last, and is made where there is none.
    """
    async with reading(browser, site, "/api") as page:
        await page.get_by_role("button", name="Authorize with a development token").click()
        await expect(page.get_by_role("status")).to_contain_text("Authorized")
        for name, status in {"CapturePayment": "200", "FindRefund": "200", "RemovePaymentMethod": "204"}.items():
            operation = page.locator(f"[id$=-{name}]")
            await operation.locator(".opblock-summary-control").click()
            await operation.get_by_role("button", name="Execute").click()
            answer = operation.locator(".live-responses-table tr.response .response-col_status")
            await expect(answer, name).to_contain_text(status)
            await operation.locator(".opblock-summary-control").click()


async def test_a_token_is_still_there_after_a_reload(site: Site, browser: Browser) -> None:
    """
    Whoever reads on need not authorize again.
    """
    async with reading(browser, site, "/api") as page:
        await page.get_by_role("button", name="Authorize with a development token").click()
        await expect(page.get_by_role("status")).to_contain_text("Authorized")
        await page.reload()

        await expect(page.locator(".auth-wrapper button.authorize.locked")).to_be_visible()


async def test_an_errors_type_opens_its_page(site: Site, browser: Browser) -> None:
    """
    The API's answer says where to read on, and there it stands.
    """
    refused = (await site.service.http.get(f"{site.service.api()}/payments")).json()

    async with reading(browser, site, refused["type"]) as page:
        await expect(page.get_by_role("heading", level=1)).to_have_text(refused["title"])
        await expect(page.locator("dl")).to_contain_text(refused["code"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_the_diagrams_can_be_seen(site: Site, browser: Browser, scheme: str, width: int) -> None:
    """
    On a phone and on a desk, by day and by night; the page itself never scrolls sideways.
    """
    async with reading(browser, site, "/states") as page:
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await page.set_viewport_size({"width": width, "height": 800})
        for name in ("What a payment may become", "What a refund may become"):
            await expect(page.get_by_role("img", name=name)).to_be_visible()
        colours = await page.locator("svg .status").first.evaluate(
            "box => [getComputedStyle(box).fill, getComputedStyle(box.parentNode.querySelector('.name')).fill]"
        )
        assert colours[0] != colours[1]
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("path", ["/", "/using", "/operating", "/webhooks-stripe", "/webhooks-mpesa", "/problems"])
async def test_a_page_fits_on_a_phone(site: Site, browser: Browser, path: str) -> None:
    """
    What is wide, a table or a line of code, scrolls by itself.
    """
    async with reading(browser, site, path) as page:
        await page.set_viewport_size({"width": 360, "height": 800})

        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()


async def test_the_start_page_works_as_printed(site: Site, tmp_path: Path) -> None:
    """
    Pasted into bash, line after line: every block, and after each what the page says to expect.
    """
    for program in ("bash", "curl", "sed"):
        if shutil.which(program) is None:
            pytest.skip(f"the printed lines need {program}")
    blocks = re.findall(r"^```bash\n(.*?)^```", START, re.MULTILINE | re.DOTALL)
    script = "\necho ---\n".join(blocks).replace("http://127.0.0.1:8888", site.service.api(API))
    script = script.replace(".venv/bin/payments", f"{sys.executable} -m entrypoints.cli")
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        env=environment(**site.variables),
        cwd=tmp_path,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    _, types, paid, seen, held, taken, back, refused, prompted, lists, story = done.stdout.decode().split("---\n")
    assert '"type":"MPESA"' in types
    assert '"status":"SUCCEEDED"' in paid
    assert '"amount_captured":2500' in paid
    assert '"status":"SUCCEEDED"' in seen
    assert '"status":"AUTHORIZED"' in held
    assert '"capture_before":"' in held
    assert '"amount_captured":3000' in taken
    assert '"status":"SUCCEEDED"' in back
    assert '"code":"refund-too-large"' in refused
    assert '"refundable":1500' in refused
    assert prompted.index('"status":"REQUIRES_ACTION"') < prompted.index('"status":"SUCCEEDED"')
    assert '"next_cursor":' in lists
    assert '"refund_status":"PARTIAL"' in lists
    assert '"verified":true' in story
