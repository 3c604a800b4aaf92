"""The read side: what a user can pay with again."""

from uuid import UUID

from application.ports.payment_methods import PaymentMethods
from domain.saved_method import SavedMethod


class FindPaymentMethods:
    """All methods of a user, the default first, then the newest."""

    def __init__(self, *, methods: PaymentMethods) -> None:
        self._methods = methods

    async def execute(self, user_id: UUID) -> list[SavedMethod]:
        return await self._methods.of_user(user_id)
