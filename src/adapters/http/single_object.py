"""One object as an answer, which a caller who has it already need not be sent again (RFC 9110 13)."""

from hashlib import blake2b
from typing import Any, Final

import msgspec
from litestar.types import HTTPScope

from adapters.http.headers import values
from adapters.http.replies import PRIVATE, Reply
from adapters.http.request_id import request_id
from adapters.http.views import encode, envelope

_BITS: Final = 128


def single(data: Any, scope: HTTPScope) -> Reply:
    """
    200 with `data` in the envelope, or 304 where If-None-Match names it.

    The tag is of the bytes of `data`, and strong in this sense: equal tags, equal bytes. `metadata` tells of the
    request, not of the object, and its correlation id is in X-Request-Id too, on a 304 as well.
    """
    told = encode(data)
    tag = f'"{blake2b(told, digest_size=_BITS // 8).hexdigest()}"'
    headers = {**PRIVATE, "etag": tag}
    if _names(values(scope, b"if-none-match"), tag.encode("ascii")):
        return Reply(body=b"", status=304, headers=headers)
    return Reply(body=envelope(msgspec.Raw(told), request_id(scope)), headers=headers)


def _names(wanted: list[bytes], tag: bytes) -> bool:
    """Compared weakly, as a GET's are. A tag has its quotes at its ends only: who finds it has read the list."""
    return any(tag in tags or tags.strip() == b"*" for tags in wanted)
