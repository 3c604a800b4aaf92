"""Where the gateways speak: kept first, acknowledged then. Acknowledgements are bare."""

import re
from dataclasses import dataclass
from typing import Any, Final

import structlog
from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from adapters.http.headers import values
from adapters.http.json_body import WEBHOOK_LIMIT, check_media_type, read_bytes
from adapters.http.json_text import check_is_json
from adapters.http.refusals import RequestRefused
from application.ports.webhooks import Forged, WebhookVerifier
from application.receive_webhook import ReceiveCallback, ReceiveHint, ReceiveWebhook
from domain.errors import NotFound
from domain.payment_method import GatewayName

_TOKEN: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_OK: Final = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """What the gateways' words are given to."""

    stripe_verifier: WebhookVerifier
    receive_webhook: ReceiveWebhook
    receive_callback: ReceiveCallback
    receive_hint: ReceiveHint


class Webhooks(Controller):
    path = "/webhooks"

    @post("/stripe", status_code=_OK, operation_id="StripeEvent")
    async def stripe(
        self, request: Request[Any, Any, Any], ears: NamedDependency[SkipValidation[Ears]]
    ) -> dict[str, Any]:
        """A signed event of Stripe's."""
        check_media_type(request.scope)
        signatures = values(request.scope, b"stripe-signature")
        if len(signatures) != 1:
            raise Forged("The Stripe-Signature header must stand once.")
        body = await read_bytes(request, WEBHOOK_LIMIT)
        event_id = ears.stripe_verifier.verify(body, signatures[0])
        fresh = await ears.receive_webhook.execute(GatewayName.STRIPE, event_id, body)
        log.info("webhook.received", gateway=GatewayName.STRIPE, event_id=event_id, fresh=fresh)
        return {"received": True}

    @post("/mm/{token:str}", status_code=_OK, operation_id="MobileMoneyCallback")
    async def callback(
        self,
        request: Request[Any, Any, Any],
        ears: NamedDependency[SkipValidation[Ears]],
        token: FromPath[str],
    ) -> dict[str, Any]:
        """A callback on the path that was made for one payment. Whatever it calls its media type, it must be JSON."""
        if not _TOKEN.fullmatch(token):
            raise NotFound
        body = await read_bytes(request, WEBHOOK_LIMIT)
        check_is_json(body)
        fresh = await ears.receive_callback.execute(token, body)
        log.info("webhook.received", gateway=GatewayName.MPESA, fresh=fresh)
        return _thanks()

    @post("/mpesa", status_code=_OK, operation_id="MpesaHint")
    async def hint(
        self, request: Request[Any, Any, Any], ears: NamedDependency[SkipValidation[Ears]]
    ) -> dict[str, Any]:
        """The well-known path. Anyone can send this: it is believed in nothing, and all get the same answer."""
        body = await read_bytes(request, WEBHOOK_LIMIT)
        try:
            check_is_json(body)
        except RequestRefused as error:
            log.info("hint.ignored", why=type(error).__name__)
        else:
            await ears.receive_hint.execute(body)
        return _thanks()


def _thanks() -> dict[str, Any]:
    return {"ResultCode": 0, "ResultDesc": "Accepted"}
