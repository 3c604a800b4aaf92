"""Operations, structs and problem types, put together as one OpenAPI document."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from adapters.http.openapi import bodies, components, examples
from adapters.http.openapi.operation import Answer, Operation, Parameter
from adapters.http.openapi.operations import OPERATIONS, TAGS
from adapters.http.openapi.problems import BY_CODE, problem_example
from adapters.http.problem_kinds import Kind
from adapters.http.problems import PROBLEM_JSON
from adapters.http.replies import JSON

_UNAUTHORIZED: Final = 401
_PAYMENT_REQUIRED: Final = 402
#: Where a request can be refused before anything measures how long that takes.
_UNMEASURED: Final = frozenset({400, 408, 431})
#: What stands in for a path's parameters in examples.
_IN_PATHS: Final[Mapping[str, str]] = {
    "payment_id": examples.PAYMENT,
    "refund_id": examples.REFUND,
    "method_id": examples.METHOD,
    "user_id": examples.USER,
    "token": "{token}",
}


def openapi_document(*, docs_url: str, version: str, servers: Sequence[str] = ()) -> dict[str, Any]:
    """The whole contract. `docs_url` is the base of problem types; `servers`: where the API is, if that is known."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, docs_url)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Payment service",
            "version": version,
            "summary": "Take money by Stripe and M-Pesa, give it back, and prove everything that happened.",
            "description": components.INTRODUCTION,
            "license": {"name": "ISC", "identifier": "ISC"},
        },
        **({"servers": [{"url": url} for url in servers]} if servers else {}),
        "tags": [{"name": name, "description": says} for name, says in TAGS.items()],
        "paths": paths,
        "components": components.components(),
    }


def _operation(operation: Operation, docs_url: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.title,
        "description": " ".join([operation.says, *_needs(operation)]),
        "parameters": [
            *(_parameter(parameter) for parameter in operation.parameters),
            *({"$ref": f"#/components/parameters/{name}"} for name in _headers(operation)),
        ],
        "responses": {**_successes(operation), **_problems(operation, docs_url)},
        "security": _security(operation),
    }
    if operation.scope:
        told["x-required-scope"] = operation.scope
    if operation.body is not None:
        told["requestBody"] = {
            "required": not operation.body_may_be_missing,
            "content": {
                JSON: {
                    "schema": components.reference(operation.body),
                    **({"examples": _examples(operation.examples)} if operation.examples else {}),
                }
            },
        }
    return told


def _needs(operation: Operation) -> Iterator[str]:
    if operation.scope is not None:
        yield f"Needs the scope `{operation.scope}`." if operation.scope else "Any valid token will do."


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.security is not None:
        return [{operation.security: []}]
    if operation.scope is None:
        return []
    return [{"token": [operation.scope] if operation.scope else []}]


def _headers(operation: Operation) -> list[str]:
    named = ["X-Request-Id"]
    if operation.takes_key:
        named.append("Idempotency-Key")
    if operation.reads_after:
        named.append("X-Read-After")
    if any("ETag" in answer.headers for answer in operation.answers):
        named.append("If-None-Match")
    return named


def _parameter(parameter: Parameter) -> dict[str, Any]:
    told = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.says,
        "schema": parameter.schema,
    }
    return told if parameter.example is None else {**told, "example": parameter.example}


def _examples(examples: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace(" ", "-"): {"summary": name, "value": value} for name, value in examples.items()}


def _successes(operation: Operation) -> dict[str, Any]:
    return {str(answer.status): _success(answer) for answer in operation.answers}


def _success(answer: Answer) -> dict[str, Any]:
    names = ("X-Request-Id", "Cache-Control", "Server-Timing", *answer.headers)
    told: dict[str, Any] = {
        "description": answer.says,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
    }
    if answer.schema is not None:
        told["content"] = {JSON: {"schema": components.reference(answer.schema)}}
        if answer.examples:
            whole = {name: bodies.enveloped(answer.schema, data) for name, data in answer.examples.items()}
            told["content"][JSON]["examples"] = _examples(whole)
    return told


def _problems(operation: Operation, docs_url: str) -> dict[str, Any]:
    kinds = sorted((BY_CODE[code] for code in operation.codes), key=lambda kind: kind.status)
    by_status = {status: list(found) for status, found in groupby(kinds, key=lambda kind: kind.status)}
    return {str(status): _problem(found, operation, docs_url) for status, found in by_status.items()}


def _problem(kinds: list[Kind], operation: Operation, docs_url: str) -> dict[str, Any]:
    status = kinds[0].status
    names = ["X-Request-Id", "Cache-Control"]
    if status == _UNAUTHORIZED:
        names.append("WWW-Authenticate")
    if status == _PAYMENT_REQUIRED:
        names += ["Idempotent-Replayed", "X-Read-After"]
    if any(kind.retry_after is not None for kind in kinds):
        names.append("Retry-After")
    path = operation.path.format(**_IN_PATHS)
    return {
        "description": "; ".join(f"`{kind.code}`: {kind.title}" for kind in kinds),
        "headers": {
            **{name: {"$ref": f"#/components/headers/{name}"} for name in names},
            "Server-Timing": {**components.HEADERS["Server-Timing"], "required": status not in _UNMEASURED},
        },
        "content": {
            PROBLEM_JSON: {
                "schema": {
                    "allOf": [
                        components.reference("Problem"),
                        {"properties": {"code": {"enum": [kind.code for kind in kinds]}, "status": {"const": status}}},
                    ]
                },
                "examples": {kind.code: {"value": problem_example(kind, path, docs_url)} for kind in kinds},
            }
        },
    }
