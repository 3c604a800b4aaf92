"""A benchmark that loses a payment or a refund, or makes one too many, has measured nothing: all are accounted for."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import httpx

from adapters.postgres.connection import connected
from bench.generator import Made
from bench.machine import Machine
from bench.series import Measured

_MADE: Final = "SELECT id::text, status, amount, amount_captured FROM payments"
_REFUNDED: Final = """
    SELECT (SELECT count(*) FROM refunds WHERE status = 'SUCCEEDED') AS refunds,
           (SELECT coalesce(sum(amount), 0)::bigint FROM refunds) AS given,
           (SELECT coalesce(sum(amount_refunded), 0)::bigint FROM payments) AS booked,
           (SELECT coalesce(sum(amount_reserved), 0)::bigint FROM payments) AS reserved
"""
_AMOUNT: Final = 2500


async def faults(machine: Machine, measured: Measured, made: Made) -> list[str]:
    """What does not add up; `made` was answered 201."""
    async with connected(machine.settings.dsn or "") as ours, connected(machine.peer.dsn or "") as peers:
        kept = await ours.fetch(_MADE)
        refunded = await ours.fetchrow(_REFUNDED)
        peer = await peers.fetchval("SELECT count(*) FROM payments WHERE status = 'SUCCEEDED'")
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        told = (await client.get(f"{machine.gateway_url}/_ledger")).json()
    # The script was recorded with payments of its own, in the peer's database and at the same gateway.
    charged = Counter(charge["metadata"]["payment_id"] for charge in told["charges"])
    for name in machine.recorded:
        charged.pop(str(name), None)
    found = [
        *_answers(measured),
        *_payments(kept, charged, made.payments),
        *_refunds(refunded, told["refunds"], made.refunds),
    ]
    expected = measured.paid_by_pgbench + len(machine.recorded)
    if peer != expected:
        found.append(f"pgbench says it made {expected} payments, and {peer} are there")
    return found


def _answers(measured: Measured) -> Iterator[str]:
    for series in measured.answered():
        if series.wrong:
            yield f"{series.wrong} of {series.answers} answers were wrong: {'; '.join(series.examples)}"


def _refunds(kept: Any, given: list[Any], answered: int) -> Iterator[str]:
    amount = sum(refund["amount"] for refund in given)
    if tuple(kept) != (answered, amount, amount, 0) or len(given) != answered:
        yield f"{answered} refunds were answered 201, {len(given)} of {amount} were given; in the database {dict(kept)}"


def _payments(kept: list[Any], charged: Counter[str], answered: list[str]) -> Iterator[str]:
    names = [row["id"] for row in kept]
    if not Counter(answered) == charged == Counter(names):
        yield (
            f"payments were lost, or made twice: {len(answered)} were answered 201, {len(names)} are in the database, "
            f"{charged.total()} were charged"
        )
    wanted = ("SUCCEEDED", _AMOUNT, _AMOUNT)
    odd = [dict(row) for row in kept if (row["status"], row["amount"], row["amount_captured"]) != wanted]
    if odd:
        yield f"{len(odd)} payments are not what was asked for: {odd[0]}"
