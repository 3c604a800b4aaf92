"""Who is calling: what a bearer token must be; on fakes."""

import json
import time
from typing import Any

import jwt
import pytest

from adapters.http.auth import Authenticator, Caller
from adapters.http.keys import SecretKey
from adapters.http.refusals import Unauthenticated
from domain.errors import Forbidden
from tests.builders import SOMEONE, SOMEONE_ELSE, a_payment
from tests.fakes_http import NOW, SECRET, World, a_token, claims, code_of, mac, part, post_payment, scope_of


def handmade(header: Any, payload: Any, secret: bytes = SECRET.encode()) -> str:
    """A token of these parts under the right secret, whatever a library would say to them."""
    signing = f"{part(header)}.{part(payload)}"
    return f"{signing}.{mac(signing, secret)}"


def with_exp(number: bytes) -> str:
    """A token whose `exp` is spelled so."""
    return handmade(HS, json.dumps(claims(exp="@")).encode().replace(b'"@"', number))


HS = {"alg": "HS256", "typ": "JWT"}

REFUSED: dict[str, tuple[str, str]] = {
    "expired": (a_token(exp=NOW - 6, iat=NOW - 100), "token has expired"),
    "from the future": (a_token(iat=NOW + 60), "not yet valid"),
    "not before later": (a_token(nbf=NOW + 60), "not yet valid"),
    "another issuer": (a_token(iss="somebody"), "issuer"),
    "no issuer": (a_token(iss=...), "lacks a claim"),
    "another audience": (a_token(aud="another-service"), "audience"),
    "several audiences": (a_token(aud=["payment-service", "other"]), "audience"),
    "no audience": (a_token(aud=...), "lacks a claim"),
    "no exp": (a_token(exp=...), "lacks a claim"),
    "no iat": (a_token(iat=...), "lacks a claim"),
    "no sub": (a_token(sub=...), "lacks a claim"),
    "no scopes": (a_token(scopes=...), "lacks a claim"),
    "exp a string": (a_token(exp=str(NOW + 600)), "times"),
    "exp true": (a_token(exp=True), "times"),
    "exp of 400 digits": (with_exp(b"1" + b"0" * 400), "times"),
    "exp of 5,000 digits": (with_exp(b"1" + b"0" * 5000), "cannot be read"),
    "exp infinite": (with_exp(b"1e999"), "times"),
    "exp NaN": (with_exp(b"NaN"), "times"),
    "exp negative": (a_token(exp=-1), "times"),
    "exp a list": (a_token(exp=[NOW + 600]), "times"),
    "iat a string": (a_token(iat=str(NOW)), "times"),
    "nbf a string": (a_token(nbf="now"), "times"),
    "exp in the year 10,000": (a_token(exp=10**18), "times"),
    "lives too long": (a_token(iat=NOW, exp=NOW + 3601), "lives longer"),
    "sub no UUID": (a_token(sub="me"), "subject"),
    "sub in capitals": (a_token(sub=str(SOMEONE).upper()), "subject"),
    "sub undashed": (a_token(sub=SOMEONE.hex), "subject"),
    "sub a number": (handmade(HS, claims(sub=7)), "cannot be read"),
    "scopes a string": (a_token(scopes="payments:write"), "scopes"),
    "scopes of numbers": (a_token(scopes=[1]), "scopes"),
    "another secret": (a_token(secret="another secret of at least 32 bytes!"), "signature"),
    "alg none": (f"{part({'alg': 'none'})}.{part(claims())}.x", "cannot be read"),
    "alg none with a signature": (handmade({"alg": "none"}, claims()), "algorithm"),
    "alg HS512": (jwt.encode(claims(), SECRET * 2, algorithm="HS512"), "algorithm"),
    "no alg": (handmade({"typ": "JWT"}, claims()), "algorithm"),
    "alg a list": (handmade({"alg": ["HS256"]}, claims()), "algorithm"),
    "typ of an id token": (a_token(headers={"typ": "id+jwt"}), "typ"),
    "typ a number": (handmade({"alg": "HS256", "typ": 1}, claims()), "typ"),
    "crit": (handmade({**HS, "crit": ["exp"]}, claims()), "cannot be read"),
    "b64": (handmade({**HS, "b64": True}, claims()), "headers"),
    "kid a number": (handmade({**HS, "kid": 1}, claims()), "cannot be read"),
    "header a list": (handmade(["HS256"], claims()), "cannot be read"),
    "header no JSON": (handmade(b"\xff", claims()), "cannot be read"),
    "header very deep": (handmade(b"[" * 3000, claims()), "cannot be read"),
    "payload a list": (handmade(HS, [1]), "cannot be read"),
    "payload no JSON": (handmade(HS, b"hello"), "cannot be read"),
    "padding": (a_token() + "==", "Bearer <JWT>"),
    "two segments": (".".join(a_token().split(".")[:2]), "Bearer <JWT>"),
    "four segments": (a_token() + ".x", "Bearer <JWT>"),
    "no token": ("x", "Bearer <JWT>"),
    "too long": (a_token(note="x" * 8192), "8 KiB"),
}


