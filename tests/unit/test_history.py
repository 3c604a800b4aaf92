"""The story of a payment: append-only, numbered, chained."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest

from domain.evidence import Claim, Source
from domain.history import GENESIS, Entry, tell, verify
from domain.payment import Payment, ReferenceKind, Report
from tests.builders import THE_REQUEST, a_payment, an_mpesa_payment, evidence, now, paid


def a_story(payment: Payment | None = None) -> list[Entry]:
    payment = payment or a_payment()
    entries = [tell(None, payment, THE_REQUEST, GENESIS)]
    for claim in (Claim.LOST, Claim.REQUIRES_ACTION, Claim.SUCCEEDED):
        after = payment.learn(Report(evidence=(evidence(claim, Source.SIGNED),)), now())
        entries.append(tell(payment, after, THE_REQUEST, entries[-1].hash))
        payment = after
    return entries


def test_a_whole_story_verifies() -> None:
    """From nothing to the head that the payment keeps."""
    story = a_story()
    assert [entry.seq for entry in story] == [1, 2, 3, 4]
    assert verify(story, story[-1].hash) is None


def test_the_chain_is_sha256_of_the_hash_before_and_the_stored_bytes() -> None:
    """Anyone can check it with nothing of ours but the bytes."""
    story = a_story()
    last = bytes(32)
    for entry in story:
        last = sha256(last + entry.body).digest()
        assert last == entry.hash


@pytest.mark.parametrize("changed", [0, 1, 2, 3])
def test_an_altered_entry_is_found(changed: int) -> None:
    """One byte is enough."""
    story = a_story()
    story[changed] = replace(story[changed], body=story[changed].body.replace(b"2500", b"2501"))
    assert verify(story, story[-1].hash) == changed + 1


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_a_missing_entry_is_found(lost: int) -> None:
    """Also the last one: the head on the payment tells."""
    story = a_story()
    head = story[-1].hash
    del story[lost]
    assert verify(story, head) == lost + 1


def test_an_altered_entry_with_a_new_hash_is_found() -> None:
    """Who rewrites one entry must rewrite all after it, and the payment."""
    story = a_story()
    head = story[-1].hash
    forged = story[1].body.replace(b"UNKNOWN", b"FAILED")
    story[1] = replace(story[1], body=forged, hash=sha256(story[0].hash + forged).digest())
    assert verify(story, head) == 3


def test_an_entry_says_who_moved_it_and_why() -> None:
    """Cause, evidence with its rank, and where it came from."""
    told = json.loads(a_story()[-1].body)
    assert (told["was"], told["status"]) == ("REQUIRES_ACTION", "SUCCEEDED")
    assert told["cause"] == {"kind": "request", "id": "req-1"}
    (reason,) = told["evidence"]
    assert (reason["claim"], reason["source"], reason["rank"]) == ("succeeded", "signed", 3)


def test_it_holds_nothing_personal() -> None:
    """No phone (nor a name that ends in one), no metadata, no description, no secret."""
    payment = an_mpesa_payment(metadata={"email": "user@example.com"}, description="for somebody")
    prompt = {ReferenceKind.CHECKOUT_REQUEST: "ws_CO_23112026011004490712345678"}
    told = Report(next_action={"client_secret": "canary"}, references=prompt, evidence=(paid(),))
    story = a_story(payment.learn(told, now()))
    everything = b"".join(entry.body for entry in story)
    for canary in (b"712345678", b"user@example.com", b"for somebody", b"canary"):
        assert canary not in everything


def test_a_step_is_published_under_its_name() -> None:
    """payment.created, then the status it reached."""
    assert [entry.event for entry in a_story()] == [
        "payment.created",
        "payment.unknown",
        "payment.requires_action",
        "payment.succeeded",
    ]
