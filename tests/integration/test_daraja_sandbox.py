"""The Daraja stand-in, by the fact sheet: who may ask, and what is refused before anything happens."""

import asyncio
import base64
import itertools
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from aiohttp import web

from tests.sandboxes import running

MODULE = "entrypoints.sandbox.daraja"
SHORTCODE = "174379"
PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
CONSUMER = ("sandbox-consumer-key", "sandbox-consumer-secret")
TOKEN = "/oauth/v1/generate"
PUSH = "/mpesa/stkpush/v1/processrequest"
QUERY = "/mpesa/stkpushquery/v1/query"
STATUS = "/mpesa/transactionstatus/v1/query"
REVERSAL = "/mpesa/reversal/v1/request"
B2C = "/mpesa/b2c/v3/paymentrequest"
WITHIN_SECONDS = 5.0

Seen = TypeVar("Seen")


async def eventually(look: Callable[[], Awaitable[Seen]]) -> Seen:
    """What `look` sees as soon as it sees anything; past the deadline it never will."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while not (seen := await look()):
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.01)
    return seen


@dataclass
class Receiver:
    """A merchant's end of the callbacks: keeps the raw bodies by path."""

    url: str = ""
    status: int = 200
    bodies: defaultdict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))

    async def take(self, request: web.Request) -> web.Response:
        self.bodies[request.path].append(await request.read())
        return web.json_response({"ResultCode": 0, "ResultDesc": "Accepted"}, status=self.status)

    async def wait_for(self, path: str, count: int = 1) -> list[bytes]:
        async def enough() -> list[bytes]:
            return self.bodies[path] if len(self.bodies[path]) >= count else []

        return await eventually(enough)

    @classmethod
    @asynccontextmanager
    async def listening(cls, port: int = 0) -> "AsyncIterator[Receiver]":
        receiver = cls()
        app = web.Application()
        app.router.add_post("/{path:.*}", receiver.take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        host, port = runner.addresses[0][:2]
        receiver.url = f"http://{host}:{port}"
        yield receiver
        await runner.cleanup()


@dataclass
class Shop:
    """A merchant who talks to Daraja in raw HTTP."""

    http: httpx.AsyncClient
    receiver: Receiver
    token: str = ""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def phone(self, digits: str = "1234") -> str:
        """Somebody new whose number ends so."""
        return f"2547{next(self.numbers):04d}{digits}"

    def path(self) -> str:
        """A callback path of its own."""
        return f"/cb/{next(self.numbers)}"

    async def authorize(self) -> dict[str, str]:
        if not self.token:
            answer = await self.http.get(TOKEN, params={"grant_type": "client_credentials"}, auth=CONSUMER)
            self.token = answer.json()["access_token"]
        return {"Authorization": f"Bearer {self.token}"}

    async def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        return await self.http.post(path, json=body, headers=await self.authorize(), **options)

    def request(self, phone: str, path: str = "/cb", **changes: Any) -> dict[str, Any]:
        moment = stamp()
        return {
            "BusinessShortCode": SHORTCODE,
            "Password": password(moment),
            "Timestamp": moment,
            "TransactionType": "CustomerPayBillOnline",
            "Amount": "150",
            "PartyA": phone,
            "PartyB": SHORTCODE,
            "PhoneNumber": phone,
            "CallBackURL": self.receiver.url + path,
            "AccountReference": "ORDER123",
            "TransactionDesc": "An order",
        } | changes

    async def push(self, phone: str, path: str = "/cb", **changes: Any) -> httpx.Response:
        return await self.post(PUSH, self.request(phone, path, **changes))

    async def query(self, checkout_request_id: str) -> httpx.Response:
        moment = stamp()
        body = {
            "BusinessShortCode": SHORTCODE,
            "Password": password(moment),
            "Timestamp": moment,
            "CheckoutRequestID": checkout_request_id,
        }
        return await self.post(QUERY, body)

    async def behave(self, **rules: Any) -> httpx.Response:
        return await self.http.post("/_behave", json=rules)

    async def ledger(self, kind: str, **facts: Any) -> list[dict[str, Any]]:
        """The rows of a kind that have these facts."""
        rows = (await self.http.get("/_ledger")).json()[kind]
        return [row for row in rows if facts.items() <= row.items()]

    async def row(self, kind: str, **facts: Any) -> dict[str, Any]:
        """The first such row, once it is there."""
        return (await eventually(lambda: self.ledger(kind, **facts)))[0]


def stamp(offset: timedelta = timedelta(hours=3)) -> str:
    return (datetime.now(UTC) + offset).strftime("%Y%m%d%H%M%S")


def password(moment: str, shortcode: str = SHORTCODE, passkey: str = PASSKEY) -> str:
    return base64.b64encode(f"{shortcode}{passkey}{moment}".encode()).decode()


@asynccontextmanager
async def shop_at(url: str) -> AsyncIterator[Shop]:
    async with Receiver.listening() as receiver, httpx.AsyncClient(base_url=url, timeout=WITHIN_SECONDS) as http:
        yield Shop(http, receiver)


@asynccontextmanager
async def a_shop(folder: Path, *arguments: str) -> AsyncIterator[Shop]:
    """A shop with a sandbox to itself."""
    with running(MODULE, "--ledger", str(folder / "daraja.jsonl"), *arguments) as url:
        async with shop_at(url) as shop:
            yield shop


def complaint(answer: httpx.Response) -> tuple[int, str, str]:
    """What the gateway's error envelope says."""
    envelope = answer.json()
    assert set(envelope) == {"requestId", "errorCode", "errorMessage"}
    return answer.status_code, envelope["errorCode"], envelope["errorMessage"]


@pytest.fixture(scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with a_shop(tmp_path_factory.mktemp("daraja"), "--pay-after-ms", "50") as shop:
        yield shop


async def test_a_token_says_its_life_in_text(shop: Shop) -> None:
    """
    `expires_in` is the string "3599", as live answers have it.
    """
    answer = await shop.http.get(TOKEN, params={"grant_type": "client_credentials"}, auth=CONSUMER)

    shop.token = answer.json()["access_token"]
    assert answer.json() == {"access_token": shop.token, "expires_in": "3599"}


async def test_each_new_token_ends_the_life_of_the_one_before(shop: Shop) -> None:
    """
    Two processes that each fetch a token lock each other out: 404.001.03.
    """
    first, shop.token = await shop.authorize(), ""
    second = await shop.authorize()

    refused = await shop.http.post(PUSH, json=shop.request(shop.phone()), headers=first)
    taken = await shop.http.post(PUSH, json=shop.request(shop.phone()), headers=second)

    assert complaint(refused) == (404, "404.001.03", "Invalid Access Token")
    assert taken.status_code == 200


async def test_a_token_expires(tmp_path: Path) -> None:
    """
    After its life a token is answered with 404, not 401.
    """
    async with a_shop(tmp_path, "--token-life-s", "0") as shop:
        refused = await shop.push(shop.phone())

    assert complaint(refused) == (404, "404.001.03", "Invalid Access Token")


async def test_a_wrong_secret_gets_an_empty_400(shop: Shop) -> None:
    """
    There is no envelope to parse where the key or the secret is wrong.
    """
    answer = await shop.http.get(TOKEN, params={"grant_type": "client_credentials"}, auth=(CONSUMER[0], "wrong"))

    assert (answer.status_code, answer.content) == (400, b"")


async def test_a_token_wants_basic_authentication_and_client_credentials(shop: Shop) -> None:
    """
    400.008.01 for the kind of authentication, 400.008.02 for the kind of grant.
    """
    unauthenticated = await shop.http.get(TOKEN, params={"grant_type": "client_credentials"})
    otherwise = await shop.http.get(TOKEN, params={"grant_type": "password"}, auth=CONSUMER)

    assert complaint(unauthenticated)[:2] == (400, "400.008.01")
    assert complaint(otherwise)[:2] == (400, "400.008.02")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer"}])
@pytest.mark.parametrize("path", [PUSH, QUERY, STATUS])
async def test_every_product_wants_a_bearer_token(shop: Shop, path: str, header: dict[str, str]) -> None:
    """
    A header that carries no token at all is 404.001.04.
    """
    answer = await shop.http.post(path, json={}, headers=header)

    assert complaint(answer) == (404, "404.001.04", "Invalid Authentication Header")


async def test_wrong_paths_and_methods_are_told_in_the_envelope(shop: Shop) -> None:
    """
    404.001.01 and 405.001: nothing the gateway says of itself is bare.
    """
    assert complaint(await shop.http.post("/mpesa/stkpush/v2/processrequest"))[:2] == (404, "404.001.01")
    assert complaint(await shop.http.get(PUSH))[:2] == (405, "405.001")
    assert complaint(await shop.http.post(TOKEN))[:2] == (405, "405.001")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("BusinessShortCode", ["", "1743", "1743790", "till", None, True, ["174379"]]),
        ("Password", ["", None]),
        ("Timestamp", ["", "2026", "20261331000000", "20160216165627", stamp(timedelta())]),
        ("TransactionType", ["", "CustomerPaybillOnline", None]),
        ("Amount", ["0", 0, -1, "1.00", 1.5, 250_001, "", " 1", None]),
        ("PartyA", ["0712345678", "+254712345678", "254212345678", "25471234567", None]),
        ("PartyB", ["", "12", None]),
        ("PhoneNumber", ["0712345678", "2547123456789", None]),
        ("AccountReference", ["", "ORDER-1", "ORDER 1", "A" * 13, None]),
        ("TransactionDesc", ["A" * 14]),
    ],
)
async def test_the_first_field_that_breaks_its_rule_is_named(shop: Shop, field: str, values: list[Any]) -> None:
    """
    400.002.02 names the field, and no prompt was sent.
    """
    phone = shop.phone()

    for value in values:
        refused = await shop.push(phone, **{field: value})
        assert complaint(refused) == (400, "400.002.02", f"Bad Request - Invalid {field}"), value

    assert not await shop.ledger("prompts", phone=phone)


