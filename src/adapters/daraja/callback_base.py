"""Where Daraja calls us back: a public address of ours, under paths of ours that only it knows."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

#: Daraja refuses URLs with these words, in any case, in host and path alike (portal: "avoid keywords such as…").
FORBIDDEN_WORDS: Final = ("m-pesa", "mpesa", "safaricom", "exec", "exe", "cmd", "sql", "query")

_HOST: Final = re.compile(r"[a-z0-9.:-]+", re.ASCII)
_PATH: Final = "/webhooks/mm/"
#: Safaricom's own sandbox is the one real gateway that calls plain HTTP.
_SANDBOX: Final = "sandbox.safaricom.co.ke"


@dataclass(frozen=True, slots=True)
class CallbackBase:
    """Scheme and host that callbacks reach us by."""

    address: str

    @classmethod
    def of(cls, url: str, *, daraja: str) -> Self:
        """
        From a URL of which only scheme, host and port count; `daraja` is the gateway's own base URL.

        Raises:
            ValueError: Daraja would refuse it, or it would carry secrets in the clear.
        """
        parts = _split(url)
        base = cls(f"{parts.scheme}://{parts.netloc.lower()}")
        found = [word for word in FORBIDDEN_WORDS if word in base.url("").lower()]
        if found:
            raise ValueError(f'MPESA_CALLBACK_URL must not contain "{found[0]}": Daraja refuses such addresses')
        if parts.scheme == "http" and not (_is_loopback(parts.hostname) or _calls_plain_http(daraja)):
            raise ValueError("MPESA_CALLBACK_URL must be https: Daraja calls nothing else in production")
        return base

    def url(self, token: str, below: str = "") -> str:
        """The address of one request's callback; `below` tells apart what may be answered to the same token."""
        return f"{self.address}{_PATH}{token}{below}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as wrong:
        raise ValueError(f"MPESA_CALLBACK_URL is no URL: {wrong}") from wrong
    if parts.scheme not in {"http", "https"} or port == 0 or not _HOST.fullmatch(parts.hostname or ""):
        raise ValueError("MPESA_CALLBACK_URL must be a full URL such as https://pay.example.org")
    if parts.username is not None or parts.password is not None:
        raise ValueError("MPESA_CALLBACK_URL must not hold a user name or password")
    return parts


def _calls_plain_http(daraja: str) -> bool:
    parts = urlsplit(daraja)
    return parts.hostname == _SANDBOX or parts.scheme == "http"  # a stand-in: the real one is https only


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
