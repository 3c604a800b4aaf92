"""
Whether Stripe wrote this: its signature scheme, checked by ourselves.

stripe-python's own check accepts any time in the future, any number of signatures, doubled times and digits of other
scripts, and fails with a TypeError on bytes that are not ASCII.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from hmac import compare_digest, digest
from typing import Final

from adapters.stripe import wire
from application.ports.platform import Clock
from application.ports.webhooks import Forged

_TIME: Final = re.compile(rb"[0-9]{10}")
#: Two are sent while a secret is being rolled; whoever sends many tries to make us work.
_MOST_SIGNATURES: Final = 10
_LONGEST_HEADER: Final = 4096


class StripeSignatures:
    """
    Proves who sent an event: `t=<Unix seconds>,v1=<hex HMAC-SHA256 of "t.body">[,v1=…]`.

    `secrets`: all that are valid now (`whsec_…`; several while rotating). `tolerance`: how far its time may be from
    ours, in both directions.
    """

    def __init__(self, *, secrets: Iterable[str], clock: Clock, tolerance: timedelta = timedelta(seconds=300)) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        self._clock = clock
        self._tolerance = tolerance.total_seconds()
        if not self._secrets or not all(self._secrets):
            raise ValueError("Stripe's webhooks need at least one secret, and none may be empty")

    def verify(self, body: bytes, signature: bytes) -> str:
        """
        The id of the event in `body`.

        Raises:
            Forged: no signature of ours, or too far from now.
            Unreadable: Stripe sent it, but it is no event.
        """
        time, signatures = _parts(signature)
        if abs(self._clock.now().timestamp() - int(time)) > self._tolerance:
            raise Forged
        signed = time + b"." + body
        expected = [digest(secret, signed, "sha256").hex().encode() for secret in self._secrets]
        if not any([compare_digest(ours, theirs) for ours in expected for theirs in signatures]):  # noqa: C419 - all of them, always
            raise Forged
        return wire.event(body).id


def _parts(header: bytes) -> tuple[bytes, list[bytes]]:
    """The one time and the signatures of the scheme `v1`; other schemes are none of ours."""
    if len(header) > _LONGEST_HEADER or not header.isascii():
        raise Forged
    items = [item.partition(b"=") for item in header.split(b",")]
    times = list(_of(b"t", items))
    signatures = list(_of(b"v1", items))
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not 1 <= len(signatures) <= _MOST_SIGNATURES:
        raise Forged
    return times[0], signatures


def _of(name: bytes, items: Iterable[tuple[bytes, bytes, bytes]]) -> Iterator[bytes]:
    return (value for key, equals, value in items if key == name and equals)
