"""
The certificate that a SecurityCredential is encrypted with, and the check of what comes out.

PKCS#1 v1.5 and no other padding, as Safaricom asks; it is random, so no two credentials look the same.
"""

import asyncio
import base64
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from entrypoints.sandbox.daraja.book import Book

_KEY_BITS: Final = 2048
_LIFE: Final = timedelta(days=3650)


class Initiator:
    """Who may ask for the state of a transaction, and who may send money."""

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._key: rsa.RSAPrivateKey | None = None

    async def hand_out_certificate(self, book: Book, place: Path) -> None:
        """From now on only its owner is believed. One key for the ledger's whole life: a restart changes nothing."""
        if not book.certificate:
            await book.write("certificate", **_new_certificate())
        key = serialization.load_pem_private_key(book.certificate["private_key"].encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the ledger holds a key of another kind")
        self._key = key
        await asyncio.to_thread(place.write_text, book.certificate["certificate"], encoding="ascii")

    def accepts(self, credential: str) -> bool:
        """Any base64 while no certificate was handed out; afterwards only the encrypted password."""
        try:
            sealed = base64.b64decode(credential, validate=True)
        except ValueError:
            return False
        if self._key is None:
            return True
        try:
            opened = self._key.decrypt(sealed, padding.PKCS1v15())
        except ValueError:
            return False
        return hmac.compare_digest(opened, self._password)


def _new_certificate() -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "daraja sandbox")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .sign(key, hashes.SHA256())
    )
    return {
        "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
        "private_key": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    }
