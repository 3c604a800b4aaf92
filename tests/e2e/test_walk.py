"""`payments e2e`: every endpoint of a running server, by a client that knows the contract alone."""

import json
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from adapters.postgres.embedded import EmbeddedPostgres
from entrypoints.settings import load
from entrypoints.tokens import SCOPES, development_token
from tests.databases import a_database, a_folder
from tests.e2e.lying_server import Lies, Said, Stub, lying
from tests.e2e.processes import free_port
from tests.e2e.running import Plan, Service
from tests.e2e.shell import Shell

pytestmark = pytest.mark.xdist_group("walk")

_NO_STRIPE = {"STRIPE_SECRET_KEY": "", "STRIPE_WEBHOOK_SECRET": "", "STRIPE_BASE_URL": ""}
_NO_MPESA = {
    "MPESA_BASE_URL": "",
    "MPESA_CALLBACK_URL": "",
    "MPESA_CONSUMER_KEY": "",
    "MPESA_CONSUMER_SECRET": "",
    "MPESA_PASSKEY": "",
    "MPESA_SHORTCODE": "",
    "MPESA_INITIATOR_NAME": "",
    "MPESA_INITIATOR_PASSWORD": "",
    "MPESA_CERTIFICATE": "",
    "MPESA_B2C_SHORTCODE": "",
}


@pytest.fixture
def shell() -> Iterator[Shell]:
    with a_folder() as folder:
        yield Shell(folder, {})


async def test_a_running_server_keeps_its_contract(service: Service, shell: Shell) -> None:
    """
    Every endpoint, both gateways, bad input, repeats: each check is ok; exit code 0.
    """
    done = await walk(shell, service.api(), service.customer().token)

    told = json.loads(done.stdout)
    assert rows(told, "failed") == []
    assert (done.returncode, told["failed"], told["ok"]) == (0, 0, len(rows(told, "ok")))
    assert {row["seen"] for row in told["rows"] if row["outcome"] == "skipped"} <= {
        "the token lacks the scope admin",
        "not in /openapi.json",
    }


async def test_an_admin_sees_everybody_s_and_is_walked_as_such(service: Service, shell: Shell) -> None:
    """
    What a plain token is refused, an admin's is given; what is for the one is skipped for the other. As a table.
    """
    admin = development_token(load(service._variables("api-1")), uuid4(), [*SCOPES, "admin"])

    done = await shell.payments("e2e", "--url", service.api(), API_KEY=admin)

    assert done.returncode == 0, done.stdout
    assert "an admin pays for another user" in done.stdout
    assert "the token has the scope admin" in done.stdout
    assert "0 failed" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(("without", "skipped"), [(_NO_STRIPE, "stripe"), (_NO_MPESA, "mpesa")])
async def test_what_is_not_configured_is_skipped(
    durable_server: EmbeddedPostgres, durable_template: str, shell: Shell, without: Mapping[str, str], skipped: str
) -> None:
    """
    A server with one gateway keeps the whole contract, but for what the other does.
    """
    async with a_service(durable_server, durable_template, without) as service:
        done = await walk(shell, service.api(), service.customer().token)

    told = json.loads(done.stdout)
    assert (done.returncode, rows(told, "failed")) == (0, [])
    assert ("all of it", f"{skipped} is not configured there") in {(row["rule"], row["seen"]) for row in told["rows"]}
    assert len(rows(told, "ok")) > 100


async def test_a_server_that_breaks_its_contract_is_found_out(service: Service, shell: Shell) -> None:
    """
    Whatever is not as it should be is a failed row that says what was seen, and whom to ask; exit code 1.
    """
    async with lying(service.http, service.api("api-1"), LIES) as url:
        done = await walk(shell, url, service.customer().token)

    told = json.loads(done.stdout)
    failed = {(row["topic"], row["rule"]): row for row in told["rows"] if row["outcome"] == "failed"}
    assert done.returncode == 1
    assert set(failed) == {
        ("Health", "messages of gateways that wait are counted"),
        ("Refunds: of nothing", "an id that is none"),
        ("History: of a payment", "each entry hashes all before it"),
        ("History: of a payment", "the chain holds with the notes in it"),
    }
    assert failed["Health", "messages of gateways that wait are counted"]["seen"] == "200, waiting none"
    assert "broken at 1" in failed["History: of a payment", "each entry hashes all before it"]["seen"]
    broken = failed["Refunds: of nothing", "an id that is none"]
    assert broken["seen"] == "500, code internal-error"
    assert broken["trouble"] == "internal-error: Something went wrong"
    assert broken["request_id"]


