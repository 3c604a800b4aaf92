"""The one asyncpg type that signatures here need. It is generic for the type checker only, hence the quotes."""

from typing import TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
