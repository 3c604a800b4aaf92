"""One file a process, and the command that starts them."""

from importlib.metadata import version
from typing import Final

VERSION: Final = version("payment-service")
