"""What an answer of Stripe's to a refund or a capture means, over real sockets: also the answers that deceive."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.stripe.gateway import StripeGateway
from application.ports.gateway import NothingSent, Operation, OperationKind
from domain.evidence import Claim, Reason, Source
from domain.payment import Payment, ReferenceKind, Report
from domain.refund import Refund
from domain.status import Status
from tests.builders import a_payment
from tests.integration.scripted_stripe import REPLAYED, Script, an_error, an_intent, speaking, the
from tests.integration.stripe_world import a_refund, a_refunding

INTENT = ReferenceKind.PAYMENT_INTENT
REFUND = ReferenceKind.REFUND
ALREADY = an_error("invalid_request_error", "charge_already_refunded")


def a_paid_payment(**facts: Any) -> Payment:
    return a_payment(**({"status": Status.SUCCEEDED, "references": {INTENT: "pi_1"}} | facts))


def a_wire_refund(status: str = "succeeded", refund: Refund | None = None, **facts: Any) -> dict[str, Any]:
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 1000,
        "currency": "usd",
        "status": status,
        "payment_intent": "pi_1",
        "metadata": {"refund_id": str(refund.id)} if refund else {},
    } | facts


def a_list(*refunds: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": list(refunds), "has_more": has_more}


async def refunded(gateway: StripeGateway, refund: Refund | None = None) -> Report:
    payment = a_paid_payment()
    refund = refund or a_refund(payment, 1000)
    return await gateway.refund(payment, refund, a_refunding(refund))


async def captured(gateway: StripeGateway, payment: Payment) -> Report:
    operation = Operation(started_at=payment.created_at, kind=OperationKind.CAPTURE)
    return await gateway.capture(payment, operation)


@pytest.mark.parametrize(
    ("status", "body", "claim", "reason", "code"),
    [
        (400, ALREADY, Claim.FAILED, Reason.REFUND_REFUSED, "charge_already_refunded"),
        (
            400,
            an_error("invalid_request_error", "charge_disputed"),
            Claim.FAILED,
            Reason.REFUND_REFUSED,
            "charge_disputed",
        ),
        (
            400,
            an_error("invalid_request_error", param="amount"),
            Claim.FAILED,
            Reason.REFUND_REFUSED,
            "invalid_request_error",
        ),
        (
            400,
            an_error("invalid_request_error", "balance_insufficient"),
            Claim.FAILED,
            Reason.INSUFFICIENT_FUNDS,
            "balance_insufficient",
        ),
        (
            400,
            an_error("invalid_request_error", "parameter_unknown", param="colour"),
            Claim.FAILED,
            Reason.CONFIGURATION,
            "parameter_unknown",
        ),
        (400, an_error("idempotency_error"), Claim.LOST, None, "idempotency_error"),
        (409, an_error("idempotency_error", "idempotency_key_in_use"), Claim.LOST, None, "idempotency_key_in_use"),
        (500, an_error("api_error"), Claim.LOST, None, "api_error"),
        (200, "", Claim.LOST, None, "http_200"),
        (200, {}, Claim.LOST, None, "unreadable"),
        (200, a_wire_refund(amount=-1), Claim.LOST, None, "unreadable"),
        (200, a_wire_refund(currency="isk", amount=250), Claim.LOST, None, "unreadable"),
        (200, a_wire_refund("failed", failure_reason="declined"), Claim.RETURNED, Reason.DECLINED, "declined"),
    ],
)
async def test_every_answer_to_a_refund_has_one_meaning(
    status: int, body: Any, claim: Claim, reason: Reason | None, code: str
) -> None:
    """
    A definite no is a failure; whatever leaves a doubt is lost, and looked up.
    """
    script = Script().says("POST refunds", status, body).says("GET refunds", 200, a_list())
    async with speaking(script) as gateway:
        piece = the(await refunded(gateway))

    assert (piece.claim, piece.reason, piece.code) == (claim, reason, code)
    assert piece.source is (Source.CLOCK if claim is Claim.LOST else Source.ANSWER)


@pytest.mark.parametrize("status", [401, 403, 429])
async def test_who_is_turned_away_at_the_door_has_given_nothing_back(status: int) -> None:
    """
    Safe to repeat.
    """
    async with speaking(Script().says("POST refunds", status, an_error("invalid_request_error"))) as gateway:
        with pytest.raises(NothingSent):
            await refunded(gateway)


async def test_a_request_that_is_wrong_wakes_the_operator() -> None:
    """
    Neither the shop nor its customer can mend it; what Stripe refuses of this payment is no alarm.
    """
    unknown = an_error("invalid_request_error", "parameter_unknown")
    with capture_logs() as logs:
        async with speaking(Script().says("POST refunds", 400, unknown).says("POST refunds", 400, ALREADY)) as gateway:
            for _ in range(2):
                await refunded(gateway)

    assert [(one["event"], one["log_level"], one["code"]) for one in logs] == [
        ("stripe.request_refused", "error", "parameter_unknown")
    ]


async def test_a_refund_has_one_key_for_ever() -> None:
    """
    Its own id, at every repetition.
    """
    refund = a_refund(a_paid_payment(), 1000)
    async with speaking(script := Script().says("POST refunds", 500, "")) as gateway:
        for _ in range(2):
            await refunded(gateway, refund)

    assert script.keys == [str(refund.id)] * 2


@pytest.mark.parametrize(
    ("status", "body"), [(500, an_error("api_error")), (400, ALREADY), (400, an_error("idempotency_error"))]
)
async def test_an_echo_is_looked_up_in_the_list(status: int, body: Any) -> None:
    """
    Found there, whatever the key repeats; neighbours with other ids are not ours.
    """
    refund = a_refund(a_paid_payment(), 1000)
    script = Script().says("POST refunds", status, body, REPLAYED)
    script.says(
        "GET refunds", 200, a_list(a_wire_refund(id="re_2"), a_wire_refund(id="re_3", metadata=None), has_more=True)
    )
    script.says("GET refunds", 200, a_list(a_wire_refund(refund=refund)))
    async with speaking(script) as gateway:
        report = await refunded(gateway, refund)

    assert (the(report).claim, the(report).source) == (Claim.SUCCEEDED, Source.FETCHED)
    assert report.references == {REFUND: "re_1"}


@pytest.mark.parametrize(
    ("status", "body", "claim"), [(500, an_error("api_error"), Claim.LOST), (400, ALREADY, Claim.FAILED)]
)
@pytest.mark.parametrize("looking", [(200, a_list()), (429, an_error("x", "rate_limit")), (500, "")])
async def test_an_echo_that_is_not_in_the_list_is_what_it_says(
    status: int, body: Any, claim: Claim, looking: tuple[int, Any]
) -> None:
    """
    A saved no made no refund, then or since; a saved 500 leaves the doubt. Never "nothing was sent".
    """
    script = Script().says("POST refunds", status, body, REPLAYED).says("GET refunds", *looking)
    async with speaking(script) as gateway:
        assert the(await refunded(gateway)).claim is claim


@pytest.mark.parametrize("status", [500, 429, 404])
async def test_an_echo_whose_refund_is_not_reached_is_lost_but_not_its_name(status: int) -> None:
    """
    What it was once, it may not be any more.
    """
    script = Script().says("POST refunds", 200, a_wire_refund(), REPLAYED)
    script.says("GET refunds/re_1", status, an_error("api_error"))
    async with speaking(script) as gateway:
        report = await refunded(gateway)

    assert the(report).claim is Claim.LOST
    assert report.references == {REFUND: "re_1"}


async def test_an_echo_is_a_snapshot() -> None:
    """
    It succeeded once and has failed since.
    """
    script = Script().says("POST refunds", 200, a_wire_refund(), REPLAYED)
    script.says("GET refunds/re_1", 200, a_wire_refund("failed", failure_reason="lost_or_stolen_card"))
    async with speaking(script) as gateway:
        piece = the(await refunded(gateway))

    assert (piece.claim, piece.reason, piece.source) == (Claim.RETURNED, Reason.LOST_OR_STOLEN, Source.FETCHED)


@pytest.mark.parametrize(("status", "body"), [(404, an_error("invalid_request_error")), (500, ""), (200, "")])
async def test_a_look_at_a_refund_that_fails_says_nothing_new(status: int, body: Any) -> None:
    """
    Not having seen it proves nothing about it; where we do not know its name, it stays in doubt, however late.
    """
    payment = a_paid_payment()
    named = a_refund(payment, 1000, references={REFUND: "re_1"})
    unnamed = a_refund(payment, 1000, requested_at=payment.created_at - timedelta(days=1))
    script = Script().says("GET refunds/re_1", status, body).says("GET refunds", status, body)
    async with speaking(script) as gateway:
        nothing = await gateway.look_up_refund(payment, named, a_refunding(named))
        doubt = await gateway.look_up_refund(payment, unnamed, a_refunding(unnamed))

    assert nothing == Report()
    assert the(doubt).claim is Claim.LOST


@pytest.mark.parametrize(
    ("status", "dead"),
    [
        (500, an_error("api_error")),
        (400, an_error("invalid_request_error", "payment_intent_unexpected_state")),
        (400, an_error("idempotency_error")),
    ],
)
async def test_a_dead_attempt_to_capture_is_left_behind(status: int, dead: Any) -> None:
    """
    Its saved failure would be repeated for a day: where the money is still held, the number rises.
    """
    payment = a_paid_payment(status=Status.AUTHORIZED)
    script = Script().says("POST payment_intents/pi_1/capture", status, dead, REPLAYED)
    script.says("POST payment_intents/pi_1/capture", 200, an_intent())
    script.says("GET payment_intents/pi_1", 200, an_intent("requires_capture", amount_capturable=2500))
    async with speaking(script) as gateway:
        piece = the(await captured(gateway, payment))

    assert (piece.claim, piece.source) == (Claim.SUCCEEDED, Source.ANSWER)
    assert script.keys == [f"{payment.id}:capture:1", f"{payment.id}:capture:2"]


@pytest.mark.parametrize(
    ("answer", "headers"),
    [((200, an_intent()), REPLAYED), ((500, an_error("api_error")), REPLAYED), ((400, an_error("x")), {})],
)
async def test_a_capture_that_was_answered_is_never_nothing_sent(
    answer: tuple[int, Any], headers: dict[str, str]
) -> None:
    """
    That we may not look just now leaves it in doubt: an earlier attempt may have taken the money.
    """
    script = Script().says("POST payment_intents/pi_1/capture", *answer, headers)
    script.says("GET payment_intents/pi_1", 429, an_error("invalid_request_error", "rate_limit"))
    async with speaking(script) as gateway:
        piece = the(await captured(gateway, a_paid_payment(status=Status.AUTHORIZED)))

    assert (piece.claim, piece.source) == (Claim.OPERATION_LOST, Source.CLOCK)


async def test_a_payment_whose_key_was_used_is_never_nothing_sent() -> None:
    """
    A saved 500 says that Stripe began: that we may not look just now leaves it in doubt.
    """
    payment = a_payment()
    script = Script().says("POST payment_intents", 500, an_error("api_error"), REPLAYED)
    script.says("GET payment_intents", 429, an_error("invalid_request_error", "rate_limit"))
    async with speaking(script) as gateway:
        report = await gateway.collect(payment, Operation(started_at=payment.created_at, token="pm_1"))

    assert the(report).claim is Claim.LOST


async def test_a_capture_that_is_turned_away_has_taken_nothing() -> None:
    """
    Safe to repeat.
    """
    limited = an_error("invalid_request_error", "rate_limit")
    async with speaking(Script().says("POST payment_intents/pi_1/capture", 429, limited)) as gateway:
        with pytest.raises(NothingSent):
            await captured(gateway, a_paid_payment(status=Status.AUTHORIZED))
