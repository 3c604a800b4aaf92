"""stripe-python, set up to be quiet: it would log bodies, tell Stripe about our calls, and repeat them by itself."""

import logging
from typing import Final

import stripe

from adapters.stripe.transport import Transport

API_VERSION: Final = "2026-10-28.endive"


def connect(api_key: str, base_url: str | None, transport: Transport) -> stripe.StripeClient:
    """A client of Stripe, or of whatever speaks like it at `base_url`."""
    stripe.enable_telemetry = False
    logging.getLogger("stripe").setLevel(logging.ERROR)
    return stripe.StripeClient(
        api_key,
        stripe_version=API_VERSION,
        base_addresses={"api": base_url.rstrip("/")} if base_url else {},
        http_client=transport,
        max_network_retries=0,
    )
