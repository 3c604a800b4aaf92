"""`python -m entrypoints.sandbox.stripe`: the Stripe stand-in as a process."""

import argparse
import sys
from pathlib import Path

from entrypoints.sandbox.ledger import LedgerBroken
from entrypoints.sandbox.process import run
from entrypoints.sandbox.stripe.app import build
from entrypoints.sandbox.stripe.webhooks import Destination


def main() -> None:
    """Read the command line and serve."""
    given = _arguments()
    destination = Destination(
        given.webhook_url, given.webhook_secret, frozenset(given.webhook_events.split(",")) - {""}
    )
    try:
        app = build(given.ledger, destination, given.api_key)
    except LedgerBroken as error:
        sys.exit(f"stripe sandbox: {error}")
    run("stripe", app, given.host, given.port)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m entrypoints.sandbox.stripe",
        description="A stand-in for Stripe, API version 2026-10-28.endive. No real money, no real cards.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=12111, help="port to listen on, 0 for a free one (default: %(default)s)"
    )
    parser.add_argument("--ledger", type=Path, required=True, help="file that remembers everything; made if absent")
    parser.add_argument("--webhook-url", help="where events are posted; without it they are only listed")
    parser.add_argument(
        "--webhook-secret", default="whsec_sandbox", help="what they are signed with (default: %(default)s)"
    )
    parser.add_argument("--webhook-events", default="", help="the event types to post, comma separated (default: all)")
    parser.add_argument("--api-key", help="the only sk_test_ key accepted (default: any)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
