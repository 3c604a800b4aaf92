"""The API: stateless, any number may run."""

import structlog
import uvicorn
from litestar import Litestar

from adapters.http.app import make_app
from adapters.http.health import Pulse
from adapters.http.slow_clients import SlowClientProtocol
from adapters.system import new_id
from entrypoints import VERSION
from entrypoints.container import Container, authenticator, opened
from entrypoints.ports import bound
from entrypoints.process import run
from entrypoints.server import Server
from entrypoints.settings import Settings

log = structlog.get_logger()

#: Longer than the slowest gateway call: a payment under way is finished before the process goes.
_GRACE_S = 30


def app(container: Container, settings: Settings) -> Litestar:
    """The HTTP face over the graph."""
    return make_app(
        use_cases=container.use_cases(),
        ears=container.ears(),
        pulse=Pulse(
            service="payment-service",
            version=VERSION,
            mode="live" if settings.may_move_real_money else "test",
            readiness=container.readiness(),
            inbox=container.inbox(),
        ),
        authenticator=authenticator(settings),
        docs_url=settings.docs_url,
        origins=settings.origins,
        new_request_id=lambda: str(new_id()),
    )


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. The port opens when everything behind it is open."""
    port = bound(settings.host, settings.port, "PORT")
    async with opened(settings) as container:
        config = uvicorn.Config(
            app(container, settings),
            http=SlowClientProtocol.documented(settings.docs_url),
            ws="none",
            loop="uvloop",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        log.info("api.started", host=settings.host, port=settings.port)
        await Server(config).serve([port])
        log.info("api.stopped")


def main() -> None:
    run(serve)


if __name__ == "__main__":
    main()
