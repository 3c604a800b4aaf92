"""The contract that machines read is the one that is served."""

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from adapters.http.openapi.document import openapi_document
from adapters.http.openapi.operations import OPERATIONS
from adapters.http.problem_kinds import DECLINED, KINDS
from entrypoints.tokens import SCOPES
from tests.fakes_http import DOCS, World

DOCUMENT: dict[str, Any] = openapi_document(docs_url=DOCS, version="0.1.0", servers=["http://127.0.0.1:8888"])
#: What OpenAPI does not tell of: the service answers them on every path by itself.
_EVERYWHERE = {"HEAD", "OPTIONS"}


def test_it_is_openapi() -> None:
    """
    By the specification's own schema.
    """
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_route_is_told_and_every_operation_is_served() -> None:
    """
    Neither a secret door nor a painted one; under the operation's own name.
    """
    served = {
        (re.sub(r":\w+}", "}", route.path_format), method.lower()): handler.operation_id
        for route in World().app().routes
        for handler in getattr(route, "route_handlers", [])
        for method in handler.http_methods - _EVERYWHERE
    }

    assert {(operation.path, operation.method): operation.id for operation in OPERATIONS} == served


def test_every_problem_type_may_come_from_somewhere() -> None:
    """
    Which route may answer with it is told; but for what every path may say.
    """
    told = {code for operation in OPERATIONS for code in operation.codes}
    everywhere = {"method-not-allowed", "too-many-requests"}

    assert {kind.code for kind in [*KINDS.values(), DECLINED]} - everywhere == told - everywhere


def test_scopes_are_those_that_tokens_have() -> None:
    """
    A scope that no token can have would shut the door for good.
    """
    assert {operation.scope for operation in OPERATIONS if operation.scope} == set(SCOPES)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_every_operation_is_explained(operation: Any) -> None:
    """
    In a title, a sentence, and for bodies that mean something, an example.
    """
    assert operation.title
    assert operation.says.endswith(".")
    if operation.body is not None and operation.scope is not None:
        assert operation.examples


async def test_it_is_served_as_it_is() -> None:
    """
    Bare, without a token, by a name that changes with it.
    """
    async with World().client("") as client:
        answer = await client.get("/openapi.json")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"].startswith('"')
    assert answer.json()["paths"] == json.loads(json.dumps(DOCUMENT["paths"]))
