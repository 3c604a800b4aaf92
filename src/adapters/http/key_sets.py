"""A JWK set (RFC 7517): read into keys, each with the one algorithm it may be used with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import jwt
import msgspec

_MOST_BYTES: Final = 1024 * 1024
_WITHIN: Final = 5.0
_SMALLEST_RSA: Final = 2048
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

#: From what a key is, never from what a token says.
_ALGORITHMS: Final[Mapping[tuple[str | None, str | None], str]] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}

#: Fetches a key set, as bytes.
Source = Callable[[], Awaitable[bytes]]


class KeysUnreadable(Exception):
    """The key set could not be fetched, or is none."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """What a signature is checked with, and how."""

    material: Any
    algorithm: str


def read_key_set(text: bytes) -> dict[str | None, VerifyingKey]:
    """
    The usable keys by `kid`. Symmetric, private, short and unknown kinds of keys are passed over.

    Raises:
        KeysUnreadable: it is no key set, or has no usable key.
    """
    try:
        listed = msgspec.json.decode(text, type=_KeySet).keys
        keys = {described.get("kid"): key for described in reversed(listed) if (key := _read(described)) is not None}
    except (msgspec.MsgspecError, jwt.PyJWTError, ValueError, RecursionError) as error:
        raise KeysUnreadable("it is no key set") from error
    if not keys:
        raise KeysUnreadable("it has no usable key")
    return keys


def key_source(location: str) -> Source:
    """
    Where to fetch the key set: an https URL (http on this machine) or a file.

    Raises:
        ValueError: it would come over an open network unprotected.
    """
    if "://" not in location:
        return lambda: _from_file(Path(location))
    url = httpx.URL(location)
    if url.scheme != "https" and not (url.scheme == "http" and url.host in _LOOPBACK):
        raise ValueError("a key set must come over https")
    return lambda: _from_url(url)


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


def _read(described: Mapping[str, Any]) -> VerifyingKey | None:
    algorithm = _ALGORITHMS.get((described.get("kty"), described.get("crv")))
    usable = (
        algorithm is not None
        and described.get("alg", algorithm) == algorithm
        and described.get("use", "sig") == "sig"
        and isinstance(described.get("kid", ""), str)
        and "d" not in described
    )
    if not usable or algorithm is None:
        return None
    material = jwt.PyJWK(dict(described), algorithm=algorithm).key
    if algorithm == "RS256" and material.key_size < _SMALLEST_RSA:
        return None
    return VerifyingKey(material, algorithm)


async def _from_file(path: Path) -> bytes:
    try:
        return path.read_bytes()  # noqa: ASYNC240 - a small local file, at most every 30 seconds
    except OSError as error:
        raise KeysUnreadable(str(error.strerror)) from error


async def _from_url(url: httpx.URL) -> bytes:
    try:
        async with (
            httpx.AsyncClient(timeout=_WITHIN, follow_redirects=False) as client,
            client.stream("GET", url, headers={"accept": "application/json"}) as answer,
        ):
            answer.raise_for_status()
            return await _bounded(answer)
    except httpx.HTTPError as error:
        raise KeysUnreadable(type(error).__name__) from error


async def _bounded(answer: httpx.Response) -> bytes:
    text = bytearray()
    async for chunk in answer.aiter_bytes():
        text += chunk
        if len(text) > _MOST_BYTES:
            raise KeysUnreadable("it is too large")
    return bytes(text)
