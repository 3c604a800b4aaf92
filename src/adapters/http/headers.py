"""Request headers as they came: bytes, and as often as they stand there."""

from litestar.types import HTTPScope


def values(scope: HTTPScope, name: bytes) -> list[bytes]:
    """Every value of the header `name` (lower case), in order."""
    return [value for key, value in scope["headers"] if key == name]
