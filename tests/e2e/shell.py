"""`payments …` as a person types it."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.processes import environment


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs `payments …` with these variables, in a folder without any `.env`."""

    folder: Path
    variables: Mapping[str, str]

    async def payments(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "entrypoints.cli", *arguments],
            env=environment(**{**self.variables, **variables}),
            cwd=self.folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=240,
            check=False,
        )
