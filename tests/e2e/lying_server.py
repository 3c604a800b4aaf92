"""A server that is nearly ours: it asks the true one, and changes what that says."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import msgspec
from aiohttp import web

#: More than a walk ever sends: what is too large is the true server's to refuse.
_LARGEST: Final = 1 << 17
_ITS_OWN: Final = {"host", "content-length", "connection", "transfer-encoding", "accept-encoding"}


@dataclass
class Said:
    """What the true server said of a request, to be changed at will."""

    status: int
    headers: dict[str, str]
    body: Any


#: By method and path, ids as `{}`.
Lies = Mapping[str, Callable[[Said], None]]


@asynccontextmanager
async def lying(http: httpx.AsyncClient, url: str, lies: Lies) -> AsyncIterator[str]:
    """The address of a server that passes everything on to `url`, but for its lies."""

    async def answer(request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _ITS_OWN}
        content = await request.read()
        true = await http.request(request.method, url + request.raw_path, content=content, headers=headers)
        kept = {name: value for name, value in true.headers.items() if name not in _ITS_OWN}
        if request.method == "HEAD":
            kept["content-length"] = true.headers["content-length"]
        said = Said(true.status_code, kept, true.content)
        lie = lies.get(f"{request.method} {_nameless(request.path)}")
        if lie is not None:
            said.body = msgspec.json.decode(true.content)
            lie(said)
            said.body = msgspec.json.encode(said.body)
        return web.Response(status=said.status, headers=said.headers, body=said.body)

    async with _serving(answer) as address:
        yield address


@dataclass
class Stub:
    """Answers GET / with `home`, and knows nothing else."""

    home: Mapping[str, Any] = field(default_factory=dict)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        async def answer(request: web.Request) -> web.Response:
            return web.json_response(dict(self.home)) if request.path == "/" else web.Response(status=404)

        async with _serving(answer) as address:
            yield address


@asynccontextmanager
async def _serving(answer: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    app = web.Application(client_max_size=_LARGEST)
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None, max_line_size=_LARGEST, max_field_size=_LARGEST)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _nameless(path: str) -> str:
    return "/".join(
        "{}" if len(part) == len("01a20553-00dc-743c-881f-e105512882ca") else part for part in path.split("/")
    )
