"""Keep a card, a wallet or a phone for a user's next payment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import structlog

from application.answer_once import AnswerOnce, OnceAnswered
from application.ports.gateway import PaymentGateway
from application.ports.payment_methods import Draft, PaymentMethods, UnkeptMethods
from application.ports.payments import Answer, Key
from application.ports.platform import Blinder, Clock, NewId
from application.ports.saving_gateway import Described, SavingGateway
from domain.errors import Fault, InDoubt, Invalid, MethodDeclined, Unavailable
from domain.payment_method import GatewayName, PaymentMethod
from domain.saved_method import SavedMethod, savable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveRequest:
    """What a caller asks for. `method` has a token or a phone, and nothing else."""

    user_id: UUID
    method: PaymentMethod
    request_id: str
    is_default: bool = False
    key: Key | None = None


class SavePaymentMethod:
    """
    - The same card or phone again is the same method, however many ask at once.
    - A lost answer is no guess: the same request again makes the same calls, with the same keys.
    - What the gateway has attached and we do not keep is detached.

    Raises:
        Invalid: it cannot be saved; nothing happened.
        TooManyMethods, KeyInUse, KeyReused, KeyExpired: refused; nothing happened.
        GatewayUnavailable: surely nothing was sent.
        InDoubt: the gateway's answer is lost; the same request will find out.
        Unavailable: the database cannot serve now.
    """

    def __init__(
        self,
        *,
        methods: PaymentMethods,
        unkept: UnkeptMethods,
        gateways: Mapping[GatewayName, PaymentGateway],
        saving: SavingGateway | None,
        answer_once: AnswerOnce,
        render: Callable[[SavedMethod | MethodDeclined, str], Answer],
        clock: Clock,
        new_id: NewId,
        blinder: Blinder,
        lease_for: timedelta,
    ) -> None:
        self._methods = methods
        self._unkept = unkept
        self._gateways = gateways
        self._saving = saving
        self._answer_once = answer_once
        self._render = render
        self._clock = clock
        self._new_id = new_id
        self._blinder = blinder
        self._lease_for = lease_for

    async def execute(self, request: SaveRequest) -> OnceAnswered:
        method = savable(request.method)
        if method.gateway not in self._gateways:
            raise Invalid(Fault("type", f"{method.type} payments are not configured here"))
        return await self._answer_once.execute(request.key, lambda: self._answer(replace(request, method=method)))

    async def _answer(self, request: SaveRequest) -> Answer:
        try:
            saved = await self._save(request)
        except MethodDeclined as declined:  # an answer like any other
            return self._render(declined, request.request_id)
        return self._render(saved, request.request_id)

    async def _save(self, request: SaveRequest) -> SavedMethod:
        method_id = await (self._phone(request) if request.method.token is None else self._card(request))
        if request.is_default:
            await self._methods.prefer(request.user_id, method_id)
        saved = await self._methods.find(request.user_id, method_id)
        if saved is None:  # removed in this very moment
            raise Unavailable
        log.info("method.saved", method_id=str(method_id), type=saved.method.type)
        return saved

    async def _phone(self, request: SaveRequest) -> UUID:
        method = request.method
        saved = SavedMethod(id=self._new_id(), user_id=request.user_id, method=method)
        kept = await self._methods.keep(saved, self._blinder.blind("saved", method.type, method.phone or ""))
        return kept or saved.id

    async def _card(self, request: SaveRequest) -> UUID:
        saving, token = self._saving, request.method.token
        if saving is None or token is None:
            raise Invalid(Fault("type", "cannot be saved here"))
        saved_by = self._blinder.blind("saved by", request.method.type, token)
        until = self._clock.now() + self._lease_for
        draft = await self._unkept.begin(request.user_id, saved_by, self._new_id(), until)
        if isinstance(draft, UUID):
            return draft
        try:
            described = await saving.describe(draft.id, token)
            likeness = self._likeness(request.method, described)
            kept = await self._methods.recognise(request.user_id, likeness, saved_by)
            if kept is not None:
                await self._unkept.forget(draft)
                return kept
            method = await self._attach(saving, request, draft, described)
        except (Invalid, MethodDeclined):
            await self._unkept.forget(draft)
            raise
        if method is not None:
            saved = SavedMethod(
                id=draft.id,
                user_id=request.user_id,
                method=method,
                exp_month=described.exp_month,
                exp_year=described.exp_year,
            )
            kept = await self._methods.keep(saved, likeness, saved_by=saved_by)
        kept = kept or await self._methods.recognise(request.user_id, likeness, saved_by)  # a twin was faster
        if kept is None:  # too slow: it is being detached
            raise InDoubt
        return kept

    async def _attach(
        self, saving: SavingGateway, request: SaveRequest, draft: Draft, card: Described
    ) -> PaymentMethod | None:
        """As a payment takes it; None where the draft's time is, or will soon be, up: it may be detached by then."""
        user_id = request.user_id
        customer = draft.customer or await self._unkept.own(user_id, await saving.customer(user_id))
        if card.customer not in {None, customer}:
            raise Invalid(Fault("token", "belongs to another customer"))
        name = await self._unkept.promise(draft, card.name)
        if name is None or self._clock.now() + saving.total_timeout > draft.until:
            return None
        await saving.attach(draft.id, name, customer)
        return PaymentMethod(
            type=request.method.type, token=name, customer=customer, brand=card.brand, last4=card.last4
        )

    def _likeness(self, method: PaymentMethod, card: Described) -> bytes:
        """A renewed card has its number and another expiry: it is another method."""
        same = card.fingerprint or card.name
        return self._blinder.blind("saved", method.type, same, f"{card.exp_month}/{card.exp_year}")
