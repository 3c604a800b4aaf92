"""What is wrong with a request is told by the problems that its operation names, and by no other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec
import pytest
from litestar import Litestar

from adapters.http.openapi.operation import Operation
from adapters.http.openapi.operations import OPERATIONS
from entrypoints.tokens import SCOPES
from tests.builders import SOMEONE
from tests.fakes_http import A_TOKEN, World, a_token

#: Of a kind that we make, and nobody's.
AN_ID: Final = "01a20641-e10e-7235-b303-59d4c322ca03"
OF_A_PATH: Final[Mapping[str, str]] = {
    "user_id": str(SOMEONE),
    "payment_id": AN_ID,
    "refund_id": AN_ID,
    "method_id": AN_ID,
    "token": A_TOKEN,
}


@dataclass(frozen=True)
class Sent:
    """A request that is as its operation asks for, but for what a fault changes."""

    operation: Operation
    names: Mapping[str, str] = field(default_factory=lambda: dict(OF_A_PATH))
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str = field(default_factory=lambda: a_token(*SCOPES))
    body: bytes | None = None

    def with_(self, **headers: str) -> "Sent":
        return replace(
            self, headers={**self.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
        )

    async def code(self, app: Litestar) -> str | None:
        """The code of the problem that is told; None for a success."""
        operation, body, headers = self.operation, self.body, dict(self.headers)
        if body is None and operation.body is not None:
            body = msgspec.json.encode(next(iter(operation.examples.values()), {}))
        if body is not None:
            headers = {"content-type": "application/json", "stripe-signature": "t=1,v1=proven", **headers}
        async with World().client(self.token, app=app) as client:
            answer = await client.request(
                operation.method, operation.path.format(**self.names) + self.query, content=body, headers=headers
            )
        return None if answer.is_success else str(answer.json()["code"])


@pytest.fixture(scope="module")
def app() -> Litestar:
    return World().app()


def of_an_id(sent: Sent) -> Sent:
    return replace(sent, names=dict.fromkeys(OF_A_PATH, "1"))


FAULTS: Final[Mapping[str, Callable[[Sent], Sent]]] = {
    "unauthenticated": lambda sent: replace(sent, token=""),
    "forbidden": lambda sent: replace(sent, token=a_token("nothing:read")),
    "unknown-parameter": lambda sent: replace(sent, query="?colour=red"),
    "not-acceptable": lambda sent: sent.with_(accept="text/html"),
    "url-too-long": lambda sent: replace(sent, query="?colour=" + "r" * 9000),
    "headers-too-large": lambda sent: sent.with_(colour="r" * 17_000),
    "malformed-id": of_an_id,
    "invalid-read-after": lambda sent: sent.with_(x_read_after="yesterday"),
    "invalid-idempotency-key": lambda sent: sent.with_(idempotency_key="a key"),
    "invalid-parameter": lambda sent: replace(sent, query="?limit=0"),
    "invalid-cursor": lambda sent: replace(sent, query="?cursor=forged"),
    "unsupported-media-type": lambda sent: replace(sent, body=b"{}").with_(content_type="text/plain"),
    "payload-too-large": lambda sent: replace(sent, body=b" " * 300_000),
    "malformed-json": lambda sent: replace(sent, body=b"{"),
    "invalid-encoding": lambda sent: replace(sent, body=b'"\xff"'),
    "json-too-deep": lambda sent: replace(sent, body=b"[" * 40 + b"]" * 40),
    "duplicate-json-key": lambda sent: replace(sent, body=b'{"a": 1, "a": 2}'),
    "too-many-keys": lambda sent: replace(sent, body=msgspec.json.encode({str(n): n for n in range(1001)})),
    "invalid-request": lambda sent: replace(sent, body=b'{"colour": "red"}'),
    "invalid-signature": lambda sent: sent.with_(stripe_signature="t=1,v1=forged"),
}


@pytest.mark.parametrize("code", FAULTS)
async def test_a_fault_is_told_where_the_document_says_so(app: Litestar, code: str) -> None:
    """
    And nowhere else: who reads the document knows what to expect, and expects nothing in vain.
    """
    told = {operation.id: await FAULTS[code](Sent(operation)).code(app) for operation in OPERATIONS}

    assert [name for name, found in told.items() if found == code] == [
        one.id for one in OPERATIONS if code in one.codes
    ]
    assert [one.id for one in OPERATIONS if told[one.id] not in {None, *one.codes}] == []
