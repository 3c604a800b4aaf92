"""What the contract promises of an answer: each in words, with what was seen instead."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from entrypoints.walk.wire import ABSENT, Answer, Sent, shown

_CLIENT_ERROR: Final = 400
_NO_CONTENT: Final = 204
_NOT_MODIFIED: Final = 304
_OF_A_PROBLEM: Final = ("type", "title", "status", "detail", "instance", "code", "correlation_id")
#: Answered without the envelope.
_BARE: Final = ("/health/", "/webhooks/", "/queue/", "/metrics", "/openapi.json")


@dataclass(frozen=True, slots=True)
class Expected:
    """`seen` tells what is there, in words; `holds` whether that is as it should be."""

    words: str
    seen: Callable[[Answer], str]
    holds: Callable[[Answer], bool]


def status(*codes: int) -> Expected:
    return Expected(
        " or ".join(map(str, codes)),
        lambda answer: str(answer.status) if answer.status else f"no answer: {answer.content.decode()}",
        lambda answer: answer.status in codes,
    )


def member(path: str, value: Any) -> Expected:
    """At a dotted path of the body stands this."""
    name = _name(path)
    return Expected(
        f"{name} {shown(value)}",
        lambda answer: f"{name} {shown(answer.at(path))}",
        lambda answer: type(answer.at(path)) is type(value) and bool(answer.at(path) == value),
    )


def data(**facts: Any) -> list[Expected]:
    """The object in the envelope has these members."""
    return [member(f"data.{name}", value) for name, value in facts.items()]


def there(*paths: str) -> list[Expected]:
    """At these dotted paths of the body stands something."""
    return [_there(path) for path in paths]


def header(name: str, value: str | None = None) -> Expected:
    """The header is there; with this value, if one is named."""
    return Expected(
        f"{name}: {value or '…'}",
        lambda answer: f"{name}: {shown(answer.headers.get(name, ABSENT))}",
        lambda answer: name in answer.headers and value in {None, answer.headers[name]},
    )


def no_body() -> Expected:
    return Expected("no body", lambda answer: f"{len(answer.content)} bytes", lambda answer: not answer.content)


def that(words: str, seen: Callable[[Answer], tuple[bool, str]]) -> Expected:
    """Anything else: `seen` gives whether it holds, and what is there."""
    return Expected(words, lambda answer: seen(answer)[1], lambda answer: seen(answer)[0])


def problem(code: int, kind: str, *, field: str | None = None) -> list[Expected]:
    """A problem of this status and code; `field` is named among its errors."""
    expected = [status(code), member("code", kind)]
    if field is not None:
        expected.append(
            that(f"errors: {field}", lambda answer: (field in _fields(answer), f"errors: {', '.join(_fields(answer))}"))
        )
    return expected


def made(**facts: Any) -> list[Expected]:
    """201, with an object that has these members."""
    return [status(201), *data(**facts)]


def told(**facts: Any) -> list[Expected]:
    """200, with an object that has these members."""
    return [status(200), *data(**facts)]


def in_form(sent: Sent) -> Expected:
    """What is promised of every answer: its id, and the envelope or the problem document around what it says."""
    return that("the contract's form", lambda answer: (not _faults(sent, answer), "; ".join(_faults(sent, answer))))


def _is_there(answer: Answer, path: str) -> bool:
    return answer.at(path) not in (ABSENT, None, "", [], {})


def _there(path: str) -> Expected:
    return Expected(
        f"{_name(path)} there",
        lambda answer: f"{_name(path)} {'there' if _is_there(answer, path) else 'missing'}",
        lambda answer: _is_there(answer, path),
    )


def _faults(sent: Sent, answer: Answer) -> list[str]:
    if not answer.status:
        return []
    faults = [] if answer.headers.get("x-request-id") else ["no X-Request-Id"]
    if answer.status >= _CLIENT_ERROR:
        return faults + _problem_faults(sent, answer)
    if answer.status in {_NO_CONTENT, _NOT_MODIFIED} or sent.method in {"HEAD", "OPTIONS"} or _is_bare(sent.path):
        return faults
    return faults + _envelope_faults(answer)


def _problem_faults(sent: Sent, answer: Answer) -> list[str]:
    faults = []
    if answer.headers.get("content-type") != "application/problem+json":
        faults.append(f"content-type {answer.headers.get('content-type', ABSENT)}")
    if sent.method == "HEAD":
        return faults
    faults += [f"no {name}" for name in _OF_A_PROBLEM if answer.at(name) is ABSENT]
    if answer.at("status") != answer.status:
        faults.append(f"status {shown(answer.at('status'))} in the body")
    if answer.at("success") is not False:
        faults.append("success is not false")
    if not str(answer.at("type")).endswith(f"/problems/{answer.at('code')}"):
        faults.append(f"type {shown(answer.at('type'))}")
    return faults + _correlation_faults(answer, "correlation_id")


def _envelope_faults(answer: Answer) -> list[str]:
    faults = []
    if answer.headers.get("content-type") != "application/json":
        faults.append(f"content-type {answer.headers.get('content-type', ABSENT)}")
    if answer.at("success") is not True:
        faults.append("success is not true")
    if answer.at("data") is ABSENT:
        faults.append("no data")
    return faults + _correlation_faults(answer, "metadata.correlation_id")


def _correlation_faults(answer: Answer, path: str) -> list[str]:
    """A replayed answer is the first one's, whole."""
    replayed = "idempotent-replayed" in answer.headers
    if replayed or answer.at(path) == answer.headers.get("x-request-id"):
        return []
    return [f"{path} is not the X-Request-Id"]


def _is_bare(path: str) -> bool:
    return path == "/" or path.startswith(_BARE)


def _fields(answer: Answer) -> list[str]:
    errors = answer.at("errors")
    return [str(error.get("field")) for error in errors] if isinstance(errors, list) else []


def _name(path: str) -> str:
    return path.removeprefix("data.")
