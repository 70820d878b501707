"""Nobody but the payment service, and nothing but now, gets a webhook in (reliability.md S9)."""

import datetime as dt
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from models.core.errors import InvalidRequest
from payments.core.protocol import PaymentEvent
from payments.registry import webhook_verifier
from settings import Settings

EVENT: dict[str, Any] = {
    "id": "evt_1",
    "type": "intent.authorised",
    "livemode": False,
    "created_at": "2026-11-20T10:00:00Z",
    "intent_id": "pay_1",
    "reference": "0e2c5a1e-0000-4000-8000-000000000001",
}
BODY = json.dumps(EVENT).encode()
SETTINGS = Settings(
    payment_service={"url": "http://127.0.0.1:9", "webhook_secret": " old_secret,new_secret,"},
)
VERIFY = webhook_verifier(SETTINGS, "payment_service")


def signed(
    body: bytes = BODY, *, secret: str = "old_secret", age: float = 0, stamp: str | None = None
) -> str:
    stamp = stamp or str(int(time.time() - age))
    mac = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={mac}"


def verified(body: bytes, header: str, name: str = "Payment-Signature") -> PaymentEvent:
    return VERIFY(body, {"content-type": "application/json", name: header})


def refused(body: bytes, header: str) -> str | None:
    with pytest.raises(InvalidRequest) as refusal:
        verified(body, header)
    return refusal.value.code


def test_what_an_event_tells() -> None:
    event = verified(BODY, signed())
    assert event == PaymentEvent(
        gateway="payment_service",
        id="evt_1",
        type="intent.authorised",
        livemode=False,
        created_at=dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC),
        payment_id="pay_1",
        booking_id="0e2c5a1e-0000-4000-8000-000000000001",
        known=True,
        payload=EVENT,
    )


def test_only_what_is_published_is_kept() -> None:
    body = json.dumps(EVENT | {"card": "4242", "client_secret": "x", "data": {"a": 1}}).encode()
    assert verified(body, signed(body)).payload == EVENT


def test_other_types_are_told_to_be_unknown() -> None:
    body = json.dumps(EVENT | {"type": "payout.paid", "intent_id": None, "reference": None})
    event = verified(body.encode(), signed(body.encode()))
    assert (event.known, event.payment_id, event.booking_id) == (False, None, None)


@pytest.mark.parametrize("secret", ["old_secret", "new_secret"])
@pytest.mark.parametrize("age", [0, 290, -290])
def test_either_secret_opens_while_they_are_rotated(secret: str, age: float) -> None:
    assert verified(BODY, signed(secret=secret, age=age)).id == "evt_1"


@pytest.mark.parametrize("name", ["payment-signature", "PAYMENT-SIGNATURE", "Payment-Signature"])
def test_the_headers_name_may_be_in_any_case(name: str) -> None:
    assert verified(BODY, signed(), name).id == "evt_1"


def test_one_good_signature_of_several_is_enough() -> None:
    stamp, mac = signed().split(",")
    assert verified(BODY, f"{stamp}, v1={'0' * 64}, {mac},v0=old").id == "evt_1"
    assert verified(BODY, f"{stamp},{mac.upper().replace('V1', 'v1')}").id == "evt_1"


