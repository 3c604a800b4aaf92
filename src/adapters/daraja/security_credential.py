"""What proves an initiator: the password, readable by Safaricom alone."""

import base64

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


def security_credential(password: str, certificate: bytes) -> str:
    """
    Base64 of the initiator's password, encrypted for Safaricom's certificate (PEM): RSA, PKCS#1 v1.5, says the portal.

    The certificates in use have been out of date for years, so their dates are not looked at. Encryption is random: no
    two credentials look alike.

    Raises:
        ValueError: this is no such certificate, or the password is too long for its key.
    """
    try:
        key = x509.load_pem_x509_certificate(certificate).public_key()
    except ValueError as wrong:
        raise ValueError("MPESA_CERTIFICATE is no certificate in PEM") from wrong
    if not isinstance(key, RSAPublicKey):
        raise ValueError("MPESA_CERTIFICATE does not hold an RSA key")  # noqa: TRY004 - a setting, no argument
    try:
        encrypted = key.encrypt(password.encode(), PKCS1v15())
    except ValueError as wrong:
        raise ValueError("MPESA_INITIATOR_PASSWORD does not fit the key in MPESA_CERTIFICATE") from wrong
    return base64.b64encode(encrypted).decode()
