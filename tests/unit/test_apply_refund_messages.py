"""What the gateways tell of refunds: of ours, and of those that were made outside."""

import pytest
from uuid_utils.compat import uuid7

from application.ports.inbox import Message
from application.ports.webhooks import About, AboutRefund
from domain.evidence import Claim, Evidence, Source
from domain.history import verify
from domain.money import Money
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import GatewayName
from domain.refund import Refund, RefundOrigin, RefundStatus
from domain.status import Status
from tests.builders import a_refund_request, a_request, evidence, paid, usd
from tests.worlds import LOST, PAID, World, given


async def a_world(refund: Report | None = None) -> World:
    """A payment of 25 dollars that succeeded, with a refund of ten that was answered so."""
    world = given(PAID)
    await world.start_payment.execute(a_request())
    if refund is not None:
        world.refund_gateway.answers.append(refund)
        await world.refund_payment.execute(a_refund_request(world.the_payment()))
    return world


async def hears(
    world: World,
    *evidence: Evidence,
    name: str = "re_1",
    of: Refund | None = None,
    payment: About | None = None,
    money: Money | None = None,
) -> Message:
    """A message about a refund arrives, and the worker looks at it."""
    payment = payment or About(payment_id=world.the_payment().id)
    about = AboutRefund(refund_id=of.id if of else None, reference=name, payment=payment, money=money or usd(1000))
    report = Report(evidence=evidence, references={ReferenceKind.REFUND: name})
    body = repr((about, report)).encode()
    world.refund_translator.meanings[body] = (about, report)
    await world.receive_webhook.execute(GatewayName.STRIPE, str(uuid7()), body)
    await world.apply_inbox.execute()
    return list(world.inbox.messages.values())[-1].message


def was_applied(world: World, message: Message) -> bool:
    return message.id in world.payments.applied


def ours(world: World) -> Refund:
    return next(one for one in world.refunds.refunds.values() if one.origin is RefundOrigin.API)


def outside(world: World) -> list[Refund]:
    return [one for one in world.refunds.refunds.values() if one.origin is RefundOrigin.EXTERNAL]


async def booked(world: World) -> Payment:
    payment = world.the_payment()
    assert verify(await world.payments.history(payment.id), world.payments.kept[payment.id].head) is None
    return payment


class TestOurs:
    @pytest.mark.parametrize("by_name", [True, False])
    async def test_it_moves_as_the_evidence_weighs(self, by_name: bool) -> None:
        """Found by our id, or by the gateway's name; done in the same step."""
        world = await a_world(Report(evidence=(evidence(Claim.PROCESSING),), references={ReferenceKind.REFUND: "re_1"}))
        message = await hears(world, paid(usd(1000), Source.SIGNED), of=None if by_name else ours(world))
        assert ours(world).status is RefundStatus.SUCCEEDED
        assert was_applied(world, message)
        assert (await booked(world)).amount_refunded == 1000
        assert not outside(world)

    async def test_a_lost_answers_name_is_adopted(self) -> None:
        """From then on the gateway's name is known, and nothing is sent again."""
        world = await a_world(LOST)
        await hears(world, evidence(Claim.PROCESSING, Source.SIGNED), of=ours(world))
        assert ours(world).references == {ReferenceKind.REFUND: "re_1"}
        assert ours(world).is_named_by_gateway

    async def test_the_same_again_changes_nothing(self) -> None:
        """Done, without another line in the story."""
        world = await a_world(LOST)
        said = paid(usd(1000), Source.SIGNED)
        await hears(world, said, of=ours(world))
        version = (await booked(world)).version
        message = await hears(world, said, of=ours(world))
        assert was_applied(world, message)
        assert (await booked(world)).version == version

    async def test_a_failure_weeks_later_frees_the_amount(self) -> None:
        """The card was closed: the gateway took it back."""
        world = await a_world(Report(evidence=(paid(usd(1000)),), references={ReferenceKind.REFUND: "re_1"}))
        await hears(world, evidence(Claim.RETURNED, Source.SIGNED))
        assert ours(world).status is RefundStatus.FAILED
        assert (await booked(world)).refundable == 2500

    async def test_a_refund_of_another_payment_is_not_believed(self) -> None:
        """What does not belong together is no message of this gateway's: it is tried again, then a person looks."""
        world = await a_world(LOST)
        message = await hears(world, paid(usd(1000)), of=ours(world), payment=About(payment_id=uuid7()))
        assert ours(world).status is RefundStatus.UNKNOWN
        assert not was_applied(world, message)

    async def test_another_refund_under_our_id_is_one_made_outside(self) -> None:
        """Somebody copied our metadata: ours has another name at the gateway, so more money went."""
        world = await a_world(Report(evidence=(paid(usd(1000)),), references={ReferenceKind.REFUND: "re_1"}))
        await hears(world, paid(usd(500)), of=ours(world), name="re_2", money=usd(500))
        (other,) = outside(world)
        assert (other.money, other.references) == (usd(500), {ReferenceKind.REFUND: "re_2"})
        assert (await booked(world)).amount_refunded == 1500


