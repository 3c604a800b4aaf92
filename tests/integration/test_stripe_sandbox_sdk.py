"""The Stripe stand-in as stripe-python sees it: the errors and objects its users rely on."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import stripe as sdk

from tests.integration.sandbox_fixtures import KEY, MODULE
from tests.sandboxes import running

# Its HTTPX client still hands httpx a body the old way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw:DeprecationWarning")

CARD: dict[str, Any] = {
    "amount": 2000,
    "currency": "kes",
    "payment_method": "pm_card_visa",
    "confirm": True,
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    "metadata": {"payment_id": "0199"},
}


@pytest.fixture(scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    with running(MODULE, "--ledger", str(tmp_path_factory.mktemp("stripe") / "ledger.jsonl")) as url:
        yield url


@pytest.fixture(scope="module")
async def intents(url: str) -> AsyncIterator[Any]:
    http: Any = sdk.HTTPXClient(timeout=10)
    client = sdk.StripeClient(KEY, http_client=http, base_addresses={"api": url}, max_network_retries=0)
    yield client.v1.payment_intents
    await http.close_async()


async def steer(url: str, **rules: Any) -> None:
    async with httpx.AsyncClient() as http:
        (await http.post(f"{url}/_behave", json=rules)).raise_for_status()


async def test_a_payment_is_created_and_read_back(intents: Any) -> None:
    """
    The SDK sends the API version the stand-in speaks, and finds its fields.
    """
    made = await intents.create_async(CARD, {"idempotency_key": "sdk-1"})
    read = await intents.retrieve_async(made.id, {"expand": ["latest_charge"]})

    assert (made.status, made.amount_received, made.metadata["payment_id"]) == ("succeeded", 2000, "0199")
    assert (read.latest_charge.payment_intent, read.latest_charge.captured) == (made.id, True)


async def test_a_replay_is_marked(intents: Any) -> None:
    """
    The header is there on the second answer.
    """
    answers = [await intents.create_async(CARD, {"idempotency_key": "sdk-2"}) for _ in range(2)]

    assert answers[0].id == answers[1].id
    assert answers[1].last_response.headers["Idempotent-Replayed"] == "true"


async def test_lists_page_by_themselves(intents: Any) -> None:
    """
    auto_paging_iter walks through every page once.
    """
    made = {(await intents.create_async(CARD)).id for _ in range(5)}

    listed = [one.id async for one in (await intents.list_async({"limit": 2})).auto_paging_iter()]

    assert made <= set(listed)
    assert len(listed) == len(set(listed))


async def test_errors_become_the_exceptions_of_the_fact_sheet(intents: Any, url: str) -> None:
    """
    CardError with the intent, InvalidRequestError, IdempotencyError, RateLimitError, APIError, APIConnectionError.
    """
    with pytest.raises(sdk.CardError) as declined:
        await intents.create_async({**CARD, "payment_method": "pm_card_chargeDeclinedInsufficientFunds"})
    error: Any = declined.value.error
    assert (error.code, error.decline_code) == ("card_declined", "insufficient_funds")
    assert error.payment_intent.status == "requires_payment_method"

    with pytest.raises(sdk.InvalidRequestError) as missing:
        await intents.retrieve_async("pi_none")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")

    await intents.create_async(CARD, {"idempotency_key": "sdk-3"})
    with pytest.raises(sdk.IdempotencyError):
        await intents.create_async({**CARD, "amount": 2001}, {"idempotency_key": "sdk-3"})

    await steer(url, fail_next=1, fail_status=429)
    with pytest.raises(sdk.RateLimitError):
        await intents.create_async(CARD)

    await steer(url, fail_after=1)
    with pytest.raises(sdk.APIError):
        await intents.create_async(CARD)

    await steer(url, drop_answer=1)
    with pytest.raises(sdk.APIConnectionError):
        await intents.create_async(CARD)


async def test_a_wrong_key_is_an_authentication_error(url: str) -> None:
    """
    401.
    """
    http: Any = sdk.HTTPXClient(timeout=10)
    client = sdk.StripeClient("sk_live_none", http_client=http, base_addresses={"api": url}, max_network_retries=0)

    with pytest.raises(sdk.AuthenticationError):
        await client.v1.payment_intents.list_async()
    await http.close_async()
