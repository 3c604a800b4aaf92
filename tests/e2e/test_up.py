"""`payments up`: everything on one machine, from one command; and nothing of it left when that command ends."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.databases import a_folder
from tests.e2e import stories
from tests.e2e.eventually import eventually
from tests.e2e.process_table import family, left_of
from tests.e2e.processes import Program, environment, free_port

pytestmark = [
    pytest.mark.xdist_group("up"),
    pytest.mark.skipif(shutil.which("ps") is None, reason="ps shows what is left"),
]

#: API, worker, documentation, two stand-ins and a database server; and the command itself.
_AT_LEAST = 7
_WITHOUT_SANDBOX = 5


@dataclass(frozen=True, slots=True)
class Up:
    """The running command, what it printed, and every process it started."""

    program: Program
    printed: str
    pids: set[int]

    @property
    def lines(self) -> list[str]:
        """What is meant to be pasted: the token, and three requests."""
        return [line for line in self.printed.splitlines() if line.startswith(("export ", "curl "))]

    @property
    def token(self) -> str:
        return self.lines[0].removeprefix("export TOKEN=")

    def address(self, name: str) -> str:
        found = re.search(rf"^\s+{name}\s+(http://127\.0\.0\.1:\d+)", self.printed, re.MULTILINE)
        assert found is not None, self.printed
        return found[1]

    async def get(self, url: str) -> Any:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            answer = await http.get(url, headers={"Authorization": f"Bearer {self.token}"})
        return answer.raise_for_status().json()

    async def post(self, url: str, body: Any) -> Any:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            answer = await http.post(url, json=body, headers={"Authorization": f"Bearer {self.token}"})
        return answer.raise_for_status().json()

    async def leaves_nothing(self) -> None:
        async def nothing() -> bool:
            return not await asyncio.to_thread(left_of, self.pids)

        await eventually(nothing)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """One LOCAL_DIR for all starts: the first is cold."""
    with a_folder() as folder:
        yield folder


async def test_one_command_takes_money_by_card_and_by_phone(home: Path) -> None:
    """
    The lines it prints work when pasted: the card is charged at once, M-Pesa within five seconds, the story verifies,
    and each ledger holds one charge, though the last line is pasted twice; M-Pesa gives its own back when asked to.
    Nobody else reads what they were answered. Told to stop, it ends with 0 and leaves no process; started again, all is
    there.
    """
    if shutil.which("curl") is None:
        pytest.skip("the printed lines need curl")
    async with _started(home) as up:
        token, card, prompt, story = up.lines
        api, docs, stripe, daraja = (up.address(name) for name in ("API", "Docs", "Stripe", "Daraja"))
        paid, asked = [(await asyncio.to_thread(_bash, token, line))["data"] for line in (card, prompt)]
        again = await asyncio.to_thread(_bash, token, prompt)
        assert (again["code"], again["payment_id"]) == ("duplicate-payment", asked["id"])
        assert again["type"] == f"{docs}/problems/duplicate-payment"
        assert (await up.get(f"{docs}/openapi.json"))["servers"] == [{"url": api}]
        assert (home / "local" / "payment.json").stat().st_mode & 0o777 == 0o600
        assert paid["status"] == "SUCCEEDED"
        assert asked["status"] == "REQUIRES_ACTION"

        async def is_paid() -> bool:
            return bool((await up.get(f"{api}/payments/{asked['id']}"))["data"]["status"] == "SUCCEEDED")

        await eventually(is_paid, within=5)
        told = stories.check_told(await asyncio.to_thread(_bash, token, story))
        assert (told[0]["payment_id"], told[-1]["status"]) == (asked["id"], "SUCCEEDED")
        stories.check_told(await up.get(f"{api}/payment-history/{paid['id']}"))
        assert len((await up.get(f"{stripe}/_ledger"))["charges"]) == 1
        assert len((await up.get(f"{daraja}/_ledger"))["payments"]) == 1
        await up.post(f"{api}/refunds", {"payment_id": asked["id"]})

        async def is_given_back() -> bool:
            return bool((await up.get(f"{api}/payments/{asked['id']}"))["data"]["refund_status"] == "FULL")

        await eventually(is_given_back, within=5)

        up.program.ask_to_stop()
        assert await asyncio.to_thread(up.program.wait) == 0
        await up.leaves_nothing()

    async with _started(home) as later:
        kept = await later.get(f"{later.address('API')}/payments/{paid['id']}")
        assert kept["data"]["status"] == "SUCCEEDED"


async def test_a_killed_command_leaves_no_process_behind(home: Path) -> None:
    """
    SIGKILL gives it no chance to end anything: its children see that it is gone, and go.
    """
    async with _started(home) as up:
        up.program.kill()

        await up.leaves_nothing()


@pytest.mark.parametrize("name", ["PORT", "DOCS_PORT", "SANDBOX_STRIPE_PORT", "SANDBOX_DARAJA_PORT"])
async def test_a_port_that_is_taken_is_named_before_anything_starts(home: Path, name: str) -> None:
    """
    Most often by another `payments up`: whoever started it is told which variable to set.
    """
    with socket.create_server(("127.0.0.1", 0)) as somebody_else:
        program = _start(home, **{name: str(somebody_else.getsockname()[1])})

        async def has_ended() -> bool:
            return not program.runs

        await eventually(has_ended, within=60)

    assert program.wait() == 1
    assert f"Set {name} to another one" in _plainly(program.said)


async def test_a_process_that_is_killed_ends_all_of_them_and_is_named(home: Path) -> None:
    """
    In words: what killed it, not a number below zero. Nothing goes on without it.
    """
    async with _started(home) as up:
        (worker,) = [pid for pid in up.pids if "entrypoints.worker" in await asyncio.to_thread(_command, pid)]
        os.kill(worker, signal.SIGKILL)

        assert await asyncio.to_thread(up.program.wait) == 1
        await up.leaves_nothing()

    assert "worker was killed by signal 9 (Killed)" in _plainly(up.program.said)


async def test_it_says_what_it_starts_and_how_to_use_that_and_no_more(home: Path) -> None:
    """
    With a Stripe account of one's own there is no sandbox and no M-Pesa; with one's own auth service, no token.
    """
    own = {"STRIPE_SECRET_KEY": "sk_test_mine", "JWT_JWKS": "https://auth.example.org/jwks.json"}
    async with _started(home, **own) as up:
        assert "Starting: database, worker, documentation, API…" in up.printed
        assert [line.split()[0] for line in up.lines] == ["export", "curl", "curl"]
        assert up.token == "…"
        assert "MPESA" not in up.printed
        assert "sandbox" not in up.printed


@asynccontextmanager
async def _started(home: Path, **variables: str) -> AsyncIterator[Up]:
    program = _start(home, **variables)
    try:

        async def printed() -> str:
            assert program.runs, program.said
            said = program.log.read_text()
            return said if "/payment-history/" in said else ""

        text = await eventually(printed, within=60)
        pids = await asyncio.to_thread(family, program.pid)
        assert len(pids) >= (_AT_LEAST if not variables else _WITHOUT_SANDBOX)
        yield Up(program, text, pids)
    finally:
        program.ask_to_stop()
        await asyncio.to_thread(program.wait)


def _start(home: Path, **variables: str) -> Program:
    ports = {name: str(free_port()) for name in ("PORT", "DOCS_PORT", "SANDBOX_STRIPE_PORT", "SANDBOX_DARAJA_PORT")}
    log = home / "up.log"
    log.unlink(missing_ok=True)
    settings = {"LOCAL_DIR": str(home / "local"), **ports, **variables}
    return Program.start("entrypoints.cli", "up", variables=settings, log=log)


def _plainly(said: str) -> str:
    """Without the box that errors stand in, and on one line."""
    return " ".join(said.replace("│", " ").split())


def _command(pid: int) -> str:
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout


def _bash(token: str, line: str) -> Any:
    """The printed line as printed."""
    script = f"{token}\n{line}\n"
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=environment(), check=True, timeout=30)
    return msgspec.json.decode(done.stdout)
