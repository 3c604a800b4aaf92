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
from adapters.http.replies import Reply
from application.ports.payments import Purpose
from application.ports.webhooks import Forged, WebhookVerifier
from application.receive_webhook import ReceiveCallback, ReceiveHint, ReceiveWebhook
from domain.errors import NotFound
from domain.payment_method import GatewayName

_TOKEN: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_THANKS: Final = Reply.bare({"ResultCode": 0, "ResultDesc": "Accepted"})

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

    @post("/stripe", operation_id="StripeEvent")
    async def stripe(self, request: Request[Any, Any, Any], ears: NamedDependency[SkipValidation[Ears]]) -> Reply:
        """A signed event of Stripe's."""
        check_media_type(request.scope)
        signatures = values(request.scope, b"stripe-signature")
        if len(signatures) != 1:
            raise Forged("The Stripe-Signature header must stand once.")
        body = await read_bytes(request, WEBHOOK_LIMIT)
        event_id = ears.stripe_verifier.verify(body, signatures[0])
        fresh = await ears.receive_webhook.execute(GatewayName.STRIPE, event_id, body)
        log.info("webhook.received", gateway=GatewayName.STRIPE, event_id=event_id, fresh=fresh)
        return Reply.bare({"received": True})

    @post("/mm/{token:str}", operation_id="MobileMoneyCallback")
    async def callback(
        self,
        request: Request[Any, Any, Any],
        ears: NamedDependency[SkipValidation[Ears]],
        token: FromPath[str],
    ) -> Reply:
        """A callback on the path that was made for one payment. Whatever it calls its media type, it must be JSON."""
        return await _keep(request, ears, token, Purpose.PROMPT)

    @post("/mm/{token:str}/timeout", operation_id="MobileMoneyTimeout")
    async def timeout(
        self,
        request: Request[Any, Any, Any],
        ears: NamedDependency[SkipValidation[Ears]],
        token: FromPath[str],
    ) -> Reply:
        """What we asked for waited too long in M-Pesa's queue."""
        return await _keep(request, ears, token, Purpose.STATUS, Purpose.REFUND_TIMEOUT)

    @post("/mm/{token:str}/result", operation_id="MobileMoneyResult")
    async def result(
        self,
        request: Request[Any, Any, Any],
        ears: NamedDependency[SkipValidation[Ears]],
        token: FromPath[str],
    ) -> Reply:
        """What became of what we asked for, on the path that was made for it."""
        return await _keep(request, ears, token, Purpose.STATUS, Purpose.REFUND)

    @post("/mpesa", operation_id="MpesaHint")
    async def hint(self, request: Request[Any, Any, Any], ears: NamedDependency[SkipValidation[Ears]]) -> Reply:
        """The well-known path. Anyone can send this: it is believed in nothing, and all get the same answer."""
        body = await read_bytes(request, WEBHOOK_LIMIT)
        try:
            check_is_json(body)
        except RequestRefused as error:
            log.info("hint.ignored", why=type(error).__name__)
        else:
            await ears.receive_hint.execute(body)
        return _THANKS


async def _keep(request: Request[Any, Any, Any], ears: Ears, token: str, *purposes: Purpose) -> Reply:
    if not _TOKEN.fullmatch(token):
        raise NotFound
    body = await read_bytes(request, WEBHOOK_LIMIT)
    check_is_json(body)
    fresh = await ears.receive_callback.execute(token, body, purposes)
    log.info("webhook.received", gateway=GatewayName.MPESA, fresh=fresh)
    return _THANKS
