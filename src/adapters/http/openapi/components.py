"""What operations share: schemas of the structs in use, headers, parameters, and how callers prove who they are."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from adapters.http.openapi import bodies
from adapters.http.openapi.problems import PROBLEM

_TEMPLATE: Final = "#/components/schemas/{name}"

INTRODUCTION: Final = """\
Amounts are integers of minor units (`2500` USD is 25.00 dollars). Times are ISO 8601 in UTC. Ids are UUIDs in lower
case.

Every success carries the envelope `{"success": true, "data": …, "metadata": {"correlation_id": …}}`; errors are
`application/problem+json` (RFC 9457) with a `code`, and each `type` has a page of its own. `HEAD` works wherever `GET`
does; `OPTIONS` tells what a path allows, and so does `Allow` where a method is refused with 405
`method-not-allowed`.
"""


def reference(name: str) -> dict[str, str]:
    return {"$ref": _TEMPLATE.format(name=name)}


def components() -> dict[str, Any]:
    """Everything under `components`."""
    return {
        "schemas": {**_structs(), **_envelopes(), "Problem": PROBLEM},
        "headers": {name: dict(header) for name, header in HEADERS.items()},
        "parameters": PARAMETERS,
        "securitySchemes": SECURITY,
    }


def _structs() -> dict[str, Any]:
    _, found = msgspec.json.schema_components(list(bodies.STRUCTS.values()), ref_template=_TEMPLATE)
    named = {struct.__name__: name for name, struct in bodies.STRUCTS.items()}
    text = msgspec.json.encode(found).decode()
    for struct, name in named.items():
        text = text.replace(f'"#/components/schemas/{struct}"', f'"#/components/schemas/{name}"')
    schemas: dict[str, Any] = {named.get(name, name): schema for name, schema in msgspec.json.decode(text).items()}
    for name, schema in schemas.items():
        schema["title"] = name
        for patch in bodies.PATCHES.get(name, ()):
            patch(schema)
    return schemas


def _envelopes() -> dict[str, Any]:
    one = {name: _envelope(reference(inner), reference("Metadata")) for name, inner in bodies.ENVELOPES.items()}
    many = {
        name: _envelope({"type": "array", "items": reference(inner)}, reference(metadata))
        for name, (inner, metadata) in bodies.LISTS.items()
    }
    return {**one, **many, **bodies.OTHERS}


def _envelope(data: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"success": {"const": True}, "data": data, "metadata": metadata},
        "required": ["success", "data", "metadata"],
        "additionalProperties": False,
    }


def _header(says: str, schema: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"description": says, "schema": schema, **more}


_TEXT: Final = {"type": "string"}
HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "X-Request-Id": _header(
        "The request's id: the caller's if it was sane, else ours.",
        {"type": "string", "minLength": 1},
        required=True,
    ),
    "Cache-Control": _header(
        "Who may keep this.", {"type": "string", "enum": ["no-store", "no-cache", "private, no-cache"]}, required=True
    ),
    "Location": _header("Where what was made can be looked at.", _TEXT),
    "Retry-After": _header("In how many seconds to try again.", {"type": "string", "pattern": "^[0-9]+$"}),
    "Idempotent-Replayed": _header("This answer was given before.", {"type": "string", "const": "true"}),
    "ETag": _header("Names this state of the object: send it back in If-None-Match.", _TEXT),
    "X-Read-After": _header("Where reads see what was written; only where a replica is configured.", _TEXT),
    "Server-Timing": _header(
        "Milliseconds, in all and at the gateway: `gateway;dur=12.3, total;dur=15.1`.", _TEXT, required=True
    ),
    "WWW-Authenticate": _header("How to prove who calls.", _TEXT, required=True),
}
PARAMETERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "X-Request-Id": {
        "name": "X-Request-Id",
        "in": "header",
        "description": "An id of the caller's for this request: letters, digits, dots, dashes, underscores.",
        "schema": {"type": "string"},
    },
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes the request safe to repeat: the same key and body get the same answer. Kept 30 days.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~][!-~]*$"},
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of the state you have: unchanged, the answer is 304 without a body.",
        "schema": {"type": "string"},
    },
    "X-Read-After": {
        "name": "X-Read-After",
        "in": "header",
        "description": "As an answer to a write gave it: the read sees what was written.",
        "schema": {"type": "string", "pattern": "^A[Q-X][A-Za-z0-9_-]{10}$"},
    },
}
SECURITY: Final[Mapping[str, Any]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the auth service's: `iss` auth-service, `aud` payment-service, `sub` the user, "
        "`scopes` what it may do. It sees and uses its own user's things only, unless it has the scope `admin`.",
    },
    "stripeSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "Stripe-Signature",
        "description": "Stripe's signature over the body (`t=…,v1=…`).",
    },
}
