"""The life of a pay-out, from its acknowledgement to the last word about it."""

import asyncio
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from entrypoints.sandbox.daraja import eat, identifiers, results, shapes
from entrypoints.sandbox.daraja.acknowledgement import acknowledged
from entrypoints.sandbox.daraja.background import Background
from entrypoints.sandbox.daraja.book import Book
from entrypoints.sandbox.daraja.courier import Courier
from entrypoints.sandbox.daraja.mischief import Mischief
from entrypoints.sandbox.daraja.pay_out_book import PayOut
from entrypoints.sandbox.daraja.settings import Settings

#: In shillings; B2C moves no less and no more at once.
SMALLEST: Final = 10
LARGEST: Final = 250_000

_SETTLE: Final = 0
_TELL: Final = 1


class PayOuts:
    """Takes reversals and B2C payments, and sees them through, across restarts."""

    def __init__(
        self, *, book: Book, courier: Courier, background: Background, mischief: Mischief, settings: Settings
    ) -> None:
        self._book = book
        self._courier = courier
        self._background = background
        self._mischief = mischief
        self._settings = settings

    def resume(self) -> None:
        """Goes on with what an earlier process acknowledged and did not see through."""
        for pay_out in self._book.out.pay_outs.values():
            if len(self._book.steps_done[pay_out.conversation_id]) < 1 + pay_out.is_told:
                self._background.start(self._live(pay_out, overdue=True))

    async def take(self, *, originator_conversation_id: str, **facts: Any) -> web.Response:
        """Accepts it as it was asked for; the answer may come only after the result, if so ordered."""
        moment = eat.now()
        conversation_id = identifiers.conversation_id(moment)
        await self._book.write(
            "pay_out",
            conversation_id=conversation_id,
            originator_conversation_id=originator_conversation_id,
            ordered=self._mischief.takes_refund_code(),
            times_out=self._mischief.takes("refund_timeouts"),
            is_told=not self._mischief.takes("refund_silences"),
            delay=self._mischief.refund_delay,
            asked_at=moment.isoformat(),
            **facts,
        )
        life = self._background.start(self._live(self._book.out.pay_outs[conversation_id], overdue=False))
        if self._mischief.takes("refund_results_first"):
            await asyncio.shield(life)
        return acknowledged(conversation_id, originator_conversation_id)

    async def reverse_outside(self, receipt: str) -> str | None:
        """What somebody does on the portal; returns the reversal's receipt, None where there is nothing to reverse."""
        payment = self._book.receipt(receipt)
        if payment is None or not self._book.out.take_reversal(receipt):
            return None
        moment = eat.now()
        own = self._book.new_receipt(moment)
        await self._book.write(
            "outside",
            original=receipt,
            receipt=own,
            amount=payment.amount,
            phone=payment.phone,
            reversed_at=moment.isoformat(),
        )
        return own

    async def _live(self, pay_out: PayOut, *, overdue: bool) -> None:
        done = frozenset(self._book.steps_done[pay_out.conversation_id])
        if _SETTLE not in done:
            age = max(0.0, (eat.now() - pay_out.asked_at).total_seconds())
            await asyncio.sleep(max(0.0, self._settings.pay_after + pay_out.delay - age))
            await self._settle(pay_out, eat.now())
        if pay_out.is_told and _TELL not in done:
            url = pay_out.timeout_url if pay_out.times_out else pay_out.result_url
            about = {"conversation_id": pay_out.conversation_id, "step": _TELL}
            await self._courier.deliver(url, self._result(pay_out), overdue=overdue, **about)

    async def _settle(self, pay_out: PayOut, moment: datetime) -> None:
        code = self._code(pay_out)
        paid = code == results.SUCCESS
        await self._book.write(
            "settled",
            conversation_id=pay_out.conversation_id,
            result_code=code,
            receipt=self._book.new_receipt(moment) if paid else identifiers.no_receipt(moment),
            settled_at=moment.isoformat(),
            step=_SETTLE,
        )

    def _code(self, pay_out: PayOut) -> str:
        if not pay_out.credential_is_valid:
            return results.INVALID_INITIATOR
        if pay_out.ordered not in {"", results.SUCCESS}:
            return pay_out.ordered
        return self._reversal_code(pay_out) if pay_out.original else self._b2c_code(pay_out)

    def _reversal_code(self, pay_out: PayOut) -> str:
        payment = self._book.receipt(pay_out.original)
        if payment is None:
            return results.INVALID_TRANSACTION
        if pay_out.payer != self._settings.shortcode:
            return results.INVALID_DEBIT_PARTY
        if pay_out.amount != payment.amount:
            return results.ACCOUNT_RULE  # the portal has no code for it, and no source has seen a part reversed
        return results.SUCCESS if self._book.out.take_reversal(pay_out.original) else results.ALREADY_REVERSED

    def _b2c_code(self, pay_out: PayOut) -> str:
        if pay_out.payer != self._settings.b2c_shortcode:
            return results.INVALID_DEBIT_PARTY
        if pay_out.amount < SMALLEST:
            return results.BELOW_MINIMUM
        return results.SUCCESS if pay_out.amount <= LARGEST else results.ABOVE_MAXIMUM

    def _result(self, pay_out: PayOut) -> bytes:
        settled = self._book.out.settled[pay_out.conversation_id]
        if pay_out.times_out:
            return shapes.timed_out(pay_out)
        if settled.result_code != results.SUCCESS:
            return shapes.pay_out_failed(pay_out, settled)
        return shapes.given_back(pay_out, settled) if pay_out.original else shapes.paid_out(pay_out, settled)
