"""
What the person behind a phone does, by the last four digits of its number. Everyone else simply pays.

A script is data, and its name is written with the prompt: a restarted sandbox goes on where it was killed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from entrypoints.sandbox.daraja import refusals, results
from entrypoints.sandbox.daraja.refusals import FirewallPage, Refusal


class Act(Enum):
    """What can happen in the life of a prompt."""

    PAY = auto()
    """M-Pesa moves the money."""
    END = auto()
    """The prompt has a result, which a query tells from now on."""
    TELL = auto()
    """A callback is posted."""


class Reply(Enum):
    """How the POST that started it is answered, once the prompt is out."""

    ACCEPTED = auto()
    INTERNAL_ERROR = auto()
    NEVER = auto()
    AFTER_THE_CALLBACK = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One act, so many times the customer's usual pause after the prompt."""

    act: Act
    after: float = 1
    code: str = results.SUCCESS
    #: Shillings that a callback claims beside the truth.
    astray: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """All that will happen after one prompt, in order."""

    steps: tuple[Step, ...]
    reply: Reply = Reply.ACCEPTED
    #: While nothing has ended, a query says 4999 with HTTP 200 instead of an error.
    says_4999: bool = False
    #: The steps wait for the end of the prompt's life, not for a customer.
    at_end_of_life: bool = False

    @property
    def pays(self) -> bool:
        """Whether money moves, sooner or later."""
        return any(step.act is Act.PAY for step in self.steps)


def _pays(*, after: float = 1, astray: int = 0) -> tuple[Step, ...]:
    return (
        Step(act=Act.PAY, after=after),
        Step(act=Act.END, after=after),
        Step(act=Act.TELL, after=after, astray=astray),
    )


def _fails(code: str) -> tuple[Step, ...]:
    return Step(act=Act.END, code=code), Step(act=Act.TELL, code=code)


PAYS: Final = "pays"
UNANSWERED: Final = "unanswered"
TOO_SOON: Final = "0017"
NOT_PERMITTED: Final = "not permitted"

#: By the last four digits; the names that are no digits are given by circumstance.
SCRIPTS: Final[Mapping[str, Script]] = {
    PAYS: Script(steps=_pays()),
    UNANSWERED: Script(steps=_fails(results.UNREACHABLE), at_end_of_life=True),
    NOT_PERMITTED: Script(steps=_fails(results.NOT_PERMITTED)),
    "0001": Script(steps=_fails(results.INSUFFICIENT_BALANCE)),
    TOO_SOON: Script(steps=_fails(results.SAME_AMOUNT_TOO_SOON)),
    "0026": Script(steps=_fails("26")),
    "0404": Script(steps=_pays()[:2]),
    "0408": Script(steps=_pays(), reply=Reply.NEVER),
    "0500": Script(steps=_pays(), reply=Reply.INTERNAL_ERROR),
    "0996": Script(steps=_fails(results.UNREACHABLE) + _pays(after=3)),
    "0997": Script(steps=_pays(astray=1)),
    "0998": Script(steps=_pays(after=0), reply=Reply.AFTER_THE_CALLBACK),
    "0999": Script(steps=(*_pays(), Step(act=Act.TELL), Step(act=Act.TELL, after=4))),
    "1001": Script(steps=_fails("1001")),
    "1019": Script(steps=_fails(results.EXPIRED), at_end_of_life=True),
    "1025": Script(steps=_fails("1025")),
    "1032": Script(steps=_fails(results.CANCELLED)),
    "1037": Script(steps=_fails(results.UNREACHABLE)),
    "2001": Script(steps=_fails(results.INVALID_INITIATOR)),
    "4999": Script(steps=_pays(after=4), says_4999=True),
    "9999": Script(steps=_fails("9999")),
}

#: Numbers that no prompt reaches: the gateway answers this, and nothing happens.
UNREACHED: Final[Mapping[str, Refusal | FirewallPage]] = {
    "0002": refusals.SYSTEM_BUSY,
    "0003": refusals.SPIKE_ARREST,
    "0200": refusals.ERROR_UNDER_200,
    "0503": FirewallPage(),
}


def script_of(phone: str) -> str:
    """The name of the script that the owner of this phone follows."""
    digits = phone[-4:]
    return digits if digits in SCRIPTS else PAYS
