"""The contract that machines read is the one that is served."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator

from adapters.http.openapi.document import openapi_document
from adapters.http.openapi.operations import OPERATIONS
from adapters.http.openapi.problems import MEMBERS
from adapters.http.problem_kinds import DECLINED, KINDS
from adapters.http.views import entry_view
from domain.errors import Invalid
from domain.history import FLAGS, GENESIS, Cause, CauseKind, Note, RefundMove, tell
from entrypoints.tokens import SCOPES
from tests.builders import an_mpesa_payment
from tests.daraja_refunds import a_refund
from tests.fakes_http import DOCS, World, a_settled_payment

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


def faults_of(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with `value`, by a schema of the document."""
    whole = OAS31Validator({**schema, "components": DOCUMENT["components"]}, format_checker=oas31_format_checker)
    return [f"{fault.json_path}: {fault.message}" for fault in whole.iter_errors(value)]


def contents() -> Iterator[Any]:
    """Every body of the document, with its examples: what is asked, what is answered, what goes wrong."""
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
            for name, body in bodies.items():
                for content in body.get("content", {}).values():
                    yield pytest.param(content, id=f"{method} {path} {name}")


@pytest.mark.parametrize("content", list(contents()))
def test_examples_are_what_they_are_examples_of(content: Mapping[str, Any]) -> None:
    """
    Whoever writes code by an example writes the right one.
    """
    wrong = {name: faults_of(one["value"], content["schema"]) for name, one in content.get("examples", {}).items()}

    assert not any(wrong.values()), wrong


def test_every_answer_has_an_example() -> None:
    """
    But for this document itself.
    """
    bare = [
        (operation.id, answer.status)
        for operation in OPERATIONS
        for answer in operation.answers
        if answer.schema is not None and not answer.examples
    ]

    assert bare == [("OpenApi", 200)]


def test_problems_tell_what_their_errors_know() -> None:
    """
    And the document says which of them tells what.
    """
    told = {kind.code: set(kind.tells) for kind in KINDS.values() if kind.tells} | {DECLINED.code: {"data"}}
    for error, kind in KINDS.items():
        if issubclass(error, Invalid) and kind.status != HTTPStatus.INTERNAL_SERVER_ERROR:
            told.setdefault(kind.code, set()).add("errors")

    assert {code: set(members) for code, members in MEMBERS.items()} == told


def test_a_story_is_told_in_the_documents_shape() -> None:
    """
    An entry has no struct: what was stored is told. So every kind of it is held against the schema.
    """
    paid, cause = a_settled_payment(), Cause(CauseKind.WEBHOOK, "evt_1")
    asked = an_mpesa_payment()
    refund = a_refund(payment=paid)
    flagged = replace(paid, **dict.fromkeys(FLAGS, True), amount_to_capture=700, amount_excess_refunded=1)
    entries = [
        entry_view(tell(None, asked, cause, GENESIS), GENESIS, None),
        entry_view(tell(asked, replace(asked, version=2), cause, GENESIS), GENESIS, None),
        entry_view(tell(paid, flagged, cause, GENESIS), GENESIS, None),
        entry_view(tell(paid, paid, cause, GENESIS, RefundMove(None, refund)), GENESIS, None),
        entry_view(tell(paid, paid, cause, GENESIS, note="c2VhbGVk"), GENESIS, Note("They called.", {"by": "phone"})),
    ]

    assert [faults_of(entry, {"$ref": "#/components/schemas/HistoryEntry"}) for entry in entries] == [[]] * 5


async def test_who_has_it_already_is_not_sent_it_again() -> None:
    """
    It is large, and changes with a new version only.
    """
    async with World().client("") as client:
        tag = (await client.get("/openapi.json")).headers["etag"]
        again = await client.get("/openapi.json", headers={"if-none-match": tag})
        other = await client.get("/openapi.json", headers={"if-none-match": '"another"'})

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert other.status_code == 200
