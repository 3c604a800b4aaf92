"""The walk's own hands: it sends, looks, waits, and writes down a row for each."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from typing import Final

import httpx

from entrypoints.walk.expectations import Expected, in_form
from entrypoints.walk.rows import Outcome, Row
from entrypoints.walk.wire import ABSENT, Answer, Sent

#: How long the end of something is waited for, in seconds; and how often it is looked for.
PATIENCE_S: Final = 45.0
_LOOK_AGAIN_S: Final = 0.25
#: How long something that has ended may still be added to: a gateway's own word comes after its answer.
_CHANGES_WITHIN_S: Final = 10.0
_READ_AFTER: Final = "x-read-after"

Wanted = Expected | list[Expected]


class Tour:
    """
    One walk through a server, in the name of one caller.

    What was written is read back: the last X-Read-After is sent with every GET. `tell` hears of every row.
    """

    def __init__(self, http: httpx.AsyncClient, token: str, tell: Callable[[Row], None]) -> None:
        self.rows: list[Row] = []
        self.topic = ""
        #: Method and path of every request that was answered.
        self.walked: set[tuple[str, str]] = set()
        self._http = http
        self._token = token
        self._tell = tell
        self._read_after: str | None = None

    async def check(self, rule: str, sent: Sent, *wanted: Wanted) -> Answer:
        """Send it, and write down whether the answer is as wanted."""
        answer = await self.send(sent)
        self._judge(rule, str(sent), answer, [*_flat(wanted), in_form(sent)])
        return answer

    async def until(self, rule: str, sent: Sent, *wanted: Wanted, within: float = PATIENCE_S) -> Answer:
        """Send it again and again until the answer is as wanted, and write down whether that came in time."""
        expected = [*_flat(wanted), in_form(sent)]
        began = time.monotonic()
        answer, tries = await self.send(sent), 1
        while not _holds(expected, answer) and time.monotonic() - began < within:
            await asyncio.sleep(_LOOK_AGAIN_S)
            answer, tries = await self.send(sent), tries + 1
        took = round((time.monotonic() - began) * 1000)
        self._judge(rule, f"{sent} ({tries} times)" if tries > 1 else str(sent), answer, expected, took=took)
        return answer

    async def after(self, rule: str, first: Sent, ask: Callable[[Answer], tuple[Sent, list[Expected]]]) -> Answer:
        """
        Send `first`, then what `ask` makes of the answer, and write down whether the answer to that is as wanted. Both
        again where it is not: what they are about may have changed in between.
        """
        began = time.monotonic()
        while True:
            sent, wanted = ask(await self.send(first))
            expected = [*wanted, in_form(sent)]
            answer = await self.send(sent)
            if _holds(expected, answer) or time.monotonic() - began > _CHANGES_WITHIN_S:
                break
            await asyncio.sleep(_LOOK_AGAIN_S)
        self._judge(rule, str(sent), answer, expected)
        return answer

    def note(self, rule: str, *, expected: str, seen: str, ok: bool) -> None:
        """Write down what follows from several answers."""
        self._add(rule, Outcome.OK if ok else Outcome.FAILED, expected=expected, seen=seen)

    def skip(self, rule: str, why: str) -> None:
        self._add(rule, Outcome.SKIPPED, seen=why)

    async def send(self, sent: Sent) -> Answer:
        """The answer, and nothing is written down."""
        headers = dict(sent.headers)
        if sent.token:
            headers.setdefault("Authorization", f"Bearer {self._token}")
        if self._read_after is not None and sent.token and sent.method == "GET":
            headers[_READ_AFTER] = self._read_after
        content = sent.content
        if sent.body is not None:
            content = json.dumps(sent.body).encode()
            headers.setdefault("Content-Type", "application/json")
        request = self._http.build_request(
            sent.method, sent.path, params=sent.query or None, content=content, headers=headers
        )
        began = time.monotonic()
        try:
            response = await self._http.send(request)
        except httpx.HTTPError as error:
            why = f"{type(error).__name__} {error}".strip()
            return Answer(status=0, headers={}, content=why.encode(), duration_ms=_since(began))
        self.walked.add((sent.method, sent.path))
        self._read_after = response.headers.get(_READ_AFTER, self._read_after)
        return Answer.of(response, _since(began))

    def _judge(
        self, rule: str, sent: str, answer: Answer, expected: list[Expected], *, took: int | None = None
    ) -> None:
        *wanted, form = expected
        ok = _holds(expected, answer)
        seen = [one.seen(answer) for one in wanted]
        if not form.holds(answer):
            seen.append(f"not in the contract's form: {form.seen(answer)}")
        self._add(
            rule,
            Outcome.OK if ok else Outcome.FAILED,
            sent=sent,
            expected=", ".join(one.words for one in wanted),
            seen=", ".join(seen),
            duration_ms=answer.duration_ms if took is None else took,
            request_id=answer.headers.get("x-request-id"),
            trouble=None if ok else _trouble(answer),
        )

    def _add(
        self,
        rule: str,
        outcome: Outcome,
        *,
        sent: str = "",
        expected: str = "",
        seen: str = "",
        duration_ms: int = 0,
        request_id: str | None = None,
        trouble: str | None = None,
    ) -> None:
        row = Row(
            topic=self.topic,
            rule=rule,
            outcome=outcome,
            sent=sent,
            expected=expected,
            seen=seen,
            duration_ms=duration_ms,
            request_id=request_id,
            trouble=trouble,
        )
        self.rows.append(row)
        self._tell(row)


def _flat(wanted: Iterable[Wanted]) -> list[Expected]:
    return [one for part in wanted for one in (part if isinstance(part, list) else [part])]


def _holds(expected: Iterable[Expected], answer: Answer) -> bool:
    return all(one.holds(answer) for one in expected)


def _trouble(answer: Answer) -> str | None:
    told = [str(answer.at(name)) for name in ("code", "detail", "errors") if answer.at(name) is not ABSENT]
    return ": ".join(told) or None


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