async def test_a_server_that_goes_away_is_a_failure_and_no_crash(service: Service, shell: Shell) -> None:
    """
    Half-way through, nobody answers sensibly any more: what could not be tried is told, and the walk goes on.
    """

    def nonsense(said: Said) -> None:
        said.status, said.body = 200, ["nonsense"]

    async with lying(service.http, service.api("api-1"), {"POST /payments": nonsense}) as url:
        done = await walk(shell, url, service.customer().token)

    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert "not tried: an answer has no data.id" in {row["seen"] for row in told["rows"]}
    assert ("The contract", "the contract is served") in {
        (row["topic"], row["rule"]) for row in told["rows"] if row["outcome"] == "ok"
    }


async def test_what_cannot_even_begin_exits_with_2(service: Service, shell: Shell) -> None:
    """
    No token, none of ours, too weak a one, one that the server refuses; nobody there: each in one line, without a row.
    """
    user = uuid4()
    good = service.token(user)
    settings = load(service._variables("api-1"))
    weak = development_token(settings, user, ["payments:read"])
    foreign = development_token(load({**service._variables("api-1"), "JWT_SECRET": "x" * 64}), user)
    api = service.api()

    for token, url, why in (
        ("", api, "API_KEY must be set"),
        ("not-a-token", api, "API_KEY is no bearer token"),
        (weak, api, "lacks history:write, methods:read"),
        (foreign, api, "GET /payment/types: 401"),
        (good, f"http://127.0.0.1:{free_port()}", "nobody answers"),
    ):
        done = await walk(shell, url, token)
        assert (done.returncode, done.stdout) == (2, "")
        assert why in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("home", "why"),
    [
        ({"status": "ok"}, "not a payment service"),
        ({"service": "payment-service", "mode": "live"}, "may move real money"),
        ({"service": "payment-service"}, "may move real money"),
    ],
    ids=["another service", "live", "silent about it"],
)
async def test_a_server_that_may_move_real_money_is_not_walked(
    service: Service, shell: Shell, home: Mapping[str, Any], why: str
) -> None:
    """
    Only one that says of itself that it is in test mode is; nothing overrides that.
    """
    async with Stub(home).serving() as url:
        done = await walk(shell, url, service.token(uuid4()))

    assert (done.returncode, done.stdout) == (2, "")
    assert why in " ".join(done.stderr.split())


async def walk(shell: Shell, url: str, token: str) -> "subprocess.CompletedProcess[str]":
    return await shell.payments("e2e", "--url", url, "--json", API_KEY=token)


def rows(told: Any, outcome: str) -> list[str]:
    """The rows of this outcome, each in one line."""
    return [
        " | ".join(str(row[name]) for name in ("topic", "rule", "sent", "expected", "seen", "trouble"))
        for row in told["rows"]
        if row["outcome"] == outcome
    ]


@asynccontextmanager
async def a_service(server: EmbeddedPostgres, template: str, settings: Mapping[str, str]) -> AsyncIterator[Service]:
    async with a_database(server, template=template) as database:
        with a_folder() as logs:
            async with Service.running(Plan(settings=settings), database, logs) as service:
                yield service


def _counts_nothing(said: Said) -> None:
    said.body["waiting"] = "none"


def _alters(said: Said) -> None:
    if said.status == 200:
        said.body["data"][0]["amount"] += 1


def _breaks(said: Said) -> None:
    kind = {"type": "https://docs.example/problems/internal-error", "code": "internal-error"}
    said.status, said.body = 500, said.body | kind | {"status": 500, "detail": "Something went wrong"}


LIES: Lies = {
    "GET /webhooks/health": _counts_nothing,
    "GET /payment-history/{}": _alters,
    "GET /refunds/re_1": _breaks,
}
