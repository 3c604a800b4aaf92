"""Asking again for what one has already; on fakes."""

from dataclasses import replace

import pytest

from tests.builders import a_payment
from tests.fakes_http import World, a_token


@pytest.fixture
def world() -> World:
    return World()


async def test_what_did_not_change_is_not_sent_again(world: World) -> None:
    """304 with what a cache must know, and nothing else; the next request has another id and the same tag."""
    payment = world.shelf.put(a_payment())

    async with world.client() as client:
        first = await client.get(f"/payments/{payment.id}")
        again = await client.get(f"/payments/{payment.id}", headers={"if-none-match": first.headers["etag"]})

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == "private, no-cache"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert not {"content-type", "content-length"} & set(again.headers)


async def test_equal_tags_mean_equal_data(world: World) -> None:
    """A strong tag: whatever a caller can see of the object changes it; who asks, and when, does not."""
    payment = world.shelf.put(a_payment())
    async with world.client() as mine, world.client(a_token("payments:read", "admin", sub=str(payment.id))) as admin:
        tags = [(await client.get(f"/payments/{payment.id}")).headers["etag"] for client in (mine, admin)]
        world.shelf.put(replace(payment, disputed=True))
        changed = await mine.get(f"/payments/{payment.id}", headers={"if-none-match": tags[0]})

    assert tags[0] == tags[1]
    assert tags[0].startswith('"')
    assert changed.status_code == 200
    assert changed.headers["etag"] != tags[0]


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"other", {tag}', 304),
        ('"a, b",W/"c" , {tag},"d"', 304),
        ("*", 304),
        (" * ", 304),
        ('"other"', 200),
        ('W/"other"', 200),
        ("{bare}", 200),
        ('"*"', 200),
        ("", 200),
    ],
)
async def test_tags_come_in_lists_and_are_compared_weakly(world: World, wanted: str, status: int) -> None:
    """RFC 9110 13.1.2."""
    payment = world.shelf.put(a_payment())

    async with world.client() as client:
        tag = (await client.get(f"/payments/{payment.id}")).headers["etag"]
        sent = wanted.format(tag=tag, bare=tag.strip('"'))
        got = await client.get(f"/payments/{payment.id}", headers={"if-none-match": sent})
        head = await client.head(f"/payments/{payment.id}", headers={"if-none-match": sent})

    assert (got.status_code, head.status_code) == (status, status)
    assert got.headers["etag"] == head.headers["etag"] == tag


async def test_tags_may_stand_in_several_headers(world: World) -> None:
    """Which is one list (RFC 9110 5.3)."""
    payment = world.shelf.put(a_payment())

    async with world.client() as client:
        tag = (await client.get(f"/payments/{payment.id}")).headers["etag"]
        got = await client.get(f"/payments/{payment.id}", headers=[("if-none-match", '"a"'), ("if-none-match", tag)])

    assert got.status_code == 304


async def test_nobody_learns_by_a_tag_what_they_may_not_see(world: World) -> None:
    """Who may not read the payment is refused before anything is compared."""
    payment = world.shelf.put(a_payment())

    async with world.client("") as nobody, world.client(a_token(sub=str(payment.id))) as another:
        answers = [
            await client.get(f"/payments/{payment.id}", headers={"if-none-match": "*"}) for client in (nobody, another)
        ]

    assert [answer.status_code for answer in answers] == [401, 404]
    assert all(answer.headers["cache-control"] == "no-store" for answer in answers)
