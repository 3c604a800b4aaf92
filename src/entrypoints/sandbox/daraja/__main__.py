"""`python -m entrypoints.sandbox.daraja`: the process itself."""

import sys

from entrypoints.sandbox import process
from entrypoints.sandbox.daraja import settings
from entrypoints.sandbox.daraja.server import application
from entrypoints.sandbox.ledger import LedgerBroken


def main() -> None:
    """Serves until it is told to stop."""
    told = settings.from_command_line()
    try:
        served = application(told)
    except LedgerBroken as broken:
        sys.exit(f"daraja sandbox: {broken}")
    process.run("daraja", served, told.host, told.port)


if __name__ == "__main__":
    main()
