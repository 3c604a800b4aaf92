"""Small pieces that schemas are put together from."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

TEXT: Final = {"type": "string"}
NULL: Final = {"type": "null"}
TIME: Final = {"type": "string", "format": "date-time"}
MINOR_UNITS: Final = {"type": "integer", "minimum": 0}


def an_object(properties: Mapping[str, Any], *, optional: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """An object with all of these properties, but for the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required, **more}
