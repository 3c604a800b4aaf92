"""Pages of lists. A cursor says where the page before ended, and is good for that list, its filters and its caller."""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from adapters.http.query import Query
from adapters.http.refusals import InvalidCursor
from adapters.http.replies import PRIVATE, Reply
from adapters.http.views import envelope
from application.list_payments import Page
from application.ports.platform import Blinder

T = TypeVar("T")

#: The parameters of every list.
PAGING: Final = frozenset({"limit", "cursor"})
USUAL_LIMIT: Final = 50
LARGEST_LIMIT: Final = 100

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_SEAL_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Cursors:
    """Makes cursors that nobody else can make or change. `about`: the list, its filters, and who may go on with it."""

    blinder: Blinder

    def make(self, position: str, about: Sequence[str]) -> str:
        """`position` in base64url, behind the first half of a keyed hash over it and `about`."""
        return urlsafe_b64encode(self._seal(position, about) + position.encode()).rstrip(b"=").decode("ascii")

    def read(self, cursor: str, about: Sequence[str]) -> str:
        """
        The position in `cursor`.

        Raises:
            InvalidCursor: it was not made here, or for something else, or was changed.
        """
        try:
            decoded = urlsafe_b64decode(cursor.encode("ascii") + b"==")
            position = decoded[_SEAL_BYTES:].decode()
        except (NotBase64, UnicodeError):
            raise InvalidCursor from None
        # Made again rather than compared in part: base64 that is spelled another way is another cursor.
        if not hmac.compare_digest(self.make(position, about).encode(), cursor.encode()):
            raise InvalidCursor
        return position

    def _seal(self, position: str, about: Sequence[str]) -> bytes:
        return self.blinder.blind("cursor", position, *about)[:_SEAL_BYTES]


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of a list is asked for. `after` is the position that the cursor holds; None: the first page."""

    limit: int
    after: str | None
    cursors: Cursors
    about: Sequence[str]

    @classmethod
    def read(cls, query: Query, cursors: Cursors, *about: str) -> "Paging":
        """
        The last to read of a query: checks all of it. `about` are the route and its caller.

        Raises:
            InvalidParameter: a parameter of the route, or `limit`, is not as it should be.
            InvalidCursor: the cursor is not of this list.
        """
        limit = query.read("limit", _limit) or USUAL_LIMIT
        cursor = query.read("cursor", str)
        query.check()
        bound = (*about, *query.without(PAGING))
        return cls(limit, None if cursor is None else cursors.read(cursor, bound), cursors, bound)

    def reply(
        self, page: Page[T], show: Callable[[T], Any], position: Callable[[T], str], correlation_id: str
    ) -> Reply:
        """The envelope of a list. `position` says where an item stands."""
        following = None if page.is_last else self.cursors.make(position(page.items[-1]), self.about)
        shown = [show(item) for item in page.items]
        return Reply(body=envelope(shown, correlation_id, limit=self.limit, next_cursor=following), headers=PRIVATE)


def _limit(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > LARGEST_LIMIT:
        raise ValueError(f"must be a whole number from 1 to {LARGEST_LIMIT}")
    return int(text)
