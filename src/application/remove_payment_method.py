"""Forget a saved method: unusable at once, detached at the gateway soon after."""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from application.ports.payment_methods import Leaving, PaymentMethods, UnkeptMethods
from application.ports.platform import Clock
from application.ports.saving_gateway import SavingGateway
from domain.errors import NotFound, Unavailable

log = structlog.get_logger()

_AT_ONCE: Final = 20


class RemovePaymentMethod:
    """
    From here on it pays for nothing new. Payments that were made with it are not touched.

    Raises:
        NotFound: this user has no such method, or none any more.
    """

    def __init__(self, *, methods: PaymentMethods, clock: Clock) -> None:
        self._methods = methods
        self._clock = clock

    async def execute(self, user_id: UUID, method_id: UUID) -> None:
        if not await self._methods.remove(user_id, method_id, self._clock.now()):
            raise NotFound
        log.info("method.removed", method_id=str(method_id))


class DetachMethods:
    """What was removed, or was attached and then not kept, is detached at the gateway: again until it surely is."""

    def __init__(
        self, *, unkept: UnkeptMethods, saving: SavingGateway | None, clock: Clock, lease_for: timedelta
    ) -> None:
        self._unkept = unkept
        self._saving = saving
        self._clock = clock
        self._lease_for = lease_for

    async def execute(self) -> bool:
        """One round; True where there may be more to do."""
        if self._saving is None:
            return False
        due = await self._unkept.take_due(self._clock.now(), self._lease_for, _AT_ONCE)
        await asyncio.gather(*(self._detach(self._saving, leaving) for leaving in due))
        return len(due) == _AT_ONCE

    async def _detach(self, saving: SavingGateway, leaving: Leaving) -> None:
        try:
            if leaving.name is not None:
                await saving.detach(leaving.name)
                log.info("method.detached", method_id=str(leaving.id))
            await self._unkept.left(leaving.id)
        except Unavailable:
            log.warning("method.not_detached", method_id=str(leaving.id))
