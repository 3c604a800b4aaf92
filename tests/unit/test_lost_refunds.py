"""Refunds whose answer nobody kept: what comes later must find out that something was lost."""

from collections.abc import Sequence

import pytest

from application.find_payments import Reader
from application.ports.webhooks import About, AboutRefund
from application.refund_payment import RefundRequest
from domain.evidence import Claim, Source
from domain.payment import ReferenceKind, Report
from domain.payment_method import GatewayName
from domain.refund import Refund, RefundStatus
from domain.verdict import Known
from tests.builders import SOMEONE, a_request, evidence
from tests.daraja_refunds import a_refund
from tests.worlds import PAID, World, given

CONVERSATION = {ReferenceKind.CONVERSATION: "AG_1"}
ACCEPTED = Report(evidence=(evidence(Claim.PROCESSING),), references=CONVERSATION)
REVERSED = Report(evidence=(evidence(Claim.SUCCEEDED, Source.SIGNED),), references=CONVERSATION)
ALREADY_REVERSED = Report(evidence=(evidence(Claim.CONTESTED, Source.SIGNED),), references=CONVERSATION)


class Crash(BaseException):
    """The process ends here."""


async def crashed(*answers: Report) -> World:
    """A refund whose process died between the gateway's answer and the commit."""
    world = given(PAID)
    await world.start_payment.execute(a_request())
    world.refund_gateway.answers = [Crash(), *answers]
    request = RefundRequest(payment_id=world.the_payment().id, reader=Reader(SOMEONE), request_id="r")
    with pytest.raises(Crash):
        await world.refund_payment.execute(request)
    return world


def the_refund(world: World) -> Refund:
    (refund,) = world.refunds.refunds.values()
    return refund


async def look(world: World) -> None:
    world.clock.pass_(seconds=61)
    for due in await world.reconcile_refunds.take(10):
        await world.reconcile_refunds.execute(due)


async def told(world: World, reports: Sequence[Report]) -> None:
    """Messages about the refund, on its own path."""
    refund = the_refund(world)
    about = AboutRefund(refund_id=refund.id, reference=None, payment=About(refund.payment_id), money=None)
    for number, report in enumerate(reports):
        body = b"result %d" % number
        world.refund_translator.meanings[body] = (about, report)
        await world.receive_webhook.execute(GatewayName.STRIPE, str(number), body)
    await world.apply_inbox.execute()


async def test_what_is_sent_again_after_a_crash_knows_that_an_answer_was_lost() -> None:
    """
    So that "already given back" is not taken for somebody else's doing.
    """
    world = await crashed(ACCEPTED)

    await look(world)
    await told(world, [ALREADY_REVERSED])

    assert len(world.refund_gateway.sent) == 2
    assert the_refund(world).status is RefundStatus.SUCCEEDED


async def test_a_result_waits_until_our_own_answer_is_recorded_or_known_to_be_lost() -> None:
    """
    Before that nobody can say which attempt it is about.
    """
    world = await crashed(ACCEPTED)

    await told(world, [REVERSED])
    assert the_refund(world).status is RefundStatus.PROCESSING
    await look(world)
    await world.apply_inbox.execute()

    assert the_refund(world).status is RefundStatus.SUCCEEDED


def test_what_the_gateway_says_to_have_surely_arrived() -> None:
    """
    It took the name we gave, and told none of its own: it is looked for, and not sent again.
    """
    lost, taken = (a_refund(known=Known(frozenset({evidence(claim)}))) for claim in (Claim.LOST, Claim.PROCESSING))

    assert (lost.is_named_by_gateway, taken.is_named_by_gateway) == (False, True)
