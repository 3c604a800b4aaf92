"""What only real sockets show: slow clients, HEAD over a real server, and a key set over real HTTP."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
import uvicorn

from adapters.http.key_sets import KeysUnreadable, key_source
from adapters.http.slow_clients import SlowClientProtocol
from tests.builders import a_payment
from tests.fakes_http import DOCS, World, a_body, a_token, code_of, post_payment

Patient = SlowClientProtocol.documented(DOCS)


class Impatient(Patient):  # type: ignore[misc, valid-type]  # made at run time, as the API does
    """Deadlines a test can wait for."""

    headers_within = 0.3
    request_within = 0.6


@asynccontextmanager
async def serving(app: Any, protocol: type[asyncio.Protocol] = Impatient) -> AsyncIterator[int]:
    """A uvicorn of ours on a free port of this machine."""
    config = uvicorn.Config(app, http=protocol, log_config=None, access_log=False, server_header=False, lifespan="off")
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    running = asyncio.create_task(server._serve([listening]))  # `serve` would take over the signals
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    await running
    listening.close()


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def ended_after(port: int, talk: Talk) -> tuple[float, bytes]:
    """How long until the server ends the connection, and everything it said."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    talking = asyncio.ensure_future(talk(reader, writer))
    said = b""
    async with asyncio.timeout(5):
        with suppress(ConnectionResetError):
            while chunk := await reader.read(4096):
                said += chunk
    talking.cancel()
    await asyncio.gather(talking, return_exceptions=True)
    writer.close()
    return loop.time() - began, said


def drip(beginning: bytes, drop: bytes) -> Talk:
    """Says `beginning`, then a `drop` every 50 ms for ever."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        while True:
            await asyncio.sleep(0.05)
            writer.write(drop)

    return talk


def problem_in(said: bytes) -> Any:
    """The problem at the end of a conversation, once it is made sure that it is one as it should be."""
    head, _, body = said.rpartition(b"\r\n\r\n")
    problem = json.loads(body)
    assert b"content-type: application/problem+json" in head
    assert f"x-request-id: {problem['correlation_id']}".encode() in head
    assert problem["type"] == f"{DOCS}/problems/{problem['code']}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["success"] is False
    return problem


HEAD_OF_A_POST = (
    b"POST /payments HTTP/1.1\r\nhost: api\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n"
    b"authorization: Bearer " + a_token().encode() + b"\r\n\r\n"
)
A_GET = b"GET /health/live HTTP/1.1\r\nhost: api\r\n\r\n"

SLOW: dict[str, tuple[Talk, float]] = {
    "silent from the start": (drip(b"", b""), 0.3),
    "headers byte by byte": (drip(b"GET / HTTP/1.1\r\nx-slow: ", b"y"), 0.3),
    "empty lines for ever": (drip(b"", b"\r\n"), 0.3),
    "a body byte by byte": (drip(HEAD_OF_A_POST, b" "), 0.6),
    "a body that stops": (drip(HEAD_OF_A_POST, b""), 0.6),
}


@pytest.mark.parametrize(("talk", "at_least"), SLOW.values(), ids=SLOW)
async def test_a_slow_client_is_told_so_and_let_go(talk: Talk, at_least: float) -> None:
    """The deadline is absolute: no byte moves it."""
    async with serving(World().app()) as port:
        seconds, said = await ended_after(port, talk)

    assert at_least <= seconds < 4
    assert said.startswith(b"HTTP/1.1 408 ")
    assert problem_in(said)["code"] == "request-timeout"


async def test_headers_without_end_are_cut_off() -> None:
    """However fast they come: the parser itself would keep them all."""

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET /health/live HTTP/1.1\r\nhost: api\r\n")
        while True:
            writer.write(b"x-more: " + b"y" * 8000 + b"\r\n")
            await writer.drain()

    async with serving(World().app(), Patient) as port:
        seconds, said = await ended_after(port, flood)

    assert seconds < 4
    assert not said or said.startswith(b"HTTP/1.1 431 ")  # a reset may overtake the answer


async def test_what_is_no_http_is_told_so_as_a_problem() -> None:
    """Even below the application."""

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")

    async with serving(World().app(), Patient) as port:
        _, said = await ended_after(port, babble)

    assert said.startswith(b"HTTP/1.1 400 ")
    assert problem_in(said)["code"] == "bad-request"


@pytest.mark.parametrize("said", [A_GET[:-10], HEAD_OF_A_POST + b"{"], ids=["in its headers", "in its body"])
async def test_who_stops_speaking_halfway_is_told_while_it_listens(said: bytes) -> None:
    """A connection that is half closed still takes an answer."""

    async def stop(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.write_eof()

    async with serving(World().app(), Patient) as port:
        _, answer = await ended_after(port, stop)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert problem_in(answer)["code"] == "request-cut-short"


async def test_an_upgrade_that_is_not_offered_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """The request is answered as it is, and nobody is advised to install anything."""
    upgrade = {"connection": "upgrade", "upgrade": "websocket"}

    async with serving(World().app(), Patient) as port, httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(f"http://127.0.0.1:{port}/health/live", headers=upgrade)

    assert response.status_code == 200
    assert "pip install" not in caplog.text


async def test_a_request_without_a_host_is_refused() -> None:
    """As a problem, from the application."""

    async def nameless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET /health/live HTTP/1.1\r\nconnection: close\r\n\r\n")

    async with serving(World().app(), Patient) as port:
        _, said = await ended_after(port, nameless)

    assert said.startswith(b"HTTP/1.1 400 ")
    assert problem_in(said)["code"] == "bad-request"


async def test_an_idle_line_between_requests_does_not_hold_the_connection() -> None:
    """After an answer, too, an empty line begins a deadline."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await drip(A_GET, b"\r\n")(reader, writer)

    async with serving(World().app()) as port:
        seconds, said = await ended_after(port, talk)

    assert seconds < 4
    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in said