@pytest.mark.parametrize("word", ["mpesa", "M-Pesa", "Safaricom", "exe", "EXEC", "cmd", "sql", "Query"])
async def test_a_callback_url_must_not_contain_a_forbidden_word(shop: Shop, word: str) -> None:
    """
    In any case and anywhere: host or path.
    """
    for url in (f"https://shop.example/{word}/cb", f"https://{word}.example/cb", f"{shop.receiver.url}/a{word}b"):
        refused = await shop.push(shop.phone(), CallBackURL=url)
        assert complaint(refused) == (400, "400.002.02", "Bad Request - Invalid CallBackURL")


@pytest.mark.parametrize("url", ["", "/cb", "ftp://shop.example/cb", "http://shop.example/cb", "https:///cb"])
async def test_a_callback_url_is_https_outside_the_own_network(shop: Shop, url: str) -> None:
    """
    Plain HTTP is good for this machine and its neighbours only.
    """
    assert complaint(await shop.push(shop.phone(), CallBackURL=url))[2] == "Bad Request - Invalid CallBackURL"


async def test_another_content_type_shows_up_as_a_misleading_field_error(shop: Shop) -> None:
    """
    A form body is told that its BusinessShortCode is invalid; broken JSON is an invalid payload.
    """
    form = await shop.http.post(PUSH, data=shop.request(shop.phone()), headers=await shop.authorize())
    torn = await shop.http.post(
        PUSH, content=b'{"Amount":', headers=await shop.authorize() | {"Content-Type": "application/json"}
    )

    assert complaint(form) == (400, "400.002.02", "Bad Request - Invalid BusinessShortCode")
    assert complaint(torn) == (400, "400.002.05", "Invalid Request Payload")