@pytest.mark.parametrize(("token", "why"), REFUSED.values(), ids=REFUSED)
async def test_a_token_that_is_not_ours_and_in_time_is_refused(token: str, why: str) -> None:
    """401 says why, for whoever must mend it, and repeats nothing of the token."""
    world = World()

    async with world.client(token) as client:
        response = await post_payment(client)

    assert response.status_code == 401
    assert code_of(response) == "unauthenticated"
    assert why in response.json()["detail"]
    assert response.headers["www-authenticate"].startswith('Bearer realm="payment-service", error="invalid_token"')
    assert str(SOMEONE) not in response.text
    assert not world.start.asked


@pytest.mark.parametrize(
    "token",
    [
        a_token(),
        a_token(exp=NOW - 4, iat=NOW - 100),
        a_token(iat=NOW + 4),
        a_token(exp=NOW + 600.5),
        a_token(headers={"typ": "at+jwt"}),
        a_token(headers={"typ": None}),
        a_token(headers={"jku": "https://evil.example/keys", "x5u": "https://evil.example"}),
        a_token(note={"anything": "else"}),
    ],
    ids=["plain", "expired just now", "issued just now", "half seconds", "at+jwt", "no typ", "jku", "more claims"],
)
async def test_a_token_of_ours_is_taken(token: str) -> None:
    """Clocks may differ by 5 seconds; where a token says its key is, is not looked at."""
    async with World().client(token) as client:
        assert (await post_payment(client)).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("authorization", "")],
        [("authorization", "Basic dXNlcjpwYXNz")],
        [("authorization", a_token())],
        [("authorization", f"Bearer {a_token()}"), ("authorization", f"Bearer {a_token()}")],
        [("authorization", f"Bearer {a_token()} x")],
        [("cookie", f"token={a_token()}")],
    ],
    ids=["none", "empty", "basic", "no scheme", "two", "more", "cookie"],
)
async def test_a_token_comes_once_as_a_bearer_token(headers: list[tuple[str, str]]) -> None:
    """Nowhere else."""
    world = World()
    routes = [("POST", "/payments"), ("GET", f"/payments/{SOMEONE}"), ("GET", f"/payment-history/{SOMEONE}")]

    async with world.client("") as client:
        responses = [await client.request(method, path, headers=headers) for method, path in routes]

    for response in responses:
        assert response.status_code == 401
        assert code_of(response) == "unauthenticated"
        assert response.headers["www-authenticate"].startswith("Bearer ")


async def test_the_word_bearer_may_be_spelled_as_one_likes() -> None:
    """Schemes are case-insensitive (RFC 9110 11.1)."""
    async with World().client("", authorization=f"bEARER {a_token()}") as client:
        assert (await post_payment(client)).status_code == 201


async def test_a_token_allows_what_its_scopes_say() -> None:
    """403 names the scope that is missing; admin is no scope to write with."""
    world = World()
    payment = world.shelf.put(a_payment())

    async with world.client(a_token("payments:read")) as client:
        written, read = await post_payment(client), await client.get(f"/payments/{payment.id}")
    async with world.client(a_token("admin")) as client:
        by_admin = await post_payment(client)
        told = await client.get(f"/payment-history/{payment.id}")

    assert [response.status_code for response in (written, read, by_admin, told)] == [403, 200, 403, 403]
    assert code_of(written) == "forbidden"
    assert "payments:write" in written.json()["detail"]


def test_a_caller_acts_for_itself_unless_it_is_an_admin() -> None:
    """The rule of every route that names a user."""
    caller, admin = Caller(SOMEONE, frozenset()), Caller(SOMEONE, frozenset({"admin"}))

    assert caller.may_act_for(SOMEONE)
    assert not caller.may_act_for(SOMEONE_ELSE)
    assert admin.may_act_for(SOMEONE_ELSE)
    with pytest.raises(Forbidden):
        caller.needs("payments:read")


async def test_a_remembered_token_still_expires() -> None:
    """Remembering spares the signature, not the time."""
    moment = [float(NOW)]
    auth = Authenticator(keys=SecretKey(SECRET), max_age=3600, now=lambda: moment[0])
    token = scope_of(a_token(exp=NOW + 10))
    await auth.authenticate(token)

    moment[0] += 14
    assert await auth.authenticate(token)
    moment[0] += 1

    with pytest.raises(Unauthenticated):
        await auth.authenticate(token)


async def test_only_so_many_tokens_are_remembered() -> None:
    """Memory has a bound, whatever callers send."""
    auth = Authenticator(keys=SecretKey(SECRET), max_age=3600, now=lambda: float(NOW))

    for number in range(1100):
        await auth.authenticate(scope_of(a_token(note=number)))

    assert len(auth._remembered) == 1024


async def test_the_real_clock_is_the_one_that_counts() -> None:
    """Without a clock of its own, a test's token of 2027 is not yet valid."""
    auth = Authenticator(keys=SecretKey(SECRET), max_age=3600)
    moment = int(time.time())

    assert await auth.authenticate(scope_of(a_token(iat=moment, exp=moment + 60)))
    with pytest.raises(Unauthenticated):
        await auth.authenticate(scope_of(a_token(iat=moment - 100, exp=moment - 60)))
