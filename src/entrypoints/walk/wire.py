"""One request and its answer."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import httpx

#: Ids, and the tokens of callbacks: nobody reads more than the beginning.
_LONG: Final = re.compile(r"\b([0-9a-fA-F]{8})(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|\b([0-9a-f]{8})[0-9a-f]{56}\b")
_LONGEST_SHOWN: Final = 48
#: What an answer has no place for.
ABSENT: Final = "—"


def shown(value: Any) -> str:
    """Short: ids by their first digits, and of a long text the beginning."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = _LONG.sub(lambda found: f"{found[1] or found[2]}…", text)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


class Lost(Exception):
    """An answer lacks what the next steps need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request. `body` is sent as JSON; `content` as it is. Without `token` it says nothing of who sends it."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    token: bool = True

    def with_(self, **changes: Any) -> Self:
        return replace(self, **changes)

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in httpx.QueryParams(dict(self.query)).multi_items())
        return f"{self.method} {shown(self.path)}" + (f"?{shown(query)}" if query else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. Status 0: nothing did, and `content` says why."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    duration_ms: int

    @classmethod
    def of(cls, response: httpx.Response, duration_ms: int) -> Self:
        return cls(
            status=response.status_code, headers=response.headers, content=response.content, duration_ms=duration_ms
        )

    @property
    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    def at(self, path: str) -> Any:
        """What stands at a dotted path of the body, such as `data.0.id`; ABSENT where nothing does."""
        value = self.json
        for name in path.split("."):
            if isinstance(value, dict) and name in value:
                value = value[name]
            elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
                value = value[int(name)]
            else:
                return ABSENT
        return value

    def need(self, path: str) -> Any:
        """
        What stands at a dotted path of the body.

        Raises:
            Lost: nothing does.
        """
        value = self.at(path)
        if value is ABSENT:
            raise Lost(f"an answer has no {path}")
        return value

    @property
    def id(self) -> str:
        """The id of what the answer is about."""
        return str(self.need("data.id"))

    @property
    def items(self) -> list[dict[str, Any]]:
        """The objects of a list; empty where it is none."""
        data = self.at("data")
        return [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []


def get(path: str, /, **query: Any) -> Sent:
    return Sent(method="GET", path=path, query=query)


def post(path: str, body: Any = None, *, key: str | None = None) -> Sent:
    """`key` is its Idempotency-Key."""
    return Sent(method="POST", path=path, body=body, headers={"Idempotency-Key": key} if key else {})


def delete(path: str) -> Sent:
    return Sent(method="DELETE", path=path)
