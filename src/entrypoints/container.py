"""Ports meet adapters. Read from top to bottom: what is handed in, then adapters, then use cases."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from dependency_injector import containers, providers

from adapters.daraja.gateway import DarajaGateway
from adapters.daraja.security_credential import security_credential
from adapters.daraja.transaction_status import Initiator
from adapters.daraja.webhooks import DarajaCallbacks
from adapters.encryption import MasterKeys, Vault
from adapters.http.auth import Authenticator
from adapters.http.desk import UseCases
from adapters.http.key_sets import key_source
from adapters.http.keys import Keys, PublishedKeys, SecretKey
from adapters.http.method_views import render_saved
from adapters.http.stopwatch import timed
from adapters.http.views import render, render_changed, render_note, render_refund
from adapters.http.webhooks import Ears
from adapters.postgres import data_keys
from adapters.postgres.fresh_tokens import PostgresFreshTokens
from adapters.postgres.idempotency import PostgresIdempotencyKeys
from adapters.postgres.inbox import PostgresInbox
from adapters.postgres.notes import PostgresNotes
from adapters.postgres.open_payments import PostgresOpenPayments
from adapters.postgres.payment_lists import PostgresPaymentLists
from adapters.postgres.payment_methods import PostgresPaymentMethods, PostgresUnkeptMethods
from adapters.postgres.payments import PostgresPayments
from adapters.postgres.pools import Database
from adapters.postgres.readiness import PostgresReadiness, insist_on_durability, insist_on_schema
from adapters.postgres.reading import PATIENCE, Reading
from adapters.postgres.refund_lists import PostgresRefundLists
from adapters.postgres.refunds import PostgresRefunds
from adapters.postgres.shared_token import PostgresSharedToken
from adapters.postgres.stories import PostgresStories
from adapters.postgres.undertakings import PostgresUndertakings
from adapters.postgres.upkeep import PostgresUpkeep
from adapters.stripe.gateway import StripeGateway
from adapters.stripe.signatures import StripeSignatures
from adapters.stripe.webhooks import StripeEvents
from adapters.system import SystemClock, new_id
from application.add_note import AddNote
from application.answer_once import AnswerOnce
from application.apply_inbox import ApplyInbox
from application.apply_refund_message import ApplyRefundMessage
from application.cancel_payment import CancelPayment
from application.capture_payment import CapturePayment
from application.find_payment_methods import FindPaymentMethods
from application.find_payments import FindHistory, FindPayment
from application.find_refunds import FindRefund
from application.list_payments import ListHistory, ListPayments
from application.list_refunds import ListRefunds
from application.open_work import WorkPolicy
from application.own_writes import OwnWrites
from application.ports.gateway import PaymentGateway
from application.receive_webhook import ReceiveCallback, ReceiveHint, ReceiveWebhook
from application.reconcile_payments import ReconcilePayments
from application.reconcile_refunds import ReconcileRefunds
from application.record_refund import RecordRefund
from application.record_report import RecordReport
from application.recordings import Recordings
from application.refund_payment import RefundPayment
from application.remove_payment_method import DetachMethods, RemovePaymentMethod
from application.save_payment_method import SavePaymentMethod
from application.start_payment import StartPayment
from application.undertake import Undertake
from domain.payment_method import GatewayName
from entrypoints.local import reached
from entrypoints.settings import ConfigurationError, Settings


class Container(containers.DeclarativeContainer):
    """The graph of one process. What must be opened before use is handed in open: see `opened`."""

    settings = providers.Dependency(instance_of=Settings)
    database = providers.Dependency(instance_of=Database)
    reading = providers.Dependency(instance_of=Reading)
    vault = providers.Dependency(instance_of=Vault)
    gateways = providers.Dependency(instance_of=dict)
    clock = providers.Singleton(SystemClock)
    new_id = providers.Object(new_id)

    keys_kept_for = settings.provided.keys_kept_for
    lease_for = settings.provided.lease_for
    payments = providers.Singleton(PostgresPayments, database, vault, keys_kept_for=keys_kept_for)
    payment_lists = providers.Singleton(PostgresPaymentLists, reading, vault)
    refund_lists = providers.Singleton(PostgresRefundLists, reading, vault)
    notes = providers.Singleton(PostgresNotes, database, vault, keys_kept_for=keys_kept_for)
    undertakings = providers.Singleton(PostgresUndertakings, database, vault, keys_kept_for=keys_kept_for)
    refunds = providers.Singleton(PostgresRefunds, database, vault, keys_kept_for=keys_kept_for)
    stories = providers.Singleton(PostgresStories, reading)
    open_payments = providers.Singleton(PostgresOpenPayments, database, vault)
    methods = providers.Singleton(PostgresPaymentMethods, database, vault)
    unkept_methods = providers.Singleton(PostgresUnkeptMethods, database, account=settings.provided.stripe_account)
    idempotency_keys = providers.Singleton(PostgresIdempotencyKeys, database, vault, keys_kept_for=keys_kept_for)
    inbox = providers.Singleton(PostgresInbox, database, vault)
    upkeep = providers.Singleton(
        PostgresUpkeep, database, keys_kept_for=keys_kept_for, inbox_kept_for=settings.provided.inbox_kept_for
    )
    readiness = providers.Singleton(PostgresReadiness, database, clock)
    stripe_events = providers.Singleton(StripeEvents, livemode=settings.provided.stripe_livemode)
    daraja_callbacks = providers.Singleton(DarajaCallbacks, settings.provided.mpesa_confirm)
    translators = providers.Dict({GatewayName.STRIPE: stripe_events, GatewayName.MPESA: daraja_callbacks})
    stripe_signatures = providers.Singleton(
        StripeSignatures, secrets=settings.provided.stripe_webhook_secrets, clock=clock
    )

    policy = providers.Singleton(
        WorkPolicy, checks=settings.provided.checks, duplicate_window=settings.provided.duplicate_window
    )
    record_report = providers.Singleton(RecordReport, payments=payments, gateways=gateways, policy=policy, clock=clock)
    recordings = providers.Singleton(Recordings, clock)
    start_payment = providers.Singleton(
        StartPayment,
        recordings=recordings,
        payments=payments,
        methods=methods,
        gateways=gateways,
        record_report=record_report,
        render=providers.Callable(lambda docs_url: partial(render, docs_url=docs_url), settings.provided.docs_url),
        clock=clock,
        new_id=new_id,
        blinder=vault,
        lease_for=lease_for,
    )
    undertake = providers.Singleton(
        Undertake,
        undertakings=undertakings,
        payments=payments,
        gateways=gateways,
        record_report=record_report,
        render=providers.Object(render_changed),
        recordings=recordings,
        clock=clock,
        new_id=new_id,
        lease_for=lease_for,
    )
    capture_payment = providers.Singleton(CapturePayment, undertake)
    cancel_payment = providers.Singleton(CancelPayment, undertake)
    record_refund = providers.Singleton(RecordRefund, refunds=refunds, policy=policy, clock=clock)
    refund_payment = providers.Singleton(
        RefundPayment,
        refunds=refunds,
        payments=payments,
        gateways=gateways,
        record_refund=record_refund,
        render=providers.Object(render_refund),
        recordings=recordings,
        clock=clock,
        new_id=new_id,
        lease_for=lease_for,
    )
    find_refund = providers.Singleton(FindRefund, refunds)
    find_payment = providers.Singleton(FindPayment, payments=payments, open_payments=open_payments, clock=clock)
    find_history = providers.Singleton(FindHistory, stories=stories, sealer=vault)
    list_payments = providers.Singleton(ListPayments, lists=payment_lists)
    list_refunds = providers.Singleton(ListRefunds, lists=refund_lists)
    list_history = providers.Singleton(ListHistory, lists=payment_lists, sealer=vault)
    add_note = providers.Singleton(
        AddNote, payments=payments, notes=notes, sealer=vault, render=providers.Object(render_note), clock=clock
    )
    saving = providers.Callable(lambda gateways: gateways.get(GatewayName.STRIPE), gateways)
    save_method = providers.Singleton(
        SavePaymentMethod,
        methods=methods,
        unkept=unkept_methods,
        gateways=gateways,
        saving=saving,
        answer_once=providers.Singleton(
            AnswerOnce, keys=idempotency_keys, clock=clock, new_id=new_id, lease_for=lease_for
        ),
        render=providers.Callable(
            lambda docs_url: partial(render_saved, docs_url=docs_url), settings.provided.docs_url
        ),
        clock=clock,
        new_id=new_id,
        blinder=vault,
        lease_for=lease_for,
    )
    find_methods = providers.Singleton(FindPaymentMethods, methods=methods)
    remove_method = providers.Singleton(RemovePaymentMethod, methods=methods, clock=clock)
    detach_methods = providers.Singleton(
        DetachMethods, unkept=unkept_methods, saving=saving, clock=clock, lease_for=lease_for
    )
    types = providers.Callable(lambda gateways: [kind for one in gateways.values() for kind in one.types], gateways)
    own_writes = providers.Singleton(OwnWrites, reading)
    receive_webhook = providers.Singleton(ReceiveWebhook, inbox, new_id)
    receive_callback = providers.Singleton(ReceiveCallback, inbox, payments, new_id)
    receive_hint = providers.Singleton(ReceiveHint, payments, open_payments, daraja_callbacks, clock, new_id)
    use_cases = providers.Singleton(
        UseCases,
        start_payment=start_payment,
        capture_payment=capture_payment,
        cancel_payment=cancel_payment,
        refund_payment=refund_payment,
        find_payment=find_payment,
        find_refund=find_refund,
        find_history=find_history,
        list_payments=list_payments,
        list_refunds=list_refunds,
        list_history=list_history,
        add_note=add_note,
        save_method=save_method,
        find_methods=find_methods,
        remove_method=remove_method,
        types=types,
        own_writes=own_writes,
        blinder=vault,
    )
    ears = providers.Singleton(
        Ears,
        stripe_verifier=stripe_signatures,
        receive_webhook=receive_webhook,
        receive_callback=receive_callback,
        receive_hint=receive_hint,
    )
    apply_refund_message = providers.Singleton(
        ApplyRefundMessage,
        refunds=refunds,
        payments=payments,
        translators=translators,
        record_refund=record_refund,
        clock=clock,
        new_id=new_id,
    )
    apply_inbox = providers.Singleton(
        ApplyInbox,
        inbox=inbox,
        payments=payments,
        translators=translators,
        record_report=record_report,
        apply_refund_message=apply_refund_message,
        clock=clock,
    )
    reconcile_refunds = providers.Singleton(
        ReconcileRefunds,
        refunds=refunds,
        gateways=gateways,
        record_refund=record_refund,
        policy=policy,
        clock=clock,
        lease_for=lease_for,
    )
    reconcile_payments = providers.Singleton(
        ReconcilePayments,
        payments=payments,
        open_payments=open_payments,
        gateways=gateways,
        record_report=record_report,
        policy=policy,
        clock=clock,
        lease_for=lease_for,
    )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Container]:
    """
    The graph, over an open database and open gateways; all is closed again at the end.

    Raises:
        ConfigurationError: there is no database, or it lets nobody in, or a key is missing or another one than before.
        DatabaseError: the database could lose money, or its schema is behind this code.
        Unavailable: the database does not answer.
    """
    dsn = settings.dsn
    if dsn is None:
        raise ConfigurationError("DATABASE_URL (or DB_HOST, DB_USER, DB_PASSWORD) must be set")
    async with reached(dsn) as connection:
        await insist_on_durability(connection)
        await insist_on_schema(connection)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(dsn, size=settings.db_pool_size))
        try:
            master = MasterKeys.parse(settings.encryption_keys or "")
            vault = Vault(await data_keys.load(database, master))
        except ValueError as why:
            raise ConfigurationError(f"ENCRYPTION_KEYS: {why}") from None
        reading = Reading(database, await _replica(settings, stack))
        container = Container(settings=settings, database=database, reading=reading, vault=vault)
        gateways = {name: timed(gateway) for name, gateway in configured_gateways(container, settings).items()}
        for gateway in gateways.values():
            stack.push_async_callback(gateway.close)
        container.gateways.override(providers.Object(gateways))
        yield container


async def _replica(settings: Settings, stack: AsyncExitStack) -> Database | None:
    """Opened without a connection: it need not be there."""
    if settings.read_dsn is None:
        return None
    replica = Database(settings.read_dsn, size=settings.db_pool_size, set_aside=0, wait=PATIENCE, lazy=True)
    return await stack.enter_async_context(replica)


def configured_gateways(container: Container, settings: Settings) -> dict[GatewayName, Any]:
    """The gateways that have keys."""
    gateways: dict[GatewayName, PaymentGateway] = {}
    if settings.stripe_secret_key is not None:
        gateways[GatewayName.STRIPE] = StripeGateway(
            api_key=settings.stripe_secret_key,
            base_url=settings.stripe_base_url,
            clock=container.clock(),
            total_timeout=timedelta(seconds=settings.stripe_timeout_seconds),
        )
    if settings.mpesa_consumer_key is not None:
        try:
            gateways[GatewayName.MPESA] = daraja(container, settings)
        except ValueError as why:
            raise ConfigurationError(str(why)) from None
    return gateways


def daraja(container: Container, settings: Settings) -> DarajaGateway:
    account = sha256(f"{settings.mpesa_base_url} {settings.mpesa_consumer_key}".encode()).hexdigest()[:16]
    return DarajaGateway(
        base_url=settings.mpesa_base_url or "",
        consumer_key=settings.mpesa_consumer_key or "",
        consumer_secret=settings.mpesa_consumer_secret or "",
        passkey=settings.mpesa_passkey or "",
        shortcode=settings.mpesa_shortcode or "",
        callback_base=settings.mpesa_callback_url or "",
        shared_token=PostgresSharedToken(
            container.database(), container.vault(), container.clock(), name=f"daraja:{account}"
        ),
        clock=container.clock(),
        confirm=settings.mpesa_confirm,
        initiator=_initiator(settings),
        b2c_shortcode=settings.mpesa_b2c_shortcode,
        fresh_tokens=PostgresFreshTokens(container.database()),
        total_timeout=timedelta(seconds=settings.mpesa_timeout_seconds),
    )


def _initiator(settings: Settings) -> Initiator | None:
    name, password, certificate = (
        settings.mpesa_initiator_name,
        settings.mpesa_initiator_password,
        settings.mpesa_certificate,
    )
    if name is None or password is None or certificate is None:
        return None
    try:
        return Initiator(name=name, credential=security_credential(password, certificate.read_bytes()))
    except OSError as why:
        raise ConfigurationError(f"MPESA_CERTIFICATE cannot be read: {why.strerror}") from None


def authenticator(settings: Settings) -> Authenticator:
    """
    Who may come in: verified by the published keys, or by development's secret.

    Raises:
        ConfigurationError: there is neither, or one cannot be used.
    """
    try:
        return Authenticator(keys=_keys(settings), max_age=float(settings.jwt_max_age_seconds))
    except ValueError as why:
        raise ConfigurationError(f"JWT_JWKS / JWT_SECRET: {why}") from None


def _keys(settings: Settings) -> Keys:
    if settings.jwt_jwks is not None:
        return PublishedKeys(key_source(settings.jwt_jwks))
    if settings.jwt_secret is not None:
        return SecretKey(settings.jwt_secret)
    raise ConfigurationError("JWT_JWKS (or in development JWT_SECRET) must be set")
