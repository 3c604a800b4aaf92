"""Who may speak as Stripe: only who knows the secret, and only now."""

import json
from datetime import UTC, datetime, timedelta
from hmac import digest

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import WebhookSignature

from adapters.stripe.webhooks import StripeSignatures
from application.ports.webhooks import Forged, Unreadable
from tests.fakes import StandingClock

SECRET = "whsec_one"
CLOCK = StandingClock(datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
NOW = int(CLOCK.now().timestamp())
EVENT = json.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": NOW,
        "livemode": False,
        "data": {"object": {}},
    }
).encode()


def signed(body: bytes = EVENT, at: int = NOW, secret: str = SECRET) -> bytes:
    """As stripe-python signs in its own tests: an implementation that is not ours."""
    header: str = WebhookSignature.generate_signature_header(body.decode("latin-1"), secret, at)
    return header.encode()


def verify(body: bytes, signature: bytes, *secrets: str) -> str:
    return StripeSignatures(secrets=secrets or (SECRET,), clock=CLOCK).verify(body, signature)


def v1(header: bytes) -> bytes:
    return header.split(b",")[1]


def test_a_signed_event_is_known_by_its_id() -> None:
    """
    The exact bytes, the secret and the time agree.
    """
    assert verify(EVENT, signed()) == "evt_1"


def test_while_a_secret_is_rolled_both_are_good() -> None:
    """
    Whichever secret is listed first, and whichever of two signatures is ours.
    """
    assert verify(EVENT, signed(secret="whsec_two"), SECRET, "whsec_two") == "evt_1"
    assert verify(EVENT, signed(secret="whsec_two") + b"," + v1(signed())) == "evt_1"


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_either_way_are_now(seconds: int) -> None:
    """
    Clocks differ a little, and a message takes its time.
    """
    assert verify(EVENT, signed(at=NOW + seconds)) == "evt_1"


@pytest.mark.parametrize("days", [-3650, -1, 1, 3650])
def test_yesterday_and_tomorrow_are_forged(days: int) -> None:
    """
    Also a time in the future, which stripe-python accepts.
    """
    with pytest.raises(Forged):
        verify(EVENT, signed(at=NOW + days * 86_400))


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"t=,v1=",
        b"v1=" + v1(signed())[3:],
        signed().replace(b"t=", b"T="),
        signed() + b",t=%d" % NOW,
        signed().replace(b"t=", b"t=+"),
        signed().replace(b"t=", b"t= "),
        signed().replace(b",", b".9,", 1),
        signed().replace(b"v1=", b"v0="),
        signed()[:-1],
        signed() + b"\xff",
        signed().replace(b"1", "\u0661".encode()),
        b"t=%d," % NOW + b",".join([v1(signed())] * 11),
        signed(secret="whsec_other"),
        signed(body=EVENT + b" "),
        signed() + b"," + b"x" * 5000,
    ],
)
def test_a_header_of_another_form_is_forged(header: bytes) -> None:
    """
    One time of ten ASCII digits, at most ten signatures, nothing doubled.
    """
    with pytest.raises(Forged):
        verify(EVENT, header)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"\xff", b'{"id": "evt_1"}', EVENT.replace(b"evt_1", b"evt 1"), EVENT[:-1] + b',"id":1}'],
)
def test_what_is_signed_but_no_event_is_unreadable(body: bytes) -> None:
    """
    The sender is proven, and has sent us something else.
    """
    header = b"t=%d,v1=" % NOW + digest(SECRET.encode(), b"%d." % NOW + body, "sha256").hex().encode()

    with pytest.raises(Unreadable):
        verify(body, header)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_bytes_at_all_are_worse_than_forged(body: bytes, header: bytes) -> None:
    """
    Nothing else is ever raised, whatever comes.
    """
    with pytest.raises(Forged):
        verify(body, header)


@given(st.binary(max_size=60), st.lists(st.sampled_from([b"v1=", b"t=", b",", b"=", b"%d" % NOW]), max_size=8))
def test_no_header_like_bytes_are_worse_than_forged(noise: bytes, parts: list[bytes]) -> None:
    """
    Nor where they look almost right.
    """
    with pytest.raises(Forged):
        verify(EVENT, b"".join([*parts, noise]))


@pytest.mark.parametrize("secrets", [[], [""], [SECRET, ""]])
def test_without_a_secret_nobody_can_be_verified(secrets: list[str]) -> None:
    """
    An empty secret would let anybody in: such a configuration does not start.
    """
    with pytest.raises(ValueError, match="secret"):
        StripeSignatures(secrets=secrets, clock=CLOCK)


def test_the_tolerance_can_be_narrowed() -> None:
    """
    In both directions alike.
    """
    strict = StripeSignatures(secrets=[SECRET], clock=CLOCK, tolerance=timedelta(seconds=5))

    for seconds in (-10, 10):
        with pytest.raises(Forged):
            strict.verify(EVENT, signed(at=NOW + seconds))
