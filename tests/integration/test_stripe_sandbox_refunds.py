"""The Stripe stand-in against the fact sheet: money given back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe as sdk

from tests.integration.sandbox_fixtures import KEY, MODULE, TRANSFER, Caller
from tests.sandboxes import Sandbox, running

CREATED = ["refund.created", "charge.refunded"]
UPDATED = ["refund.updated", "charge.refund.updated"]


@pytest.fixture(scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Caller]:
    with running(MODULE, "--ledger", str(tmp_path_factory.mktemp("stripe") / "ledger.jsonl")) as url:
        async with Caller.to(url) as caller:
            yield caller


@pytest.fixture
async def stripe(process: Caller) -> AsyncIterator[Caller]:
    yield process
    await process.steer("behave", reset=True)


async def refund(stripe: Caller, intent: Any, key: str | None = None, **form: Any) -> httpx.Response:
    return await stripe.post("refunds", {"payment_intent": intent["id"], **form}, key)


async def refunded(stripe: Caller, intent: Any, **form: Any) -> Any:
    answer = await refund(stripe, intent, **form)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def given_back(stripe: Caller, intent: Any) -> list[tuple[int, str]]:
    """What went back to this intent's customer, by the stand-in's own books."""
    refunds = (await stripe.ledger())["refunds"]
    return [(one["amount"], one["status"]) for one in refunds if one["payment_intent"] == intent["id"]]


async def charge_of(stripe: Caller, intent: Any) -> Any:
    return await stripe.get(f"charges/{intent['latest_charge']}")


async def becomes(stripe: Caller, refund_id: str, status: str) -> Any:
    for _ in range(500):
        found = await stripe.get(f"refunds/{refund_id}")
        if found["status"] == status:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"it stayed {found['status']}")


def refusal(answer: httpx.Response) -> Any:
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]


async def test_the_rest_is_refunded_where_no_amount_is_given(stripe: Caller) -> None:
    """
    A part, then what is left: each its own object, the charge says how much and when it is all.
    """
    intent = await stripe.paid()

    part = await refunded(stripe, intent, amount=1000, reason="requested_by_customer", **{"metadata[refund_id]": "r1"})
    half_way = await charge_of(stripe, intent)
    rest = await refunded(stripe, intent)
    whole = await charge_of(stripe, intent)

    assert part["id"].startswith("re_")
    assert {
        name: part[name] for name in ("object", "amount", "currency", "charge", "status", "reason", "metadata")
    } == {
        "object": "refund",
        "amount": 1000,
        "currency": "usd",
        "charge": intent["latest_charge"],
        "status": "succeeded",
        "reason": "requested_by_customer",
        "metadata": {"refund_id": "r1"},
    }
    assert (rest["amount"], rest["reason"], rest["metadata"]) == (1500, None, {})
    assert (half_way["amount_refunded"], half_way["refunded"]) == (1000, False)
    assert (whole["amount_refunded"], whole["refunded"]) == (2500, True)
    assert await given_back(stripe, intent) == [(1000, "succeeded"), (1500, "succeeded")]
    assert (await stripe.get(f"payment_intents/{intent['id']}"))["status"] == "succeeded"
    [taken] = await stripe.charges_of(intent["id"])
    assert (taken["amount"], taken["amount_refunded"]) == (2500, 2500)


async def test_a_refund_is_told_in_the_order_that_was_measured(stripe: Caller) -> None:
    """
    refund.created, charge.refunded, refund.updated, and the old charge.refund.updated.
    """
    intent = await stripe.paid()

    await refunded(stripe, intent)

    assert (await stripe.events_of(intent["id"]))[3:] == [*CREATED, *UPDATED]


async def test_a_refund_by_charge_is_the_same(stripe: Caller) -> None:
    """
    It names the intent; with both named they must belong together.
    """
    intent, other = await stripe.paid(), await stripe.paid()

    done = (await stripe.post("refunds", {"charge": intent["latest_charge"], "amount": 500})).json()
    both = await refunded(stripe, intent, charge=intent["latest_charge"], amount=500)
    refusal(await refund(stripe, intent, charge=other["latest_charge"]))

    assert (done["payment_intent"], both["payment_intent"]) == (intent["id"], intent["id"])
    assert await given_back(stripe, other) == []


async def test_never_more_than_was_taken(stripe: Caller) -> None:
    """
    Too much is refused with both amounts, and after the last of it there is nothing left to refund.
    """
    intent = await stripe.paid()
    await refunded(stripe, intent, amount=2000)

    too_much = refusal(await refund(stripe, intent, amount=501))
    await refunded(stripe, intent, amount=500)
    nothing = [refusal(await refund(stripe, intent, **form)) for form in ({}, {"amount": 1})]

    assert too_much["message"] == ("Refund amount (5.01 usd) is greater than unrefunded amount on charge (5.00 usd)")
    assert [error["code"] for error in nothing] == ["charge_already_refunded"] * 2
    assert await given_back(stripe, intent) == [(2000, "succeeded"), (500, "succeeded")]


async def test_a_hundred_at_once_give_back_what_was_taken(stripe: Caller) -> None:
    """
    Each under its own key: as many as fit, and not one more.
    """
    intent = await stripe.paid()

    answers = await asyncio.gather(*(refund(stripe, intent, key=f"{intent['id']}:{n}", amount=750) for n in range(100)))

    assert sorted({answer.status_code for answer in answers}) == [200, 400]
    assert await given_back(stripe, intent) == [(750, "succeeded")] * 3


async def test_of_a_partial_capture_that_part_is_refunded(stripe: Caller) -> None:
    """
    What was released was never taken: it is no refund, and cannot become one.
    """
    held = await stripe.paid(capture_method="manual")
    await stripe.post(f"payment_intents/{held['id']}/capture", {"amount_to_capture": 1000})
    assert await given_back(stripe, held) == []

    refusal(await refund(stripe, held, amount=1001))

    assert (await refunded(stripe, held))["amount"] == 1000


@pytest.mark.parametrize(
    "different",
    [
        {"capture_method": "manual"},
        {"payment_method": "pm_card_authenticationRequired"},
        {"payment_method": "pm_card_processing"},
        {"confirm": None, "payment_method": None},
    ],
)
async def test_what_was_not_taken_cannot_be_refunded(stripe: Caller, different: dict[str, Any]) -> None:
    """
    A hold is cancelled instead; the error shows the intent as it is.
    """
    intent = await stripe.paid(**different)

    error = refusal(await refund(stripe, intent))

    assert "does not have a successful charge to refund" in error["message"]
    assert error["payment_intent"]["status"] == intent["status"]
    assert await given_back(stripe, intent) == []


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"amount": "0"}, "parameter_invalid_integer"),
        ({"amount": "-5"}, "parameter_invalid_integer"),
        ({"amount": "1.5"}, "parameter_invalid_integer"),
        ({"reason": "customer was unhappy"}, None),
        ({"reason": "expired_uncaptured_charge"}, None),
        ({"colour": "red"}, "parameter_unknown"),
        ({"metadata[k]": "v" * 501}, None),
        ({"payment_intent": "pi_none"}, "resource_missing"),
        ({"charge": "ch_none"}, "resource_missing"),
        ({"payment_intent": ""}, "parameter_missing"),
    ],
)
async def test_a_refund_that_is_asked_wrongly_is_refused(
    stripe: Caller, form: dict[str, Any], code: str | None
) -> None:
    """
    400, nothing given back, and the key stays free: only three reasons are Stripe's.
    """
    intent = await stripe.paid()

    error = refusal(await refund(stripe, intent, key=intent["id"], **form))

    assert error.get("code") == code
    assert await given_back(stripe, intent) == []
    assert (await refund(stripe, intent, key=intent["id"])).status_code == 200


async def test_decimals_that_a_currency_does_not_have_are_refused(stripe: Caller) -> None:
    """
    UGX moves whole shillings also on the way back.
    """
    intent = await stripe.paid(currency="ugx", amount=50000)

    refusal(await refund(stripe, intent, amount=1050))

    assert (await refunded(stripe, intent, amount=1000))["amount"] == 1000


async def test_a_pending_refund_succeeds_a_moment_later(stripe: Caller) -> None:
    """
    Its amount counts at once; refund.updated comes when it is done.
    """
    intent = await stripe.paid(payment_method="pm_card_pendingRefund")

    pending = await refunded(stripe, intent, amount=1000)
    assert (pending["status"], pending["pending_reason"]) == ("pending", "processing")
    assert (await charge_of(stripe, intent))["amount_refunded"] == 1000
    done = await becomes(stripe, pending["id"], "succeeded")

    assert "pending_reason" not in done
    assert (await stripe.events_of(intent["id"]))[3:] == [*CREATED, *UPDATED]
    assert (await charge_of(stripe, intent))["amount_refunded"] == 1000


async def test_a_refund_may_fail_after_it_succeeded(stripe: Caller) -> None:
    """
    Its amount can be refunded again; refund.failed is told and refund.updated is not.
    """
    intent = await stripe.paid(payment_method="pm_card_refundFail")

    first = await refunded(stripe, intent)
    assert first["status"] == "succeeded"
    failed = await becomes(stripe, first["id"], "failed")

    assert failed["failure_reason"] == "expired_or_canceled_card"
    charge = await charge_of(stripe, intent)
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    told = (await stripe.events_of(intent["id"]))[3:]
    assert told == [*CREATED, *UPDATED, "refund.failed", "charge.refund.updated"]
    assert (await refunded(stripe, intent))["amount"] == 2500


async def test_any_refund_may_be_settled_by_hand(stripe: Caller) -> None:
    """
    As thirty days later; what has failed is over.
    """
    intent = await stripe.paid()
    made = await refunded(stripe, intent, amount=700)

    failed = await stripe.steer(f"refund/{made['id']}", outcome="fail")
    again = await stripe.http.post(f"/_refund/{made['id']}", json={"outcome": "succeed"})

    assert (failed["id"], failed["status"]) == (made["id"], "failed")
    refusal(again)
    assert await given_back(stripe, intent) == [(700, "failed")]


async def test_somebody_may_refund_on_the_dashboard(stripe: Caller) -> None:
    """
    Nothing in it says whose it is but the intent; it counts and is told like any other.
    """
    intent = await stripe.paid(**{"metadata[payment_id]": "p1"})

    part = await stripe.steer("refund", payment_intent=intent["id"], amount=300)
    rest = await stripe.steer("refund", payment_intent=intent["id"])
    none_left = await stripe.http.post("/_refund", json={"payment_intent": intent["id"]})
    unknown = await stripe.http.post("/_refund", json={"payment_intent": "pi_none"})

    assert (part["amount"], part["metadata"], part["payment_intent"]) == (300, {}, intent["id"])
    assert rest["amount"] == 2200
    assert refusal(none_left)["code"] == "charge_already_refunded"
    assert unknown.status_code == 404
    assert (await stripe.events_of(intent["id"]))[3:] == [*CREATED, *UPDATED] * 2


async def test_a_bank_transfer_is_refunded_like_a_card(stripe: Caller) -> None:
    """
    Once the money came in.
    """
    intent = (await stripe.post("payment_intents", {**TRANSFER, "customer": await stripe.customer()})).json()
    refusal(await refund(stripe, intent))
    await stripe.steer(f"fund/{intent['id']}")

    assert (await refunded(stripe, intent, amount=2000))["currency"] == "eur"


async def test_refunds_are_listed_by_what_they_refund(stripe: Caller) -> None:
    """
    Newest first, by intent, by charge or by time, page by page.
    """
    intent, other = await stripe.paid(), await stripe.paid()
    ids = [(await refunded(stripe, intent, amount=100))["id"] for _ in range(5)][::-1]
    await refunded(stripe, other)

    first = await stripe.get("refunds", payment_intent=intent["id"], limit=2)
    older = await stripe.get("refunds", payment_intent=intent["id"], starting_after=ids[1])
    by_charge = await stripe.get("refunds", charge=intent["latest_charge"])
    neither = await stripe.get("refunds", charge=intent["latest_charge"], payment_intent=other["id"])
    moment = first["data"][0]["created"]
    within = await stripe.get("refunds", payment_intent=intent["id"], **{"created[gte]": moment - 60})
    before = await stripe.get("refunds", **{"created[lte]": moment - 3600})

    assert ([one["id"] for one in first["data"]], first["has_more"]) == (ids[:2], True)
    assert ([one["id"] for one in older["data"]], older["has_more"]) == (ids[2:], False)
    assert [one["id"] for one in by_charge["data"]] == ids
    assert neither["data"] == before["data"] == []
    assert [one["id"] for one in within["data"]] == ids
    assert (await stripe.http.get("/v1/refunds/re_none")).status_code == 404


async def test_one_key_gives_back_once(stripe: Caller) -> None:
    """
    However often it is sent; a saved 500 stays one although the money went back; a refusal is stored, too.
    """
    intent = await stripe.paid()
    await stripe.steer("behave", fail_after=1)

    lost = [await refund(stripe, intent, key=f"{intent['id']}:a", amount=1000) for _ in range(2)]
    first, again = [await refund(stripe, intent, key=f"{intent['id']}:b", amount=1500) for _ in range(2)]
    refused = [await refund(stripe, intent, key=f"{intent['id']}:c", amount=1) for _ in range(2)]
    other = await refund(stripe, intent, key=f"{intent['id']}:b", amount=1499)

    assert [answer.status_code for answer in lost] == [500, 500]
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert [answer.headers.get("Idempotent-Replayed") for answer in refused] == [None, "true"]
    assert refusal(other)["type"] == "idempotency_error"
    assert await given_back(stripe, intent) == [(1000, "succeeded"), (1500, "succeeded")]


async def test_a_dropped_answer_gave_it_back_all_the_same(stripe: Caller) -> None:
    """
    The counters of misbehaviour count refunds as they count payments.
    """
    intent = await stripe.paid()
    await stripe.steer("behave", drop_answer=1)

    with pytest.raises(httpx.TransportError):
        await refund(stripe, intent, key=intent["id"])

    assert await given_back(stripe, intent) == [(2500, "succeeded")]


async def test_refunds_survive_a_crash_and_turn_afterwards(tmp_path: Path) -> None:
    """
    After kill -9: the same refunds, the same amounts left, and what was to turn does.
    """
    ledger = str(tmp_path / "ledger.jsonl")
    sandbox = Sandbox.start(MODULE, "--ledger", ledger)
    async with Caller.to(sandbox.url) as stripe:
        intent = await stripe.paid(payment_method="pm_card_refundFail")
        stays = await stripe.paid()
        await refunded(stripe, stays, amount=2400)
        turns = await refunded(stripe, intent)
    sandbox.kill()

    with running(MODULE, "--ledger", ledger) as url:
        async with Caller.to(url) as stripe:
            refusal(await refund(stripe, stays, amount=101))
            await becomes(stripe, turns["id"], "failed")
            assert await given_back(stripe, stays) == [(2400, "succeeded")]
            assert len((await stripe.ledger())["charges"]) == 2


# Its HTTPX client still hands httpx a body the old way.
@pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw:DeprecationWarning")
async def test_the_sdk_refunds_and_understands_the_refusal(stripe: Caller) -> None:
    """
    stripe-python's own calls and its own exception.
    """
    http: Any = sdk.HTTPXClient(timeout=10)
    client: Any = sdk.StripeClient(
        KEY, http_client=http, base_addresses={"api": str(stripe.http.base_url).rstrip("/")}, max_network_retries=0
    )
    intent = await stripe.paid()
    made = await client.v1.refunds.create_async({"payment_intent": intent["id"], "amount": 2500})
    read = await client.v1.refunds.retrieve_async(made.id, {"expand": ["charge"]})
    listed = await client.v1.refunds.list_async({"payment_intent": intent["id"]})
    with pytest.raises(sdk.InvalidRequestError) as refused:
        await client.v1.refunds.create_async({"payment_intent": intent["id"]})
    await http.close_async()

    assert (read.status, read.charge.refunded) == ("succeeded", True)
    assert [one.id for one in listed.data] == [made.id]
    assert refused.value.code == "charge_already_refunded"
