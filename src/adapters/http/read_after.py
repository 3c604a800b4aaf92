"""
The X-Read-After header: answers to writes give it, and a read that sends it sees what was written.

It is 12 characters to callers. Inside (base64url): one byte for the version, then the position, 8 bytes big-endian.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from litestar.types import HTTPScope

from adapters.http.headers import values
from adapters.http.refusals import InvalidReadAfter
from application.ports.positions import LATEST, Position

READ_AFTER: Final = "x-read-after"
_NAME: Final = READ_AFTER.encode()
_VERSION: Final = b"\x01"
_SHAPE: Final = re.compile(rb"[A-Za-z0-9_-]{12}")


def spelled(position: Position) -> str:
    return urlsafe_b64encode(_VERSION + position.to_bytes(8)).decode("ascii")


def read_after(scope: HTTPScope) -> Position | None:
    """
    The position that the request names, or None.

    Raises:
        InvalidReadAfter: it stands twice, or we never told one like it.
    """
    sent = values(scope, _NAME)
    if not sent:
        return None
    if len(sent) > 1 or not _SHAPE.fullmatch(sent[0]):
        raise InvalidReadAfter
    told = urlsafe_b64decode(sent[0])
    position = int.from_bytes(told[1:])
    if told[:1] != _VERSION or position > LATEST:
        raise InvalidReadAfter
    return Position(position)
