"""Ids in paths: one spelling, and it must be possible that it is ours."""

import re
from typing import Final
from uuid import UUID

from adapters.http.refusals import MalformedId
from domain.errors import NotFound
from domain.ids import created_at

CANONICAL: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)


def payment_id(text: str) -> UUID:
    """
    The id, of a thing that we made, that `text` spells.

    Raises:
        MalformedId: it is no UUID at all.
        NotFound: it is one in another spelling, which its words say, or one that we never made.
    """
    found = user_id(text)
    if created_at(found) is None:
        raise NotFound
    return found


def user_id(text: str) -> UUID:
    """
    The id that `text` spells; users are made elsewhere, so that any UUID may be one.

    Raises:
        MalformedId: it is no UUID at all.
        NotFound: it is one in another spelling.
    """
    try:
        found = UUID(text)
    except ValueError as error:
        raise MalformedId from error
    if not CANONICAL.fullmatch(text):
        raise NotFound("There is nothing under this spelling: ids are written in lower case, with dashes.")
    return found
