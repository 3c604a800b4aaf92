"""Saved methods, and what a gateway may have attached that is not kept."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from adapters.encryption import Vault
from adapters.postgres.pools import Database
from application.ports.payment_methods import MOST, Draft, Leaving
from domain.errors import TooManyMethods
from domain.payment_method import MethodType, PaymentMethod
from domain.saved_method import SavedMethod


class PostgresPaymentMethods:
    """Keeps the promises of `application.ports.payment_methods.PaymentMethods` in PostgreSQL."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    _KEEP: Final = """
        WITH draft AS (
            SELECT id FROM unkept_methods WHERE id = $1 AND NOT leaving FOR UPDATE
        ), kept AS (
            INSERT INTO payment_methods AS mine (id, user_id, type, likeness, saved_by, brand, last4, exp_month,
                                                 exp_year, gateway_method, customer, phone)
            SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
             WHERE ($10::text IS NULL OR EXISTS (SELECT FROM draft))
               AND ((SELECT count(*) FROM payment_methods WHERE user_id = $2) < $14
                    OR EXISTS (SELECT FROM payment_methods WHERE user_id = $2 AND likeness = $4))
                ON CONFLICT (user_id, likeness) DO UPDATE SET saved_by = excluded.saved_by
            RETURNING id
        ), ended AS (
            DELETE FROM unkept_methods WHERE id IN (SELECT draft.id FROM draft JOIN kept ON kept.id = draft.id)
        ), leaves AS (
            UPDATE unkept_methods SET leaving = true, saved_by = NULL, due_at = $13
             WHERE id IN (SELECT id FROM draft) AND NOT EXISTS (SELECT FROM kept WHERE id = $1)
        )
        SELECT (SELECT id FROM kept) AS id, $10::text IS NULL OR EXISTS (SELECT FROM draft) AS in_time
    """

    async def keep(self, method: SavedMethod, likeness: bytes, *, saved_by: bytes | None = None) -> UUID | None:
        how = method.method
        row = await self._database.row(
            self._KEEP,
            method.id,
            method.user_id,
            how.type,
            likeness,
            saved_by,
            how.brand,
            how.last4,
            method.exp_month,
            method.exp_year,
            how.token,
            how.customer,
            self._vault.seal(how.phone.encode(), _about(method.id)) if how.phone else None,
            method.created_at,
            MOST,
            urgent=True,
        )
        if row is None or not row["in_time"]:
            return None
        if row["id"] is None:
            raise TooManyMethods
        return _id(row)

    _RECOGNISE: Final = "UPDATE payment_methods SET saved_by = $3 WHERE user_id = $1 AND likeness = $2 RETURNING id"

    async def recognise(self, user_id: UUID, likeness: bytes, saved_by: bytes) -> UUID | None:
        row = await self._database.row(self._RECOGNISE, user_id, likeness, saved_by)
        return _id(row) if row else None

    # Locked, so that it cannot be removed in between: the row it refers to must be there.
    _PREFER: Final = """
        INSERT INTO default_methods (user_id, method_id)
        SELECT user_id, id FROM payment_methods WHERE user_id = $1 AND id = $2 FOR KEY SHARE
            ON CONFLICT (user_id) DO UPDATE SET method_id = excluded.method_id
    """

    async def prefer(self, user_id: UUID, method_id: UUID) -> None:
        await self._database.rows(self._PREFER, user_id, method_id)

    _OF_USER: Final = """
        SELECT *, id = coalesce((SELECT method_id FROM default_methods WHERE user_id = $1),
                                first_value(id) OVER (ORDER BY id)) AS is_default
          FROM payment_methods WHERE user_id = $1
         ORDER BY is_default DESC, id DESC
    """

    async def of_user(self, user_id: UUID) -> list[SavedMethod]:
        return [self._method(row) for row in await self._database.rows(self._OF_USER, user_id)]

    _FIND: Final = f"SELECT * FROM ({_OF_USER}) AS mine WHERE id = $2"  # noqa: S608 - our own words

    async def find(self, user_id: UUID, method_id: UUID) -> SavedMethod | None:
        row = await self._database.row(self._FIND, user_id, method_id)
        return self._method(row) if row else None

    _REMOVE: Final = """
        WITH gone AS (
            DELETE FROM payment_methods WHERE user_id = $1 AND id = $2 RETURNING id, user_id, gateway_method
        ), leaves AS (
            INSERT INTO unkept_methods (id, user_id, gateway_method, leaving, due_at)
            SELECT id, user_id, gateway_method, true, $3 FROM gone WHERE gateway_method IS NOT NULL
        )
        SELECT id FROM gone
    """

    async def remove(self, user_id: UUID, method_id: UUID, now: datetime) -> bool:
        return bool(await self._database.rows(self._REMOVE, user_id, method_id, now))

    def _method(self, row: asyncpg.Record) -> SavedMethod:
        method_id = _id(row)
        phone = self._vault.open(row["phone"], _about(method_id)).decode() if row["phone"] else None
        return SavedMethod(
            id=method_id,
            user_id=UUID(int=row["user_id"].int),
            method=PaymentMethod(
                type=MethodType(row["type"]),
                token=row["gateway_method"],
                customer=row["customer"],
                brand=row["brand"],
                last4=row["last4"],
                phone=phone,
            ),
            exp_month=row["exp_month"],
            exp_year=row["exp_year"],
            is_default=row["is_default"],
        )


class PostgresUnkeptMethods:
    """
    Keeps the promises of `application.ports.payment_methods.UnkeptMethods` in PostgreSQL; `account` tells whose
    customers they are at the gateway.
    """

    def __init__(self, database: Database, *, account: str) -> None:
        self._database = database
        self._account = account

    _BEGIN: Final = """
        WITH saved AS (
            SELECT id FROM payment_methods WHERE user_id = $2 AND saved_by = $3 LIMIT 1
        ), draft AS (
            INSERT INTO unkept_methods AS mine (id, user_id, saved_by, due_at)
            SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT FROM saved)
                ON CONFLICT (user_id, saved_by) DO UPDATE SET saved_by = mine.saved_by
            RETURNING id, due_at
        )
        SELECT (SELECT id FROM saved) AS saved, (SELECT id FROM draft) AS id, (SELECT due_at FROM draft) AS due_at,
               (SELECT customer FROM gateway_customers WHERE account = $5 AND user_id = $2) AS customer
    """

    async def begin(self, user_id: UUID, saved_by: bytes, method_id: UUID, until: datetime) -> Draft | UUID:
        [row] = await self._database.rows(self._BEGIN, method_id, user_id, saved_by, until, self._account)
        if row["saved"] is not None:
            return UUID(int=row["saved"].int)
        return Draft(_id(row), row["due_at"], row["customer"])

    _OWN: Final = """
        INSERT INTO gateway_customers AS mine (account, user_id, customer) VALUES ($1, $2, $3)
            ON CONFLICT (account, user_id) DO UPDATE SET customer = mine.customer
        RETURNING customer
    """

    async def own(self, user_id: UUID, customer: str) -> str:
        [row] = await self._database.rows(self._OWN, self._account, user_id, customer)
        return str(row["customer"])

    _PROMISE: Final = """
        UPDATE unkept_methods SET gateway_method = coalesce(gateway_method, $2) WHERE id = $1 AND NOT leaving
        RETURNING gateway_method
    """

    async def promise(self, draft: Draft, name: str) -> str | None:
        row = await self._database.row(self._PROMISE, draft.id, name)
        return row["gateway_method"] if row else None

    _FORGET: Final = "DELETE FROM unkept_methods WHERE id = $1 AND gateway_method IS NULL"

    async def forget(self, draft: Draft) -> None:
        await self._database.rows(self._FORGET, draft.id)

    # What somebody keeps is never detached, whoever else has tried to save it.
    _TAKE_DUE: Final = """
        WITH due AS (
            SELECT id FROM unkept_methods WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        UPDATE unkept_methods AS mine SET leaving = true, saved_by = NULL, due_at = $2
         WHERE id IN (SELECT id FROM due)
        RETURNING id, CASE WHEN NOT EXISTS (SELECT FROM payment_methods AS kept
                                             WHERE kept.gateway_method = mine.gateway_method)
                           THEN gateway_method END AS name
    """

    async def take_due(self, now: datetime, again_after: timedelta, limit: int) -> list[Leaving]:
        taken = await self._database.rows(self._TAKE_DUE, now, now + again_after, limit)
        return [Leaving(_id(row), row["name"]) for row in taken]

    _LEFT: Final = "DELETE FROM unkept_methods WHERE id = $1 AND leaving"

    async def left(self, method_id: UUID) -> None:
        await self._database.rows(self._LEFT, method_id)


def _id(row: asyncpg.Record) -> UUID:
    return UUID(int=row["id"].int)


def _about(method_id: UUID) -> str:
    return f"method:{method_id}"
