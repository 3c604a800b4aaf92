"""The table of problems, and that no route was forgotten."""

import re
from uuid import uuid4

import pytest
from litestar.exceptions import HTTPException, ImproperlyConfiguredException
from litestar.routes import HTTPRoute
from uuid_utils.compat import uuid7

from adapters.http.problem_kinds import DECLINED, INTERNAL, KINDS, kind_of
from adapters.http.problems import shown_path
from domain.errors import IllegalTransition, Invalid, KeyInUse, Refused
from tests.fakes_http import A_TOKEN, World, code_of

OPEN_TO_ALL = {"/openapi.json", "/", "/health/live", "/health/ready", "/webhooks/health"}
PROVEN_OTHERWISE = {
    "/webhooks/stripe",
    "/webhooks/mpesa",
    "/webhooks/mm/{token}",
    "/webhooks/mm/{token}/result",
    "/webhooks/mm/{token}/timeout",
}


def test_an_error_without_a_row_is_its_nearest_ancestor() -> None:
    """A new error has a status before it has a row."""

    class Sealed(Refused):
        """The month is archived."""

    assert kind_of(Sealed()) is KINDS[Refused]
    assert kind_of(KeyInUse()) is KINDS[KeyInUse]


@pytest.mark.parametrize(
    "error",
    [
        IllegalTransition(),
        KeyError("x"),
        HTTPException(status_code=500),
        ImproperlyConfiguredException(),
        MemoryError(),
    ],
)
def test_a_bug_is_a_bug_whatever_it_descends_from(error: Exception) -> None:
    """An illegal transition is no fault of the caller's."""
    assert kind_of(error) is INTERNAL
    assert kind_of(Invalid()) is not INTERNAL


def test_a_code_has_one_status() -> None:
    """Each type is documented once."""
    kinds = [*KINDS.values(), DECLINED]

    assert len({kind.code for kind in kinds}) == len({(kind.code, kind.status) for kind in kinds})
    assert all(kind.retry_after is not None for kind in kinds if kind.status in {429, 503})


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"/webhooks/mm/{A_TOKEN}", "/webhooks/mm/{token}"),
        (f"/WEBHOOKS/MM/{A_TOKEN.upper()}/x", "/WEBHOOKS/MM/{token}/x"),
        (f"/elsewhere/{A_TOKEN}", "/elsewhere/{token}"),
        ("/webhooks/mm/short", "/webhooks/mm/{token}"),
        ('/a b"<é', "/a%20b%22%3C%C3%A9"),
        ("/\ud800", "/%3F"),
        ("/payments/0190a5d000007000800000000000abcd", "/payments/0190a5d000007000800000000000abcd"),
    ],
)
def test_a_path_is_shown_without_its_secret(path: str, shown: str) -> None:
    """And always as a URI."""
    assert shown_path(path) == shown


async def test_no_route_was_left_open() -> None:
    """Whoever adds one says here to whom it is open; all others ask for a token."""
    world = World()
    app = world.app()
    routes = [route for route in app.routes if isinstance(route, HTTPRoute)]
    closed = [route for route in routes if route.path_format not in OPEN_TO_ALL | PROVEN_OTHERWISE]
    assert {route.path_format for route in routes} >= OPEN_TO_ALL | PROVEN_OTHERWISE
    assert closed

    async with world.client("", app=app) as client:
        for route in closed:
            path = route.path_format.replace("{payment_id}", str(uuid4()))
            for method in sorted(set(route.methods) - {"OPTIONS"}):
                response = await client.request(method, path)
                assert (path, method, code_of(response)) == (path, method, "unauthenticated")


async def test_no_route_takes_a_parameter_that_it_does_not_know_or_one_twice() -> None:
    """A misspelled filter must not look like one that found everything. Only gateways may call as they like."""
    world = World()
    app = world.app()
    ours = [route for route in app.routes if isinstance(route, HTTPRoute) and route.path_format not in PROVEN_OTHERWISE]

    async with world.client(app=app) as client:
        for route in ours:
            path = re.sub(r"\{\w+\}", str(uuid7()), route.path_format)
            for handler in route.route_handlers:
                known = min(handler.opt.get("parameters", {"nothing"}))
                for method in sorted(set(handler.http_methods) - {"OPTIONS"}):
                    for query in ("nonsense=1", f"{known}=1&{known}=1"):
                        response = await client.request(method, f"{path}?{query}")
                        assert (path, method, code_of(response)) == (path, method, "unknown-parameter")
