"""
What is kept readable by us alone: AES-256-GCM under data keys, which master keys wrap.

Data keys stay, master keys rotate: rotation re-wraps the data keys and touches no payment and no archive.
"""

import hmac
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass
from os import urandom
from struct import Struct
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import Unavailable

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
#: Scheme version, and the number of the data key.
_HEADER: Final = Struct(">BH")
_SCHEME: Final = 1
_BODY_AT: Final = _HEADER.size + _NONCE_BYTES


class Unreadable(Unavailable):
    """What is kept cannot be decrypted with the keys at hand; nothing was done."""


class MasterKeys:
    """
    The keys of the configuration (`ENCRYPTION_KEYS`): `name:base64,…` of 32 bytes each. The first wraps, all unwrap.

    Raises:
        ValueError: there is none, or one is not 32 bytes of base64 under a name.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError("needs at least one key of 32 bytes")
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self.current = next(iter(keys))

    @classmethod
    def parse(cls, text: str) -> Self:
        keys: dict[str, bytes] = {}
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            name, colon, encoded = part.partition(":")
            try:
                key = b64decode(encoded, validate=True)
            except NotBase64:
                key = b""
            if not colon or not name or len(key) != KEY_BYTES:
                raise ValueError("each key is name:base64 of 32 bytes")
            keys[name] = key
        return cls(keys)

    def wrap(self, key: bytes, purpose: str) -> bytes:
        nonce = urandom(_NONCE_BYTES)
        return nonce + self._keys[self.current].encrypt(nonce, key, purpose.encode())

    def unwrap(self, wrapped: bytes, purpose: str, by: str) -> bytes:
        """
        Raises:
            ValueError: the master key `by` is not configured, or is not the one that wrapped it.
        """
        if by not in self._keys:
            raise ValueError(f"the master key {by!r} is missing from ENCRYPTION_KEYS")
        try:
            return self._keys[by].decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], purpose.encode())
        except InvalidTag:
            raise ValueError(f"the master key {by!r} in ENCRYPTION_KEYS is another one than before") from None


@dataclass(frozen=True, slots=True)
class DataKeys:
    """Unwrapped: the keys that seal, by number (the highest is used for new things), and the one that blinds."""

    seal: Mapping[int, bytes]
    blind: bytes


class Vault:
    """Seals what must be read again, and blinds what must only be recognised."""

    def __init__(self, keys: DataKeys) -> None:
        self._ciphers = {_HEADER.pack(_SCHEME, number): AESGCM(key) for number, key in keys.seal.items()}
        self._current = _HEADER.pack(_SCHEME, max(keys.seal))
        self._blind = keys.blind

    def seal(self, plain: bytes, about: str) -> bytes:
        """Encrypts; `about` names the row it belongs to, and it can be opened for that row alone."""
        nonce = urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, plain, about.encode())
        return self._current + nonce + sealed

    def open(self, sealed: bytes, about: str) -> bytes:
        """
        Raises:
            Unreadable: it was sealed under a key that is not at hand, for another row, or was altered.
        """
        cipher = self._ciphers.get(sealed[: _HEADER.size])
        if cipher is None or len(sealed) < _BODY_AT:
            raise Unreadable
        try:
            return cipher.decrypt(sealed[_HEADER.size : _BODY_AT], sealed[_BODY_AT:], about.encode())
        except InvalidTag:
            raise Unreadable from None

    def blind(self, purpose: str, *parts: str) -> bytes:
        """32 bytes by which equal texts are recognised; each part keeps its place (HMAC-SHA256)."""
        lengths = (f"{len(part)}:{part}" for part in (purpose, *parts))
        return hmac.digest(self._blind, "".join(lengths).encode("utf-8", "surrogatepass"), "sha256")
