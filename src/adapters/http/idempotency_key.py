"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header-07), quoted or bare."""

import re
from typing import Final

from litestar.types import HTTPScope

from adapters.http.headers import values
from adapters.http.refusals import InvalidKey
from domain.payment_method import looks_like_card_number

_QUOTED: Final = re.compile(rb'"((?:[!#-\[\]-~]|\\["\\])+)"')
_BARE: Final = re.compile(rb"[!#-~][!-~]*")
_ESCAPED: Final = re.compile(rb"\\(.)")
_LONGEST: Final = 255


def idempotency_key(scope: HTTPScope) -> str | None:
    """
    The key, the same whether it is quoted or bare; None where there is none.

    Raises:
        InvalidKey: it stands twice, is empty or too long, is not visible ASCII, or a card number.
    """
    sent = values(scope, b"idempotency-key")
    if not sent:
        return None
    if len(sent) > 1:
        raise InvalidKey
    key = _unquoted(sent[0].strip(b" \t"))
    text = key.decode("ascii")
    if len(key) > _LONGEST or looks_like_card_number(text):
        raise InvalidKey
    return text


def _unquoted(text: bytes) -> bytes:
    if _BARE.fullmatch(text):
        return text
    quoted = _QUOTED.fullmatch(text)
    if quoted is None:
        raise InvalidKey
    return _ESCAPED.sub(rb"\1", quoted[1])