async def test_the_password_is_shortcode_passkey_and_timestamp(shop: Shop) -> None:
    """
    Any other is 500.001.1001 by "Wrong credentials", another shop's by "Merchant does not exist".
    """
    moment = stamp()
    wrong = await shop.push(shop.phone(), Timestamp=moment, Password=password(moment, passkey="another"))
    stale = await shop.push(shop.phone(), Timestamp=moment, Password=password(stamp(timedelta(hours=2))))
    stranger = await shop.push(
        shop.phone(), BusinessShortCode="600000", Timestamp=moment, Password=password(moment, "600000")
    )

    assert complaint(wrong) == (500, "500.001.1001", "[MerchantValidate] - Wrong credentials")
    assert complaint(stale) == complaint(wrong)
    assert complaint(stranger) == (500, "500.001.1001", "Merchant does not exist")


async def test_numbers_may_be_numbers_or_text_and_the_description_may_be_missing(shop: Shop) -> None:
    """
    Safaricom's own sample mixes both in one body; TransactionDesc is the only optional field.
    """
    phone = shop.phone()
    body = shop.request(phone, BusinessShortCode=174379, Amount=1, PartyA=int(phone), PartyB=174379)
    del body["TransactionDesc"]

    answer = await shop.post(PUSH, body)

    assert answer.status_code == 200
    assert (await shop.row("prompts", phone=phone))["amount"] == 1


async def test_the_answer_to_a_push_says_only_that_it_was_accepted(shop: Shop) -> None:
    """
    `ResponseCode` is the string "0"; the CheckoutRequestID is the only thing to ask by.
    """
    phone = shop.phone()

    answer = (await shop.push(phone)).json()

    prompt = await shop.row("prompts", phone=phone)
    assert answer == {
        "MerchantRequestID": prompt["merchant_request_id"],
        "CheckoutRequestID": prompt["checkout_request_id"],
        "ResponseCode": "0",
        "ResponseDescription": "Success. Request accepted for processing",
        "CustomerMessage": "Success. Request accepted for processing",
    }
    assert answer["CheckoutRequestID"].startswith("ws_CO_")
