"""A whole service in memory: the use cases, wired over fakes, with a clock that stands."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from application.answer_once import AnswerOnce
from application.apply_inbox import ApplyInbox
from application.apply_refund_message import ApplyRefundMessage
from application.cancel_payment import CancelPayment
from application.capture_payment import CapturePayment
from application.open_work import WorkPolicy
from application.ports.inbox import Message
from application.ports.payments import Answer
from application.ports.webhooks import About, Unreadable
from application.receive_webhook import ReceiveCallback, ReceiveHint, ReceiveWebhook
from application.reconcile_payments import ReconcilePayments
from application.reconcile_refunds import ReconcileRefunds
from application.record_refund import RecordRefund, ToldOfRefund
from application.record_report import RecordReport, Told
from application.recordings import Recordings
from application.refund_payment import RefundPayment
from application.remove_payment_method import DetachMethods, RemovePaymentMethod
from application.save_payment_method import SavePaymentMethod
from application.start_payment import StartPayment
from application.undertake import Undertake
from domain.errors import MethodDeclined
from domain.evidence import Claim, Source
from domain.history import Cause, CauseKind
from domain.payment import Payment, ReferenceKind, Report
from domain.payment_method import GatewayName
from domain.refund import Refund
from domain.saved_method import SavedMethod
from domain.status import Status
from tests.builders import evidence, paid, usd
from tests.fakes import FakeGateway, IdsOf, InMemoryInbox, InMemoryPayments, PlainBlinder, StandingClock
from tests.fakes_methods import FakeSaving, InMemoryKeys, InMemoryMethods
from tests.fakes_refunds import FakeRefundGateway, FakeRefundTranslator, InMemoryRefunds, InMemoryUndertakings

PAID = Report(evidence=(paid(usd(2500)),), references={ReferenceKind.PAYMENT_INTENT: "pi_1"})
LOST = Report(evidence=(evidence(Claim.LOST, Source.CLOCK),))
POLICY = WorkPolicy(checks=(timedelta(seconds=25),), duplicate_window=timedelta(minutes=10))


def render(payment: Payment, request_id: str) -> Answer:
    status = {Status.FAILED: 402, Status.UNKNOWN: 202, Status.REVIEW: 202}.get(payment.status, 201)
    return Answer(status, json.dumps([str(payment.id), payment.status, request_id]).encode())


def render_saved(outcome: SavedMethod | MethodDeclined, request_id: str) -> Answer:
    if isinstance(outcome, MethodDeclined):
        return Answer(402, json.dumps([outcome.facts["reason"], request_id]).encode())
    return Answer(201, json.dumps([str(outcome.id), outcome.is_default, request_id]).encode())


def render_refund(refund: Refund, request_id: str) -> Answer:
    return Answer(201 if refund.status.is_known else 202, json.dumps([str(refund.id), refund.status]).encode())


@dataclass
class FakeTranslator:
    """Messages are keys of a dictionary: whom they are about, and what they claim."""

    meanings: dict[bytes, tuple[About | None, Report]] = field(default_factory=dict)

    def about(self, message: Message) -> About | None:
        if message.body not in self.meanings:
            raise Unreadable
        return self.meanings[message.body][0]

    def translate(self, message: Message, payment: Payment) -> Report:
        return self.meanings[message.body][1]


@dataclass
class World:
    gateway: FakeGateway
    payments: InMemoryPayments = field(default_factory=InMemoryPayments)
    methods: InMemoryMethods = field(default_factory=InMemoryMethods)
    saving: FakeSaving = field(default_factory=FakeSaving)
    inbox: InMemoryInbox = field(default_factory=InMemoryInbox)
    clock: StandingClock = field(default_factory=StandingClock)
    translator: FakeTranslator = field(default_factory=FakeTranslator)
    refund_gateway: FakeRefundGateway = field(default_factory=FakeRefundGateway)
    refund_translator: FakeRefundTranslator = field(default_factory=FakeRefundTranslator)

    def __post_init__(self) -> None:
        new_id = IdsOf(self.clock)
        gateways = {GatewayName.STRIPE: self.gateway, GatewayName.MPESA: self.gateway}
        self.record_report = RecordReport(payments=self.payments, gateways=gateways, policy=POLICY, clock=self.clock)
        self.recordings = Recordings(self.clock, again_after=0.001)
        self.start_payment = StartPayment(
            payments=self.payments,
            methods=self.methods,
            gateways=gateways,
            record_report=self.record_report,
            render=render,
            clock=self.clock,
            new_id=new_id,
            blinder=PlainBlinder(),
            lease_for=timedelta(seconds=60),
            recordings=self.recordings,
        )
        self.save_method = SavePaymentMethod(
            methods=self.methods,
            unkept=self.methods,
            gateways=gateways,
            saving=self.saving,
            answer_once=AnswerOnce(
                keys=InMemoryKeys(), clock=self.clock, new_id=new_id, lease_for=timedelta(seconds=60)
            ),
            render=render_saved,
            clock=self.clock,
            new_id=new_id,
            blinder=PlainBlinder(),
            lease_for=timedelta(seconds=60),
        )
        self.remove_method = RemovePaymentMethod(methods=self.methods, clock=self.clock)
        self.detach_methods = DetachMethods(
            unkept=self.methods, saving=self.saving, clock=self.clock, lease_for=timedelta(seconds=60)
        )
        self.refunds = InMemoryRefunds(self.payments)
        refund_gateways = {GatewayName.STRIPE: self.refund_gateway, GatewayName.MPESA: self.refund_gateway}
        self.record_refund = RecordRefund(refunds=self.refunds, policy=POLICY, clock=self.clock)
        self.refund_payment = RefundPayment(
            refunds=self.refunds,
            payments=self.payments,
            gateways=refund_gateways,
            record_refund=self.record_refund,
            render=render_refund,
            recordings=self.recordings,
            clock=self.clock,
            new_id=new_id,
            lease_for=timedelta(seconds=60),
        )
        self.reconcile_refunds = ReconcileRefunds(
            refunds=self.refunds,
            gateways=refund_gateways,
            record_refund=self.record_refund,
            policy=POLICY,
            clock=self.clock,
            lease_for=timedelta(seconds=60),
        )
        undertake = Undertake(
            undertakings=InMemoryUndertakings(self.payments),
            payments=self.payments,
            gateways=gateways,
            record_report=self.record_report,
            render=render,
            recordings=self.recordings,
            clock=self.clock,
            new_id=new_id,
            lease_for=timedelta(seconds=60),
        )
        self.capture_payment = CapturePayment(undertake)
        self.cancel_payment = CancelPayment(undertake)

        self.reconcile = ReconcilePayments(
            payments=self.payments,
            open_payments=self.payments,
            gateways=gateways,
            record_report=self.record_report,
            policy=POLICY,
            clock=self.clock,
            lease_for=timedelta(seconds=60),
        )
        self.apply_inbox = ApplyInbox(
            inbox=self.inbox,
            payments=self.payments,
            translators={GatewayName.STRIPE: self.translator, GatewayName.MPESA: self.translator},
            record_report=self.record_report,
            apply_refund_message=ApplyRefundMessage(
                refunds=self.refunds,
                payments=self.payments,
                translators={GatewayName.STRIPE: self.refund_translator, GatewayName.MPESA: self.refund_translator},
                record_refund=self.record_refund,
                clock=self.clock,
                new_id=new_id,
            ),
            clock=self.clock,
        )
        self.receive_webhook = ReceiveWebhook(self.inbox, new_id)
        self.receive_callback = ReceiveCallback(self.inbox, self.payments, new_id)
        self.receive_hint = ReceiveHint(self.payments, self.payments, self.translator, self.clock, new_id)

    async def look(self) -> int:
        """One round of the reconciler; returns how many it looked at."""
        due = await self.reconcile.take(10)
        for one in due:
            await self.reconcile.execute(one)
        return len(due)

    async def look_at_refunds(self) -> int:
        """One round of the refunds' reconciler; returns how many it looked at."""
        due = await self.reconcile_refunds.take(10)
        for one in due:
            await self.reconcile_refunds.execute(one)
        return len(due)

    async def refund_is_told(self, report: Report) -> None:
        """A webhook about the one refund there is."""
        (refund_id,) = self.refunds.refunds
        before = await self.refunds.find(refund_id)
        assert before is not None
        told = ToldOfRefund(report=report, cause=Cause(CauseKind.WEBHOOK, "evt_1"))
        await self.record_refund.execute(before, told)

    def means(self, body: bytes, report: Report, *, about: About | None = None, ignored: bool = False) -> None:
        """From now on a message of these bytes makes these claims, about the one payment there is."""
        whom = None if ignored else about or About(payment_id=self._only())
        self.translator.meanings[body] = (whom, report)

    def _only(self) -> UUID | None:
        return next(iter(self.payments.kept), None)

    def the_payment(self) -> Payment:
        (kept,) = self.payments.kept.values()
        return kept.payment

    async def a_webhook_says(self, report: Report) -> None:
        (kept,) = self.payments.kept.values()
        told = Told(report=report, cause=Cause(CauseKind.WEBHOOK, "evt_1"), looked=False)
        await self.record_report.execute(kept, told)


def given(*answers: Report | BaseException) -> World:
    return World(FakeGateway(list(answers)))
