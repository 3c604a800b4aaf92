"""How PostgreSQL goes about a list: never more than it shows, whatever there is and however deep. No timings."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from adapters.postgres.connection import Connection
from adapters.postgres.partitions import prepare
from adapters.postgres.payment_lists import history_statement, payments_statement
from adapters.postgres.payments import PostgresPayments
from adapters.postgres.pools import Database
from adapters.postgres.refund_lists import refunds_statement
from application.ports.payment_lists import Place, Wanted
from application.ports.refund_lists import RefundPlace, WantedRefunds
from domain.payment_method import GatewayName
from domain.status import Status
from tests import databases
from tests.databases import Server, a_database

Part = Mapping[str, Any]

USERS = 50
PAYMENTS = 60_000
A_USER = UUID("00000000-0000-4000-8000-000000000007")
MARCH = Wanted(since=datetime(2026, 3, 1, tzinfo=UTC), until=datetime(2026, 3, 31, 23, 59, tzinfo=UTC))

#: Payments of `USERS` users and 200 orders, evenly over January to May 2026.
_PAYMENTS = """
    INSERT INTO payments (id, created_at, updated_at, user_id, order_id, gateway, method, amount, currency,
                          capture_method, status, known, refs, private, history_head, version)
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))
           ::uuid, at, at, ('00000000-0000-4000-8000-' || lpad((n % $2)::text, 12, '0'))::uuid, 'order_' || n % 200,
           'stripe', '{"type": "CARD"}', 100, 'USD', 'automatic', CASE n % 20 WHEN 0 THEN 'FAILED' ELSE 'SUCCEEDED' END,
           '[]', '{}', decode(repeat('ab', 120), 'hex'), decode(repeat('00', 32), 'hex'), 1
      FROM (SELECT n, date_trunc('second', timestamptz '2026-01-02Z' + n * interval '147 days' / $1::integer) AS at
              FROM generate_series(1, $1) AS n) AS made
"""
_HISTORY = """
    INSERT INTO payment_history (payment_id, payment_created_at, seq, body, hash, user_id, at)
    SELECT id, created_at, seq, decode(repeat('ab', 300), 'hex'), history_head, user_id,
           created_at + seq * interval '1 second'
      FROM payments, generate_series(1, 2) AS seq
"""
#: Of a tenth of the payments two each, in the two months after it.
_REFUNDS = """
    INSERT INTO refunds (id, payment_id, payment_created_at, user_id, amount, currency, channel, origin, status, known,
                         refs, private, requested_at, updated_at, version)
    SELECT overlay(id::text placing lpad(n::text, 4, '0') from 20 for 4)::uuid, id, created_at, user_id, 1, 'USD',
           'stripe', 'api', 'SUCCEEDED', '[]', '{}', decode(repeat('ab', 60), 'hex'),
           created_at + n * interval '30 days', created_at, 1
      FROM payments, generate_series(1, 2) AS n WHERE hashtext(id::text) % 10 = 0
"""


@pytest.fixture(scope="module")
async def filled(postgres_server: Server, template: str) -> AsyncIterator[Connection]:
    """The service's own connection to a database of many payments in five months, and empty months around them."""
    async with a_database(postgres_server, template=template) as made:
        async with databases.connected(made.owner_dsn) as owner:
            await prepare(owner, today=date(2025, 12, 1), months_ahead=7)
            await owner.execute(_PAYMENTS.replace("$1", str(PAYMENTS)).replace("$2", str(USERS)))
            await owner.execute(_HISTORY)
            await owner.execute(_REFUNDS)
            await owner.execute("ANALYZE payments")
            await owner.execute("ANALYZE refunds")
            await owner.execute("ANALYZE payment_history")
        async with Database(made.dsn, size=1, set_aside=0) as pool, pool.connection() as connection:
            yield connection


