"""/openapi.json"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Self

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from adapters.http.openapi.document import openapi_document
from adapters.http.replies import Reply


@dataclass(frozen=True, slots=True)
class Contract:
    """The OpenAPI document, written once."""

    body: bytes
    tag: str

    @classmethod
    def of(cls, docs_url: str, version: str) -> Self:
        body = msgspec.json.encode(openapi_document(docs_url=docs_url, version=version))
        return cls(body, f'"{sha256(body).hexdigest()[:32]}"')


class OpenApi(Controller):
    path = "/openapi.json"

    @get(operation_id="OpenApi")
    async def find(self, contract: NamedDependency[SkipValidation[Contract]]) -> Reply:
        """What this API can do, for machines."""
        return Reply(body=contract.body, headers={"etag": contract.tag, "cache-control": "no-cache"})
