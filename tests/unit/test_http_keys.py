"""The keys that tokens are verified by, and how they rotate; on fakes."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from adapters.http.auth import Authenticator, Caller
from adapters.http.key_sets import KeysUnreadable, key_source, read_key_set
from adapters.http.keys import PublishedKeys, SecretKey
from adapters.http.refusals import Unauthenticated
from domain.errors import Unavailable
from tests.builders import SOMEONE
from tests.fakes_http import NOW, claims, mac, part, scope_of

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def public(key: Any, kid: str | None = "k1", **more: Any) -> dict[str, Any]:
    """The JWK of a key's public half."""
    makers: Mapping[type, Callable[..., Any]] = {
        rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm.to_jwk,
        ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm.to_jwk,
        ed25519.Ed25519PrivateKey: jwt.algorithms.OKPAlgorithm.to_jwk,
    }
    make = next(maker for kind, maker in makers.items() if isinstance(key, kind))
    named = {} if kid is None else {"kid": kid}
    return {**make(key.public_key(), as_dict=True), **named, **more}


def a_set(*jwks: Mapping[str, Any]) -> bytes:
    return json.dumps({"keys": jwks}).encode()


def signed(key: Any, algorithm: str, kid: str | None = "k1", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers={"kid": kid} if kid else {})


class SourceFake:
    """A key set somewhere else; None where it is away."""

    def __init__(self, text: bytes | None) -> None:
        self.text = text
        self.asked = 0

    async def __call__(self) -> bytes:
        self.asked += 1
        if self.text is None:
            raise KeysUnreadable("it is away")
        return self.text


class ClockFake:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA")], ids=["RS256", "ES256", "EdDSA"]
)
async def test_a_key_is_used_with_its_one_algorithm(key: Any, algorithm: str) -> None:
    """Which one, the key says; never the token."""
    keys = PublishedKeys(SourceFake(a_set(public(key))))
    auth = Authenticator(keys=keys, max_age=3600, now=lambda: NOW)

    caller = await auth.authenticate(scope_of(signed(key, algorithm)))

    assert caller == Caller(SOMEONE, frozenset({"payments:read", "payments:write"}))


async def test_a_public_key_is_no_secret_to_sign_with() -> None:
    """A token under HS256 with the public key's text as its secret: the oldest trick."""
    keys = PublishedKeys(SourceFake(a_set(public(RSA))))
    auth = Authenticator(keys=keys, max_age=3600, now=lambda: NOW)
    signing = f"{part({'alg': 'HS256', 'kid': 'k1'})}.{part(claims())}"

    for secret in (json.dumps(public(RSA)).encode(), public(RSA)["n"].encode()):
        with pytest.raises(Unauthenticated):
            await auth.authenticate(scope_of(f"{signing}.{mac(signing, secret)}"))
    with pytest.raises(Unauthenticated):
        await auth.authenticate(scope_of(signed(EC, "ES256")))


async def test_without_a_name_the_only_key_is_meant() -> None:
    """With several, a token must say which."""
    one = Authenticator(
        keys=PublishedKeys(SourceFake(a_set(public(RSA, kid=None)))), max_age=3600, now=lambda: float(NOW)
    )
    two = Authenticator(
        keys=PublishedKeys(SourceFake(a_set(public(RSA), public(EC, kid="k2")))), max_age=3600, now=lambda: float(NOW)
    )

    assert (await one.authenticate(scope_of(signed(RSA, "RS256", kid=None)))).user_id == SOMEONE
    with pytest.raises(Unauthenticated):
        await two.authenticate(scope_of(signed(RSA, "RS256", kid=None)))


async def test_an_unknown_key_makes_us_look_again_but_not_too_often() -> None:
    """A new key is found at once; a stream of invented names asks once in 30 seconds."""
    source, clock = SourceFake(a_set(public(RSA))), ClockFake()
    auth = Authenticator(keys=PublishedKeys(source, clock=clock), max_age=3600, now=lambda: NOW)
    await auth.authenticate(scope_of(signed(RSA, "RS256")))
    source.text = a_set(public(RSA), public(EC, kid="new"))
    fresh = scope_of(signed(EC, "ES256", kid="new"))

    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await auth.authenticate(fresh)
    assert source.asked == 1

    clock.seconds += 30
    assert (await auth.authenticate(fresh)).user_id == SOMEONE
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await auth.authenticate(scope_of(signed(EC, "ES256", kid="invented")))
    assert source.asked == 2


