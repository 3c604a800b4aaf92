"""The life of a prompt, from the phone's first buzz to the last callback."""

import asyncio
import itertools

from entrypoints.sandbox.daraja import eat, results, shapes, subscribers
from entrypoints.sandbox.daraja.background import Background
from entrypoints.sandbox.daraja.book import Book, Prompt
from entrypoints.sandbox.daraja.courier import Courier
from entrypoints.sandbox.daraja.settings import Settings
from entrypoints.sandbox.daraja.subscribers import SCRIPTS, Act, Script, Step


class Prompts:
    """Lets every prompt follow its script, across restarts."""

    def __init__(self, book: Book, courier: Courier, background: Background, settings: Settings) -> None:
        self._book = book
        self._courier = courier
        self._background = background
        self._settings = settings
        self._ordinals = itertools.count(len(book.payments) + 1)

    def resume(self) -> None:
        """Goes on with every prompt that an earlier process left in flight."""
        for prompt in self._book.prompts.values():
            if len(self._book.steps_done[prompt.checkout_request_id]) < len(SCRIPTS[prompt.script].steps):
                self._background.start(self._live(prompt, overdue=True))

    def follow(self, prompt: Prompt) -> asyncio.Task[None]:
        """From here on the customer acts, whoever waits for it."""
        return self._background.start(self._live(prompt, overdue=False))

    def script_for(self, phone: str) -> str:
        """What this phone's owner does, unless the prompt is gone before anyone could."""
        name = subscribers.script_of(phone)
        too_slow = self._settings.pay_after > self._settings.prompt_life
        return subscribers.UNANSWERED if too_slow and not SCRIPTS[name].at_end_of_life else name

    async def _live(self, prompt: Prompt, *, overdue: bool) -> None:
        script = SCRIPTS[prompt.script]
        clock = asyncio.get_running_loop().time
        # Only the prompt's age is taken from the wall clock, and once: a stepped clock must not stall a customer.
        born = clock() - max(0.0, (eat.now() - prompt.sent_at).total_seconds())
        done = frozenset(self._book.steps_done[prompt.checkout_request_id])
        callbacks = []
        for number, step in enumerate(script.steps):
            if number in done:
                continue
            await asyncio.sleep(max(0.0, born + self._pause(script, step) - clock()))
            if step.act is Act.TELL:
                # Money does not wait for a merchant who is slow to take a callback.
                callbacks.append(self._background.start(self._tell(prompt, step, number, overdue=overdue)))
            else:
                await self._act(prompt, step, number)
        await asyncio.gather(*callbacks)

    def _pause(self, script: Script, step: Step) -> float:
        return self._settings.prompt_life if script.at_end_of_life else step.after * self._settings.pay_after

    async def _act(self, prompt: Prompt, step: Step, number: int) -> None:
        if step.act is Act.PAY:
            await self._pay(prompt, number)
            return
        checkout_request_id = prompt.checkout_request_id
        await self._book.write("result", checkout_request_id=checkout_request_id, result_code=step.code, step=number)

    async def _tell(self, prompt: Prompt, step: Step, number: int, *, overdue: bool) -> None:
        await self._courier.deliver(
            prompt.callback_url,
            self._callback(prompt, step),
            overdue=overdue,
            checkout_request_id=prompt.checkout_request_id,
            step=number,
        )

    async def _pay(self, prompt: Prompt, number: int) -> None:
        moment = eat.now()
        await self._book.write(
            "payment",
            ordinal=next(self._ordinals),
            checkout_request_id=prompt.checkout_request_id,
            receipt=self._book.new_receipt(moment),
            amount=prompt.amount,
            phone=prompt.phone,
            account_reference=prompt.account_reference,
            paid_at=moment.isoformat(),
            step=number,
        )

    def _callback(self, prompt: Prompt, step: Step) -> bytes:
        if step.code != results.SUCCESS:
            return shapes.stk_failure(prompt, step.code)
        return shapes.stk_success(prompt, self._book.payments[prompt.checkout_request_id], astray=step.astray)
