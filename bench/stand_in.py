"""A Stripe that answers at once: whatever is asked succeeds, and every charge is remembered. Nothing is durable."""

import asyncio
from multiprocessing.connection import Connection
from typing import Any, Final
from urllib.parse import parse_qsl

import httptools
import msgspec
import uvloop

#: As large as a real one: reading it is part of what a payment costs.
_CARD: Final = {
    "brand": "visa",
    "country": "US",
    "exp_month": 12,
    "exp_year": 2034,
    "fingerprint": "F1ngerpr1ntOfV1sa",
    "funding": "credit",
    "last4": "4242",
    "network": "visa",
    "wallet": None,
}
_CHARGE: Final = {
    "object": "charge",
    "amount_refunded": 0,
    "balance_transaction": "txn_1SuperLongNameOfATransaction",
    "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
    "captured": True,
    "created": 1_790_000_000,
    "customer": None,
    "description": None,
    "disputed": False,
    "failure_code": None,
    "failure_message": None,
    "livemode": False,
    "outcome": {
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "Payment complete.",
        "type": "authorized",
    },
    "paid": True,
    "payment_method": "pm_1SuperLongNameOfAMethod",
    "payment_method_details": {"card": _CARD, "type": "card"},
    "refunded": False,
    "status": "succeeded",
}
_INTENT: Final = {
    "object": "payment_intent",
    "amount_capturable": 0,
    "amount_details": {"tip": {}},
    "application": None,
    "application_fee_amount": None,
    "automatic_payment_methods": {"allow_redirects": "never", "enabled": True},
    "canceled_at": None,
    "cancellation_reason": None,
    "capture_method": "automatic",
    "confirmation_method": "automatic",
    "created": 1_790_000_000,
    "customer": None,
    "description": None,
    "last_payment_error": None,
    "livemode": False,
    "next_action": None,
    "on_behalf_of": None,
    "payment_method": "pm_1SuperLongNameOfAMethod",
    "payment_method_options": {},
    "payment_method_types": ["card", "link"],
    "processing": None,
    "receipt_email": None,
    "review": None,
    "setup_future_usage": None,
    "shipping": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "succeeded",
    "transfer_data": None,
    "transfer_group": None,
}
_REFUND: Final = {
    "object": "refund",
    "balance_transaction": "txn_1SuperLongNameOfATransaction",
    "created": 1_790_000_000,
    "currency": "usd",
    "destination_details": {"card": {"reference_status": "pending", "reference_type": "acquirer_reference_number"}},
    "reason": None,
    "receipt_number": None,
    "source_transfer_reversal": None,
    "status": "succeeded",
    "transfer_reversal": None,
}
_METHOD: Final = {"id": "pm_1SuperLongNameOfAMethod", "object": "payment_method", "card": _CARD}
_NOTHING_HERE: Final = {"error": {"type": "invalid_request_error", "message": "This stand-in only takes payments."}}

_encode = msgspec.json.Encoder().encode


def serve(line: Connection) -> None:
    """Answers until it is ended; says its address when it listens."""
    uvloop.run(_serve(line))


async def _serve(line: Connection) -> None:
    ledger = _Ledger()
    server = await asyncio.get_running_loop().create_server(lambda: _Stripe(ledger), "127.0.0.1", 0)
    line.send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await server.serve_forever()


class _Ledger(msgspec.Struct):
    """All that was ever charged and given back."""

    charges: list[dict[str, Any]] = []
    refunds: list[dict[str, Any]] = []


class _Stripe(asyncio.Protocol):
    """One connection. httptools calls the methods that begin with `on_`."""

    def __init__(self, ledger: _Ledger) -> None:
        self._ledger = ledger
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.WriteTransport
        self._url = self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of TCP, it can write

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url = self._body = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status, answer = self._answer(self._url.decode())
        text = _encode(answer)
        head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nRequest-Id: req_1\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % (status, len(text)) + text)

    def _answer(self, url: str) -> tuple[bytes, Any]:
        if url == "/v1/payment_intents":
            return b"200 OK", self._charge(dict(parse_qsl(self._body.decode())))
        if url == "/v1/refunds":
            return b"200 OK", self._refund(dict(parse_qsl(self._body.decode())))
        if url == "/v1/payment_methods":
            return b"200 OK", _METHOD
        if url == "/_ledger":
            return b"200 OK", self._ledger
        return b"404 Not Found", _NOTHING_HERE

    def _charge(self, form: dict[str, str]) -> dict[str, Any]:
        metadata = _metadata(form)
        name = metadata["payment_id"].replace("-", "")
        money = {"amount": int(form["amount"]), "currency": form["currency"]}
        self._ledger.charges.append({**money, "metadata": metadata})
        charge = _CHARGE | money | {"id": f"ch_{name}", "amount_captured": money["amount"], "metadata": metadata}
        return _INTENT | {
            **money,
            "id": f"pi_{name}",
            "amount_received": money["amount"],
            "client_secret": f"pi_{name}_secret_0123456789abcdefghijklmn",
            "latest_charge": charge | {"payment_intent": f"pi_{name}"},
            "metadata": metadata,
        }

    def _refund(self, form: dict[str, str]) -> dict[str, Any]:
        metadata = _metadata(form)
        name = metadata["refund_id"].replace("-", "")
        refund = _REFUND | {
            "id": f"re_{name}",
            "amount": int(form["amount"]),
            "charge": form["payment_intent"].replace("pi_", "ch_"),
            "metadata": metadata,
            "payment_intent": form["payment_intent"],
        }
        self._ledger.refunds.append(refund)
        return refund


def _metadata(form: dict[str, str]) -> dict[str, str]:
    return {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")}