async def explained(connection: Connection, sql: str, *values: Any) -> list[Part]:
    """The parts of the plan that the service gets, one for all values, that were carried out."""
    assert await connection.fetchval("SHOW plan_cache_mode") == "force_generic_plan"
    await connection.execute(f"PREPARE listing AS {sql}")
    try:
        given = ", ".join(f"'{value}'" for value in values)
        told = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE listing ({given})"
        )
    finally:
        await connection.execute("DEALLOCATE listing")
    return [part for part in _parts(json.loads(told)[0]["Plan"]) if part["Actual Loops"]]


def _parts(plan: Part) -> Iterator[Part]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _parts(part)


def kinds(plan: Sequence[Part]) -> set[str]:
    return {part["Node Type"] for part in plan}


def indexes(plan: Sequence[Part]) -> set[str]:
    """Which they are, whatever the month."""
    return {
        part["Index Name"].partition("_2026_")[2][3:] for part in plan if part.get("Index Name", "").count("_2026_")
    }


def months(plan: Sequence[Part]) -> set[str]:
    return {part["Relation Name"].removeprefix("payments_") for part in plan if "Relation Name" in part}


def buffers(plan: Sequence[Part]) -> int:
    """Pages of 8 KiB that were looked at, for all of it."""
    return int(plan[0]["Shared Hit Blocks"] + plan[0]["Shared Read Blocks"])


async def the_payment_at(connection: Connection, depth: int) -> UUID:
    found = await connection.fetchval(
        "SELECT id FROM payments ORDER BY created_at DESC, id DESC OFFSET $1 LIMIT 1", depth
    )
    return UUID(int=found.int)


PLAIN = {"Limit", "Append", "Index Scan"}


@pytest.mark.parametrize("begins", ["first", "after"])
@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted(), "pkey"),
        (MARCH, "pkey"),
        (Wanted(user_id=A_USER), "user_id_created_at_id_idx"),
        (Wanted(order_id="order_7"), "order_id_created_at_id_idx"),
    ],
    ids=["all", "time", "user", "order"],
)
async def test_a_page_is_read_from_its_index_in_order(
    filled: Connection, wanted: Wanted, index: str, begins: str
) -> None:
    """Nothing is sorted and no table is read through, on the first page and on later ones."""
    after = await the_payment_at(filled, PAYMENTS // 2) if begins == "after" else None

    plan = await explained(filled, *payments_statement(wanted, limit=51, after=after))

    assert kinds(plan) <= PLAIN
    assert indexes(plan) == {index}
    assert plan[0]["Actual Rows"] == 51
    # One page of the table for each row at most; of each index, the way down and a neighbour.
    assert buffers(plan) <= 51 + 4 * len(months(plan))


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(user_id=A_USER, order_id="order_7"),
        Wanted(user_id=A_USER, status=Status.FAILED, currency="USD", gateway=GatewayName.STRIPE),
        Wanted(user_id=A_USER, order_id="order_7", status=Status.FAILED, since=MARCH.since, until=MARCH.until),
    ],
    ids=str,
)
async def test_filters_together_use_the_index_of_one_of_them(filled: Connection, wanted: Wanted) -> None:
    """The others look at what it gives."""
    plan = await explained(filled, *payments_statement(wanted, limit=51, after=None))

    assert kinds(plan) <= PLAIN
    assert indexes(plan) <= {"user_id_created_at_id_idx", "order_id_created_at_id_idx"}


@pytest.mark.parametrize(
    ("since", "until", "touched"),
    [
        ("2026-03-01", "2026-03-31", {"2026_03"}),
        ("2026-02-28", "2026-03-01", {"2026_02", "2026_03"}),
        ("2025-12-31", "2026-01-01", {"2025_12", "2026_01"}),
    ],
)
async def test_dates_touch_their_months_alone(filled: Connection, since: str, until: str, touched: set[str]) -> None:
    """Others are ruled out before they are looked at, also under a plan that knows no values."""
    wanted = Wanted(
        status=Status.FAILED,
        since=datetime.fromisoformat(since).replace(tzinfo=UTC),
        until=datetime.fromisoformat(until).replace(hour=23, tzinfo=UTC),
    )
    plan = await explained(filled, *payments_statement(wanted, limit=PAYMENTS, after=None))

    assert months(plan) == touched


