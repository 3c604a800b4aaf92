"""
A list to be paged through, in a database of its own: many payments of one user, the newest 50 thousand first, then
older ones. Only pages that are asked for can be decrypted; the rest is there to be passed over.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from adapters.encryption import MasterKeys, Vault
from adapters.http.pages import Cursors
from adapters.postgres import data_keys, rows
from adapters.postgres.connection import Connection, connected
from adapters.postgres.partitions import prepare
from adapters.postgres.payment_lists import payments_statement
from adapters.postgres.pools import Database
from application.ports.payment_lists import Wanted
from bench.pgbench_script import Script
from bench.recorded import session_of
from domain.evidence import Claim, Evidence, Source
from domain.money import Money
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import MethodType, PaymentMethod
from entrypoints.local import prepare_database
from entrypoints.settings import Settings

#: Rows of a page, and the page that is deep. One row more is read: it tells whether there is a next page.
PAGE: Final = 50
DEEP: Final = 10_000
FEW: Final = 50_000
MANY: Final = 1_000_000
#: One payment after the other: two months in all.
_APART: Final = timedelta(seconds=5)

_GET: Final = b"GET /payments?limit=%d%b HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %b\r\n\r\n"
_ID: Final = "lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008' || lpad(to_hex(n), 15, '0')"
_FILL: Final = f"""
    INSERT INTO payments (id, created_at, updated_at, user_id, order_id, gateway, method, amount, currency,
                          capture_method, status, known, refs, amount_captured, private, history_head, version)
    SELECT ({_ID})::uuid, at, at, $4, 'order_' || n, 'stripe', $5, 2500, 'USD', 'automatic', 'SUCCEEDED', $6, $7, 2500,
           $8, decode(repeat('00', 32), 'hex'), 2
      FROM (SELECT n, $3::timestamptz - n * interval '5 seconds' AS at
              FROM generate_series($1::int, $2::int) AS n) AS made
"""  # noqa: S608 - our own text
_OPEN: Final = "UPDATE payments SET private = $3 WHERE id = $1 AND created_at = $2"


@dataclass(frozen=True, slots=True)
class Listed:
    """The database of `settings`, and the user whose payments are in it, newest (number 1) made at `newest`."""

    settings: Settings
    user: UUID
    token: str
    newest: datetime

    @classmethod
    def by(cls, settings: Settings, user: UUID, token: str) -> "Listed":
        return cls(settings, user, token, datetime.now(UTC).replace(microsecond=0))

    async def begin(self) -> None:
        """Migrated, with the months that are needed, and few payments."""
        await prepare_database(self.settings)
        async with connected(self.settings.owner_dsn or "") as owner:
            await prepare(owner, today=(self.newest - MANY * _APART).date())
        await self._fill(1, FEW, readable=range(1, PAGE + 2))

    async def grow(self) -> None:
        """To many payments. The first page stays as it was."""
        after = PAGE * (DEEP - 1)
        await self._fill(FEW + 1, MANY, readable=range(after + 1, after + PAGE + 2))

    async def _fill(self, first: int, last: int, *, readable: range) -> None:
        vault = await self._vault()
        sample = self._payment(1)
        shown = (
            rows.method_json(sample.method),
            rows.known_json(sample.known),
            rows.references_json(sample.references),
            bytes(len(rows.seal_private(sample, vault))),
        )
        async with connected(self.settings.owner_dsn or "") as owner:
            await owner.execute(_FILL, first, last, self.newest, self.user, *shown)
            for number in readable:
                await self._open(owner, self._payment(number), vault)
            await owner.execute("VACUUM ANALYZE payments")

    async def _open(self, owner: Connection, payment: Payment, vault: Vault) -> None:
        await owner.execute(_OPEN, payment.id, payment.created_at, rows.seal_private(payment, vault))

    def _payment(self, number: int) -> Payment:
        at = self.newest - number * _APART
        payment = Payment(
            id=UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | 8 << 60 | number),
            user_id=self.user,
            order_id=f"order_{number}",
            money=Money(2500, "USD"),
            method=PaymentMethod(type=MethodType.CARD, brand="VISA", last4="4242"),
            metadata={
                "order": {"id": f"order_{number}", "items": ["Premium Plan"]},
                "user": {"email": "user@example.com"},
            },
            updated_at=at,
        )
        paid = Evidence(claim=Claim.SUCCEEDED, source=Source.ANSWER, at=at, amount=payment.money)
        names = {ReferenceKind.PAYMENT_INTENT: f"pi_{number:024}"}
        return payment.learn(Report(evidence=(paid,), references=names), at)

    async def _vault(self) -> Vault:
        async with Database(self.settings.dsn or "", size=2, set_aside=1) as database:
            return Vault(await data_keys.load(database, MasterKeys.parse(self.settings.encryption_keys or "")))

    async def requests(self) -> tuple[bytes, bytes]:
        """For the first page, and for the deep one."""
        before = self._payment(PAGE * (DEEP - 1))
        cursor = Cursors(await self._vault()).make(str(before.id), ("GET /payments", str(self.user), "own"))
        return self._request(b""), self._request(b"&cursor=" + cursor.encode())

    def _request(self, cursor: bytes) -> bytes:
        return _GET % (PAGE, cursor, self.token.encode())

    async def script(self) -> Script:
        """pgbench saying what the first page says to the database."""
        statement, user, limit = payments_statement(Wanted(user_id=self.user), limit=PAGE + 1, after=None)
        text = statement.replace("$1", ":user::uuid").replace("$2", ":rows")
        async with Database(self.settings.dsn or "", size=2, set_aside=1) as database:
            return Script(f"{text};\n", {"user": str(user), "rows": str(limit)}, await session_of(database))