async def test_a_slow_answer_is_nobodys_fault() -> None:
    """Deadlines are for requests: a request that has arrived may take as long as it takes."""

    async def slow(_scope: Any, _receive: Any, send: Any) -> None:
        await asyncio.sleep(1)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async with serving(slow) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        response = await client.post("/", content=b"x" * 100)

    assert response.text == "ok"


async def test_half_a_request_does_not_cost_the_one_before_its_answer() -> None:
    """Whoever sends the next request in pieces while the first is answered still gets the first answer."""

    async def slow(_scope: Any, _receive: Any, send: Any) -> None:
        await asyncio.sleep(0.8)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async with serving(slow) as port:
        _, said = await ended_after(port, drip(A_GET + A_GET[:20], b""))

    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"ok" in said


async def test_requests_on_one_connection_have_a_deadline_each() -> None:
    """A connection that is kept is not a request that lasts."""
    async with serving(World().app()) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(4):
            assert (await client.get("/health/live")).status_code == 200
            await asyncio.sleep(0.25)


async def test_a_client_with_time_enough_is_served_over_a_real_server() -> None:
    """The same answers as in-process: HEAD with its length, errors as problems, no banner."""
    world = World()
    headers = {"authorization": f"Bearer {a_token()}"}

    async with (
        serving(world.app(), Patient) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client,
    ):
        paid, head, missing = await post_payment(client), await client.head("/"), await client.get("/nothing")
        large = await post_payment(client, a_body(metadata={"x": "y" * 100_000}))
        own = f"/payments/{world.shelf.put(a_payment()).id}"
        tag = (await client.get(own)).headers["etag"]
        known = await client.get(own, headers={"if-none-match": tag})
        after = await client.get("/health/live")

    assert paid.status_code == 201
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 0
    assert "server" not in head.headers
    assert code_of(missing) == "not-found"
    assert code_of(large) == "payload-too-large"
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert not {"transfer-encoding", "content-length"} & set(known.headers)
    assert after.status_code == 200


def answering(status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Any:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": body})

    return app


async def test_a_key_set_is_fetched_over_http() -> None:
    """From where it is published."""
    async with serving(answering(200, b'{"keys": []}')) as port:
        assert await key_source(f"http://127.0.0.1:{port}/jwks")() == b'{"keys": []}'


@pytest.mark.parametrize(
    "app",
    [
        answering(500, b"oops"),
        answering(302, b"", ((b"location", b"http://127.0.0.1:1/"),)),
        answering(200, b"x" * (1024 * 1024 + 1)),
    ],
    ids=["an error", "a redirect", "too large"],
)
async def test_what_is_no_key_set_is_not_taken_for_one(app: Any) -> None:
    """An error page, a redirect and a flood are all: the source is away."""
    async with serving(app) as port:
        with pytest.raises(KeysUnreadable):
            await key_source(f"http://127.0.0.1:{port}/jwks")()


async def test_a_source_that_does_not_answer_is_away() -> None:
    """Connection refused."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(KeysUnreadable):
        await key_source(f"http://127.0.0.1:{port}/jwks")()