class TestMadeOutside:
    async def test_it_becomes_a_row_and_counts(self) -> None:
        """Somebody gave money back on the dashboard."""
        world = await a_world()
        message = await hears(world, paid(usd(1000), Source.SIGNED))
        (refund,) = outside(world)
        assert (refund.status, refund.money, refund.version) == (RefundStatus.SUCCEEDED, usd(1000), 1)
        assert was_applied(world, message)
        payment = await booked(world)
        assert (payment.amount_refunded, payment.refundable, payment.status) == (1000, 1500, Status.SUCCEEDED)
        assert not world.refunds.work

    async def test_it_is_one_row_however_often_it_is_told(self) -> None:
        """Its name is the gateway's."""
        world = await a_world()
        await hears(world, evidence(Claim.PROCESSING, Source.SIGNED))
        await hears(world, paid(usd(1000), Source.SIGNED))
        (refund,) = outside(world)
        assert refund.status is RefundStatus.SUCCEEDED
        assert (await booked(world)).amount_refunded == 1000

    async def test_it_counts_as_soon_as_it_has_begun_and_is_looked_after(self) -> None:
        """No webhook may come any more: the worker asks, and never sends it."""
        world = await a_world()
        await hears(world, evidence(Claim.PROCESSING, Source.SIGNED))
        (refund,) = outside(world)
        payment = await booked(world)
        assert (refund.status, payment.refundable) == (RefundStatus.PROCESSING, 1500)

        world.refund_gateway.answers.append(Report(evidence=(evidence(Claim.RETURNED, Source.FETCHED),)))
        assert await world.look_at_refunds() == 1

        assert (world.refund_gateway.sent, world.refund_gateway.looked_up) == ([], [refund.id])
        assert (outside(world)[0].status, (await booked(world)).refundable) == (RefundStatus.FAILED, 2500)
        assert not world.refunds.work

    async def test_what_it_exceeds_is_doubted_until_ours_fails(self) -> None:
        """Ten of ours on their way, 25 given outside: ten too many, until ours is refused."""
        world = await a_world(LOST)
        await hears(world, paid(usd(2500), Source.SIGNED), name="re_9", money=usd(2500))
        payment = await booked(world)
        assert (payment.status, payment.amount_refunded, payment.amount_excess_refunded) == (Status.REVIEW, 1500, 1000)
        assert payment.id in world.payments.work

        await hears(world, evidence(Claim.FAILED, Source.SIGNED), of=ours(world))

        payment = await booked(world)
        assert (payment.status, payment.amount_refunded, payment.amount_excess_refunded) == (Status.SUCCEEDED, 2500, 0)

    async def test_one_of_a_payment_we_do_not_know_waits(self) -> None:
        """It has perhaps outrun our own commit."""
        world = await a_world()
        message = await hears(
            world, paid(usd(1000)), payment=About(kind=ReferenceKind.PAYMENT_INTENT, reference="pi_9")
        )
        assert not was_applied(world, message)
        assert world.inbox.messages[message.id].state == "waiting"

    async def test_it_is_found_by_the_intents_name(self) -> None:
        """The dashboard knows nothing of our ids."""
        world = await a_world()
        by_name = About(kind=ReferenceKind.PAYMENT_INTENT, reference="pi_1")
        message = await hears(world, paid(usd(1000)), payment=by_name)
        assert was_applied(world, message)
        assert len(outside(world)) == 1

    async def test_one_of_a_payment_that_is_not_known_to_be_taken_waits(self) -> None:
        """The refund's event outran the payment's."""
        world = given(LOST)
        await world.start_payment.execute(a_request())
        message = await hears(world, paid(usd(1000)))
        assert not outside(world)
        assert world.inbox.messages[message.id].state == "waiting"

        await world.a_webhook_says(PAID)
        world.clock.pass_(seconds=1)
        await world.apply_inbox.execute()

        assert was_applied(world, message)
        assert (await booked(world)).amount_refunded == 1000