FORGED: dict[str, tuple[bytes, Callable[[], str], str]] = {
    "another secret": (BODY, lambda: signed(secret="forged"), "bad_signature"),
    "both secrets at once": (BODY, lambda: signed(secret="old_secret,new_secret"), "bad_signature"),
    "the empty secret": (BODY, lambda: signed(secret=""), "bad_signature"),
    "another body": (BODY + b" ", signed, "bad_signature"),
    "another time": (BODY, lambda: signed().replace("t=", "t=0"), "bad_signature"),
    "two times": (BODY, lambda: f"t=1,{signed()}", "bad_signature"),
    "one time more": (BODY, lambda: f"{signed()},t=1", "bad_signature"),
    "no header": (BODY, lambda: "", "bad_signature"),
    "no signature": (BODY, lambda: f"t={int(time.time())}", "bad_signature"),
    "an empty signature": (BODY, lambda: f"t={int(time.time())},v1=", "bad_signature"),
    "another version": (BODY, lambda: signed().replace("v1", "v2"), "bad_signature"),
    "no time": (BODY, lambda: "v1=00", "bad_signature"),
    "time in words": (BODY, lambda: signed(stamp="soon"), "bad_signature"),
    "a negative time": (BODY, lambda: signed(stamp="-5"), "bad_signature"),
    "time in other digits": (BODY, lambda: signed(stamp="١٢٣"), "bad_signature"),
    "the end of time": (BODY, lambda: signed(stamp="9" * 400), "bad_signature"),
    "not ASCII": (BODY, lambda: f"t={int(time.time())},v1=é", "bad_signature"),
    "NUL": (BODY, lambda: "\x00", "bad_signature"),
    "just too old": (BODY, lambda: signed(age=301), "signature_expired"),
    "just too early": (BODY, lambda: signed(age=-305), "signature_expired"),
    "yesterday": (BODY, lambda: signed(age=86_400), "signature_expired"),
    "tomorrow": (BODY, lambda: signed(age=-86_400), "signature_expired"),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_stale_and_early_ones_are_refused(case: str) -> None:
    body, header, code = FORGED[case]
    assert refused(body, header()) == code


def test_mutated_ones_are_refused() -> None:
    """One bit of the body or one character of the signature, 1,000 times, seeded."""
    dice = random.Random(4)
    header = signed()
    for _ in range(500):
        body = bytearray(BODY)
        body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
        assert refused(bytes(body), header) == "bad_signature"
        place = dice.randrange(header.index("v1=") + 3, len(header))
        other = dice.choice("ghijkxyz")
        assert refused(BODY, header[:place] + other + header[place + 1 :]) == "bad_signature"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"7",
        b'"event"',
        b"{",
        b"{}",
        b"\xff\xfe",
        BODY.decode().encode("utf-16"),
        json.dumps(EVENT | {"id": 5}).encode(),
        json.dumps(EVENT | {"id": ""}).encode(),
        json.dumps(EVENT | {"id": "a\x00b"}).encode(),
        json.dumps(EVENT | {"id": "e" * 256}).encode(),
        json.dumps(EVENT | {"type": "intent authorised"}).encode(),
        json.dumps(EVENT | {"type": None}).encode(),
        json.dumps(EVENT | {"livemode": "no"}).encode(),
        json.dumps(EVENT | {"livemode": 0}).encode(),
        json.dumps(EVENT | {"created_at": "today"}).encode(),
        json.dumps(EVENT | {"created_at": "2026-01-01T00:00:00"}).encode(),
        json.dumps(EVENT | {"created_at": 1}).encode(),
        json.dumps(EVENT | {"created_at": "0001-01-01T00:00:00+23:59"}).encode(),
        json.dumps(EVENT | {"created_at": "9999-12-31T23:59:59-23:59"}).encode(),
        json.dumps(EVENT | {"reference": "\ud800"}).encode(),
        json.dumps(EVENT | {"intent_id": {"id": "pay_1"}}).encode(),
        b"[" * 100_000,
    ],
)
def test_signed_bodies_that_are_no_events_are_refused(body: bytes) -> None:
    assert refused(body, signed(body)) == "not_an_event"


@pytest.mark.parametrize("setting", ["", " ", ",", " , "])
@pytest.mark.parametrize("name", ["payment_service", "stripe"])
def test_without_a_secret_the_door_is_shut(name: str, setting: str) -> None:
    secret = {"webhook_secret": setting}
    verify = webhook_verifier(Settings(payment_service=secret, stripe=secret), name)
    header = signed(secret="")
    with pytest.raises(InvalidRequest) as shut:
        verify(BODY, {"Payment-Signature": header, "Stripe-Signature": header})
    assert shut.value.code == "webhook_secret_missing"
