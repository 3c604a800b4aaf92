"""stripe-python, set up to be quiet: it would log bodies, tell Stripe about our calls, and repeat them by itself."""

import logging
from importlib import import_module
from typing import Any, Final

import stripe

from adapters.stripe.transport import Transport

API_VERSION: Final = "2026-10-28.endive"


def connect(api_key: str, base_url: str | None, transport: Transport) -> stripe.StripeClient:
    """A client of Stripe, or of whatever speaks like it at `base_url`."""
    stripe.enable_telemetry = False
    logging.getLogger("stripe").setLevel(logging.ERROR)
    # It renders its log lines before it looks whether anybody reads them, and STRIPE_LOG=debug prints bodies past all.
    for module in ("stripe._api_requestor", "stripe._http_client"):
        for name in {"log_info", "log_debug"} & vars(import_module(module)).keys():
            setattr(import_module(module), name, _say_nothing)
    return stripe.StripeClient(
        api_key,
        stripe_version=API_VERSION,
        base_addresses={"api": base_url.rstrip("/")} if base_url else {},
        http_client=transport,
        max_network_retries=0,
    )


def _say_nothing(*_: Any, **__: Any) -> None:
    """In place of stripe-python's own words."""
