"""Finished answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
from litestar.types import Receive, Scope, Send

JSON: Final = "application/json"
_NO_CONTENT: Final = 204
#: One's own things may be kept by one's own browser, and are asked for again each time.
PRIVATE: Final = {"cache-control": "private, no-cache"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """
    Bytes that are sent as they are; an ASGI application of its own, which spares Litestar a quarter of its work.

    Header names are in lower case.
    """

    body: bytes
    status: int = 200
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def bare(cls, value: Any) -> "Reply":
        """A value without the envelope."""
        return cls(body=msgspec.json.encode(value))

    @classmethod
    def empty(cls) -> "Reply":
        """204: it is done, and there is nothing to say."""
        return cls(body=b"", status=_NO_CONTENT)

    def with_headers(self, headers: Mapping[str, str]) -> "Reply":
        return replace(self, headers={**self.headers, **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        headers = self.headers
        if self.body:
            headers = {"content-type": self.media_type, "content-length": str(len(self.body)), **headers}
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()],
            }
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": False})
