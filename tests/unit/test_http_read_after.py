"""X-Read-After: answers to writes give it, reads send it back; on fakes."""

import inspect
from base64 import urlsafe_b64encode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.routes import HTTPRoute

from adapters.http.read_after import read_after, spelled
from application.ports.positions import LATEST, Position
from tests.builders import SOMEONE_ELSE, a_payment
from tests.fakes import PositionsFake
from tests.fakes_http import World, a_settled_payment, a_token, code_of, post_payment


def of_version(version: int, position: int) -> str:
    return urlsafe_b64encode(bytes([version]) + position.to_bytes(8)).decode()


async def test_a_write_tells_its_position_and_a_read_takes_it() -> None:
    """What it says inside is nobody's business; it comes back as it was."""
    world, other_process = World(positions=PositionsFake(4711)), World(positions=PositionsFake())
    payment = other_process.shelf.put(a_settled_payment())
    world.start.will_tell(payment)

    async with world.client() as writer, other_process.client() as reader:
        written = await post_payment(writer)
        token = written.headers["x-read-after"]
        read = await reader.get(f"/payment-history/{payment.id}", headers={"x-read-after": token})

    assert read.status_code == 200
    assert [one.written for one in other_process.readers] == [4711]


async def test_a_declined_payment_is_written_too() -> None:
    """A problem that holds a payment is the answer to a write."""
    world = World(positions=PositionsFake(1))
    world.start.will_tell(a_payment())

    async with world.client() as client:
        assert "x-read-after" in (await post_payment(client)).headers


async def test_without_a_replica_nothing_is_told() -> None:
    """There is nothing to be behind."""
    async with World().client() as client:
        assert "x-read-after" not in (await post_payment(client)).headers


async def test_the_writer_is_known_without_the_header() -> None:
    """In the same process; to others their writes mean nothing."""
    world = World(positions=PositionsFake(4711))
    payment = world.shelf.put(a_settled_payment())
    app = world.app()

    async with world.client(app=app) as client:
        await post_payment(client)
        await client.get(f"/payment-history/{payment.id}")
        await client.get(f"/payment-history/{payment.id}", headers={"x-read-after": spelled(Position(5000))})
        await client.get(f"/payment-history/{payment.id}", headers={"x-read-after": spelled(Position(7))})
    async with world.client(a_token(sub=str(SOMEONE_ELSE)), app=app) as other:
        await other.get(f"/payment-history/{payment.id}")

    assert [reader.written for reader in world.readers] == [4711, 5000, 4711, None]


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "x",
        "0/16B3748",
        "AQAAAAAAAAA",
        "AQAAAAAAAAAAA",
        "AQAAAAAAAA=",
        "AQAAAAAAAA+/",
        of_version(2, 1),
        of_version(1, 2**63),
    ],
)
@pytest.mark.parametrize("route", ["/payments", "/payment-history"])
async def test_what_no_answer_ever_gave_is_refused(route: str, sent: str) -> None:
    """A caller that mangles it hears so at once, and not when a replica lags."""
    world = World()
    payment = world.shelf.put(a_payment())

    async with world.client() as client:
        response = await client.get(f"{route}/{payment.id}", headers={"x-read-after": sent})

    assert response.status_code == 400
    assert code_of(response) == "invalid-read-after"


async def test_two_of_them_are_refused() -> None:
    """It is not ours to choose."""
    world = World()
    payment = world.shelf.put(a_payment())
    twice = httpx.Headers([("x-read-after", spelled(Position(1))), ("x-read-after", spelled(Position(2)))])

    async with world.client() as client:
        response = await client.get(f"/payment-history/{payment.id}", headers=twice)

    assert code_of(response) == "invalid-read-after"


@given(st.integers(0, LATEST))
def test_every_position_survives_its_spelling(position: int) -> None:
    """Twelve characters, each position in one way."""
    text = spelled(Position(position))

    assert len(text) == 12
    assert read_after({"headers": [(b"x-read-after", text.encode())]}) == position  # type: ignore[typeddict-item]


def test_every_route_that_writes_tells_its_position() -> None:
    """Whoever adds one answers by `desk.wrote`."""
    routes = [route for route in World().app().routes if isinstance(route, HTTPRoute)]
    writes = [
        handler
        for route in routes
        for handler in route.route_handlers
        if not handler.http_methods & {"GET", "HEAD", "OPTIONS"} and "desk" in inspect.signature(handler.fn).parameters
    ]

    assert writes
    assert [handler.operation_id for handler in writes if "desk.wrote(" not in inspect.getsource(handler.fn)] == []
