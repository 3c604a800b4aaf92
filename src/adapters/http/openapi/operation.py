"""One operation of the API, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: What may go wrong on any route, before anything else is looked at.
EVERYWHERE: Final = (
    "bad-request",
    "unknown-parameter",
    "not-acceptable",
    "url-too-long",
    "headers-too-large",
    "internal-error",
)
#: What may go wrong where the caller is named.
OF_CALLERS: Final = ("unauthenticated", "unavailable")
#: What may be wrong with a body of JSON.
OF_BODIES: Final = (
    "invalid-request",
    "invalid-encoding",
    "malformed-json",
    "json-too-deep",
    "duplicate-json-key",
    "too-many-keys",
    "payload-too-large",
    "unsupported-media-type",
    "request-timeout",
    "request-cut-short",
)
#: What an idempotency key may bring.
OF_KEYS: Final = (
    "invalid-idempotency-key",
    "idempotency-key-in-use",
    "idempotency-key-reused",
    "idempotency-key-expired",
    "outcome-unknown",
)
#: What may be wrong with an id in the path.
OF_IDS: Final = ("malformed-id", "not-found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One success: its status, what it holds (a component's name; None: no body), and the headers it brings."""

    status: int
    says: str
    schema: str | None = None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of the query or the path."""

    name: str
    says: str
    schema: Mapping[str, Any]
    place: str = "query"
    example: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    What can be asked of one route. `scope` None: anybody may; "": any valid token. `body` is a component's name.

    `problems` are the codes that only this operation knows; the rest follows from what it takes.
    """

    id: str
    method: str
    path: str
    tag: str
    title: str
    says: str
    answers: tuple[Answer, ...]
    scope: str | None = None
    body: str | None = None
    body_may_be_missing: bool = False
    examples: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    takes_key: bool = False
    reads_after: bool = False
    problems: tuple[str, ...] = ()
    security: str | None = None

    @property
    def codes(self) -> list[str]:
        """Every problem that it may answer with."""
        found = [*EVERYWHERE, *self.problems]
        if self.scope is not None:
            found += [*OF_CALLERS, *(["forbidden"] if self.scope else [])]
        if self.body is not None and self.scope is not None:
            found += OF_BODIES
        if any(parameter.place == "path" for parameter in self.parameters):
            found += OF_IDS
        if self.takes_key:
            found += OF_KEYS
        if self.scope is not None:
            found.append("invalid-read-after")
        return list(dict.fromkeys(found))
