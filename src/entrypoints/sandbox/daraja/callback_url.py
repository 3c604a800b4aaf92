"""Where Daraja is willing to call back."""

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

#: Refused anywhere in the URL, host or path, in any case.
FORBIDDEN_WORDS: Final = ("m-pesa", "mpesa", "safaricom", "exec", "exe", "cmd", "sql", "query")


def is_acceptable(url: str) -> bool:
    """A full URL without a forbidden word; plain HTTP only where it cannot leave the developer's own network."""
    lowered = url.lower()
    if any(word in lowered for word in FORBIDDEN_WORDS) or any(c.isspace() for c in url):
        return False
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - asking for the port is what checks it
    except ValueError:
        return False
    if not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_nearby(parts))


def _is_nearby(parts: SplitResult) -> bool:
    """Loopback, a private address, or a name without a dot such as a container's."""
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host
