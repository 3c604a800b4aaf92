"""The contract and the service, held against each other by a machine that reads the one and tries the other."""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Final
from uuid import uuid4

from tests.e2e.running import Service

#: How many requests are made up for each operation; more of them find more, and take longer.
EXAMPLES: Final = os.environ.get("CONTRACT_EXAMPLES", "10")
SEED: Final = os.environ.get("SEED", "1")
CONFIGURATION: Final = Path(__file__).with_name("schemathesis.toml")


async def test_what_the_document_says_is_what_the_service_does(service: Service, tmp_path: Path) -> None:
    """
    Every operation, with every check, in every phase: no status, header or body that is not told, nothing valid
    refused, nothing invalid taken, no way in without a token.
    """
    told = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)),
        *("run", f"{service.api('api-1')}/openapi.json", "--header", f"Authorization: Bearer {service.token(uuid4())}"),
        *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", EXAMPLES),
        *("--seed", SEED, "--no-color"),
        cwd=tmp_path,  # it keeps notes
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await told.communicate())[0].decode()

    assert told.returncode == 0, said
    assert re.search(r"Tested: (\d+)", said), said