async def test_a_key_that_was_taken_back_is_refused_even_for_tokens_we_remember() -> None:
    """The set is looked at every five minutes, and what was verified by another set counts no more."""
    source, clock = SourceFake(a_set(public(RSA))), ClockFake()
    auth = Authenticator(keys=PublishedKeys(source, clock=clock), max_age=3600, now=lambda: NOW)
    token = scope_of(signed(RSA, "RS256"))
    await auth.authenticate(token)

    source.text = a_set(public(OTHER_RSA, kid="k2"))
    assert await auth.authenticate(token)
    clock.seconds += 300

    with pytest.raises(Unauthenticated):
        await auth.authenticate(token)


@pytest.mark.parametrize("text", [None, b"", b"<html>", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "RSA"}]}'])
async def test_the_last_good_set_is_kept_while_its_source_is_broken(text: bytes | None) -> None:
    """Their outage is not ours."""
    source, clock = SourceFake(a_set(public(RSA))), ClockFake()
    keys = PublishedKeys(source, clock=clock)
    await keys.refresh()
    source.text = text
    clock.seconds += 1000

    await keys.refresh()

    assert source.asked == 2
    assert await keys.find("k1") is not None
    assert keys.generation == 1


async def test_without_any_key_we_cannot_serve() -> None:
    """503, not 401: the caller did nothing wrong. A second later we look again."""
    source, clock = SourceFake(None), ClockFake()
    auth = Authenticator(keys=PublishedKeys(source, clock=clock), max_age=3600, now=lambda: NOW)
    token = scope_of(signed(RSA, "RS256"))
    for _ in range(3):
        with pytest.raises(Unavailable):
            await auth.authenticate(token)
    assert source.asked == 1

    source.text = a_set(public(RSA))
    clock.seconds += 1

    assert (await auth.authenticate(token)).user_id == SOMEONE


USELESS: dict[str, dict[str, Any]] = {
    "symmetric": {"kty": "oct", "k": part(b"x" * 32), "kid": "k1"},
    "private": {**public(RSA), "d": "x"},
    "for encryption": public(RSA, use="enc"),
    "for another algorithm": public(RSA, alg="RS512"),
    "short": public(rsa.generate_private_key(public_exponent=65537, key_size=1024)),  # noqa: S505 - the point
    "another curve": public(ec.generate_private_key(ec.SECP384R1())),
    "a name that is none": {**public(RSA), "kid": 7},
}


@pytest.mark.parametrize("useless", USELESS.values(), ids=USELESS)
def test_a_key_that_must_not_verify_tokens_is_passed_over(useless: dict[str, Any]) -> None:
    """One bad key spoils no set; a set of them is none."""
    assert list(read_key_set(a_set(useless, public(EC, kid="good")))) == ["good"]
    with pytest.raises(KeysUnreadable):
        read_key_set(a_set(useless))


def test_a_secret_must_be_long() -> None:
    """32 bytes, as many as the hash has (RFC 7518 3.2)."""
    with pytest.raises(ValueError, match="32 bytes"):
        SecretKey("x" * 31)


def test_a_key_set_comes_over_a_protected_way() -> None:
    """Whoever can change it can be anyone."""
    for location in ("http://keys.example/jwks", "ftp://keys.example/jwks"):
        with pytest.raises(ValueError, match="https"):
            key_source(location)
    key_source("https://keys.example/jwks")
    key_source("http://localhost:1/jwks")


async def test_a_key_set_in_a_file_is_read_each_time(tmp_path: Any) -> None:
    """Rotation is writing the file anew."""
    file = tmp_path / "jwks.json"
    source = key_source(str(file))
    with pytest.raises(KeysUnreadable):
        await source()

    file.write_bytes(a_set(public(RSA)))

    assert list(read_key_set(await source())) == ["k1"]