async def test_a_page_begins_in_its_month(filled: Connection) -> None:
    """Of the months after the cursor none is looked at."""
    after = await the_payment_at(filled, PAYMENTS // 2)

    plan = await explained(filled, *payments_statement(Wanted(), limit=51, after=after))

    assert months(plan) == {"2026_03"}


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(user_id=A_USER)], ids=["all", "user"])
async def test_no_page_costs_more_than_the_first(filled: Connection, wanted: Wanted) -> None:
    """However deep: page 10,000 looks at no more of the disk than page 1."""
    first = await explained(filled, *payments_statement(wanted, limit=6, after=None))
    deep = await the_payment_at(filled, 5 * 9_999)

    later = await explained(filled, *payments_statement(wanted, limit=6, after=deep))

    assert first[0]["Actual Rows"] == later[0]["Actual Rows"] == 6
    assert buffers(later) <= buffers(first)


async def test_a_users_story_is_read_from_its_index_in_order(filled: Connection) -> None:
    """Months are merged, not sorted; the hash before each entry comes by its key, from one month."""
    deep = Place(datetime(2026, 3, 1, tzinfo=UTC), UUID(int=0), 1)
    first, later = [
        await explained(filled, *history_statement(A_USER, limit=51, since=None, until=None, after=after))
        for after in (None, deep)
    ]

    for plan in (first, later):
        assert kinds(plan) <= {"Limit", "Result", "Merge Append", "Append", "Index Scan"}
        assert indexes(plan) == {"user_id_at_payment_id_seq_idx", "pkey"}
        assert plan[0]["Actual Rows"] == 51
    assert buffers(later) <= buffers(first) + 51


@pytest.mark.parametrize("begins", ["first", "after"])
@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (WantedRefunds(), "requested_at_id_idx"),
        (WantedRefunds(since=MARCH.since, until=MARCH.until), "requested_at_id_idx"),
        (WantedRefunds(user_id=A_USER), "user_id_requested_at_id_idx"),
    ],
    ids=["all", "time", "user"],
)
async def test_a_page_of_refunds_is_read_from_its_index_in_order(
    filled: Connection, wanted: WantedRefunds, index: str, begins: str
) -> None:
    """Months are merged, not sorted: a refund is in its payment's month, whenever it was made."""
    after = RefundPlace(datetime(2026, 3, 20, tzinfo=UTC), UUID(int=0)) if begins == "after" else None

    plan = await explained(filled, *refunds_statement(wanted, limit=11, after=after))

    assert kinds(plan) <= {"Limit", "Merge Append", "Index Scan"}
    assert indexes(plan) == {index}
    assert plan[0]["Actual Rows"] == 11


async def test_the_refunds_of_a_payment_are_in_one_month(filled: Connection) -> None:
    """The one of the payment."""
    payment_id = UUID(int=(await filled.fetchval("SELECT payment_id FROM refunds ORDER BY id LIMIT 1")).int)

    plan = await explained(filled, *refunds_statement(WantedRefunds(payment_id=payment_id), limit=11, after=None))

    assert {part["Relation Name"] for part in plan if "Relation Name" in part} == {"refunds_2026_01"}
    assert indexes(plan) == {"payment_id_requested_at_id_idx"}
    assert plan[0]["Actual Rows"] == 2


async def test_whether_an_order_was_paid_twice_is_found_by_an_index(filled: Connection) -> None:
    """It is asked while a payment is recorded."""
    values = (A_USER, "order_7", await the_payment_at(filled, 0))
    plan = await explained(filled, PostgresPayments._ANOTHER_SUCCEEDED, *values)

    read_through = [part for part in plan if part["Node Type"] == "Seq Scan" and part["Rows Removed by Filter"]]
    assert read_through == []  # a month without rows may be: it is the shortest way to see that
    assert indexes(plan) <= {"user_id_created_at_id_idx", "order_id_created_at_id_idx"}
