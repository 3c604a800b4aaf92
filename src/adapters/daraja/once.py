"""What Daraja repeats is news once."""

from typing import Final

#: Words from outside: what is remembered of them must end somewhere.
_REMEMBERED: Final = 1000


class Once:
    """Tells the first of each from the rest."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def first(self, word: str) -> bool:
        """Whether `word` is new here."""
        if word in self._seen:
            return False
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen.add(word)
        return True
