"""What is served: bytes that are known when the process starts."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

HTML: Final = "text/html"


@dataclass(frozen=True, slots=True)
class Page:
    """One address of the site. `etag`: a strong validator of the bytes."""

    body: bytes
    media_type: str = HTML
    etag: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "etag", f'"{sha256(self.body).hexdigest()[:32]}"')
