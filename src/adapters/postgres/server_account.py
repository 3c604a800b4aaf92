"""PostgreSQL refuses to run as root, so a server that root starts runs as somebody else, and must reach its files."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_ENTER = 0o1
_READ_AND_ENTER = 0o5


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the server runs as, where that is not us."""

    uid: int
    gid: int

    @classmethod
    def for_data(cls, data: Path) -> Self | None:
        """None where we may be ourselves; for root whoever owns the data, at first `nobody`."""
        if os.geteuid() != 0:
            return None
        owner = data.stat().st_uid if data.exists() else 0
        person = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
        return cls(person.pw_uid, person.pw_gid)

    def can_enter(self, folder: Path) -> bool:
        """Whether every folder from the root down to this one lets it through."""
        return all(self._has(_ENTER, place) for place in (folder, *folder.parents))

    def can_run(self, program: Path) -> bool:
        return self._has(_READ_AND_ENTER, program) and self.can_enter(program.parent)

    def _has(self, rights: int, place: Path) -> bool:
        facts = place.stat()
        shift = 6 if facts.st_uid == self.uid else 3 if facts.st_gid == self.gid else 0
        return (facts.st_mode >> shift) & rights == rights
