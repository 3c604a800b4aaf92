"""A benchmark that loses a payment, or makes one too many, has measured nothing: every one is accounted for."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import httpx

from adapters.postgres.connection import connected
from bench.machine import Machine
from bench.series import Measured

_MADE: Final = "SELECT id::text, status, amount, amount_captured FROM payments"
_AMOUNT: Final = 2500


async def faults(machine: Machine, measured: Measured, answered: list[str]) -> list[str]:
    """What does not add up; `answered` are the ids of all payments that were answered 201."""
    async with connected(machine.settings.dsn or "") as ours, connected(machine.peer.dsn or "") as peers:
        kept = await ours.fetch(_MADE)
        peer = await peers.fetchval("SELECT count(*) FROM payments WHERE status = 'SUCCEEDED'")
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        told = (await client.get(f"{machine.gateway_url}/_ledger")).json()
    # The script was recorded with payments of its own, in the peer's database and at the same gateway.
    charged = Counter(charge["metadata"]["payment_id"] for charge in told["charges"])
    for name in machine.recorded:
        charged.pop(str(name), None)
    found = [*_answers(measured), *_payments(kept, charged, answered)]
    expected = measured.paid_by_pgbench + len(machine.recorded)
    if peer != expected:
        found.append(f"pgbench says it made {expected} payments, and {peer} are there")
    return found


def _answers(measured: Measured) -> Iterator[str]:
    for series in measured.answered():
        if series.wrong:
            yield f"{series.wrong} of {series.answers} answers were wrong: {'; '.join(series.examples)}"


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
