"""The documentation server: guides, the API to try, errors, states. Needs no database and holds no secret."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog
import uvicorn
from litestar import Litestar

from adapters.docs_site.app import make_site
from adapters.docs_site.problems import ProblemType
from adapters.docs_site.site import Source, missing_page, site_pages
from adapters.http.openapi.document import openapi_document
from adapters.http.openapi.operations import OPERATIONS
from adapters.http.openapi.problems import problem_example
from adapters.http.problem_kinds import DECLINED, KINDS, Kind
from entrypoints import VERSION
from entrypoints.ports import bound
from entrypoints.process import run
from entrypoints.server import Server
from entrypoints.settings import AppEnv, ConfigurationError, Settings
from entrypoints.tokens import SOMEONE, development_token

log = structlog.get_logger()

_GUIDES: Final = Path(__file__).parents[2] / "docs"


def site(settings: Settings) -> Litestar:
    """
    The whole site.

    Raises:
        ConfigurationError: production has not said where its API is.
    """
    if settings.app_env is AppEnv.PRODUCTION and settings.api_url is None:
        raise ConfigurationError("API_URL must be set: the address at which the API's callers reach it")
    source = _source(settings)
    api = urlsplit(source.api_url)
    return make_site(
        site_pages(source),
        missing=missing_page(),
        api_origin=f"{api.scheme}://{api.netloc}",
        make_token=(lambda: development_token(settings, SOMEONE)) if source.offers_token else None,
    )


def _source(settings: Settings) -> Source:
    docs_url = settings.docs_url.rstrip("/")
    api_url = settings.api_address
    contract = openapi_document(docs_url=docs_url, version=VERSION, servers=[api_url])
    return Source(
        guides=_GUIDES,
        swagger_ui=_swagger_ui(),
        openapi=msgspec.json.encode(contract),
        problem_types=problem_types(docs_url),
        api_url=api_url,
        docs_url=docs_url,
        offers_token=settings.app_env is not AppEnv.PRODUCTION and settings.jwt_secret is not None,
    )


def problem_types(docs_url: str) -> list[ProblemType]:
    """Every problem type, once; where two errors are told by one code, as the first tells it."""
    first: dict[str, Kind] = {}
    for kind in [DECLINED, *KINDS.values()]:
        first.setdefault(kind.code, kind)
    return [
        ProblemType(
            code=kind.code,
            title=kind.title,
            status=kind.status,
            retry_after=kind.retry_after,
            example=msgspec.json.encode(problem_example(kind, _told_at(kind.code), docs_url)),
        )
        for kind in first.values()
    ]


def _told_at(code: str) -> str:
    """A path that answers so: one of those that know it best."""
    known = [operation for operation in OPERATIONS if code in operation.problems]
    told = [*known, *(operation for operation in OPERATIONS if code in operation.codes), OPERATIONS[0]]
    return told[0].path


def _swagger_ui() -> Path:
    """The files of the package that has them; its code is not wanted."""
    found = find_spec("litestar_offline_docs")
    if found is None or found.origin is None:
        raise ConfigurationError("the package litestar-offline-docs is not installed")
    return Path(found.origin).with_name("static")


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    app = site(settings)
    port = bound(settings.host, settings.docs_port, "DOCS_PORT")
    config = uvicorn.Config(
        app,
        ws="none",
        loop="uvloop",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    log.info("docs.started", host=settings.host, port=settings.docs_port)
    await Server(config).serve([port])
    log.info("docs.stopped")


def main() -> None:
    run(serve, keeps_data=False)


if __name__ == "__main__":
    main()
