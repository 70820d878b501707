"""Nobody but Stripe, and nothing but now, gets a webhook through (reliability.md S9)."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from models.errors import InvalidRequest
from payments.stripe import StripeGateway

EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.succeeded",
    "livemode": False,
    "data": {"object": {"id": "pi_1"}},
}
BODY = json.dumps(EVENT).encode()


@pytest.fixture
def gateway() -> StripeGateway:
    return StripeGateway(
        key="sk_test_x", url="http://127.0.0.1:9", timeout=1, webhook_secrets=" whsec_a,whsec_b,"
    )


def signed(
    body: bytes = BODY, *, secret: str = "whsec_a", age: float = 0, time_text: str | None = None
) -> str:
    stamp = time_text or str(int(time.time() - age))
    mac = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={mac}"


@pytest.mark.parametrize("secret", ["whsec_a", "whsec_b"])
@pytest.mark.parametrize("age", [0, 290, -290])
def test_either_secret_opens_while_they_are_rotated(
    gateway: StripeGateway, secret: str, age: float
) -> None:
    assert gateway.verify_webhook(BODY, signed(secret=secret, age=age)) == EVENT


def test_one_good_signature_of_several_is_enough(gateway: StripeGateway) -> None:
    good = signed()
    stamp, mac = good.split(",")
    assert gateway.verify_webhook(BODY, f"{stamp},v1={'0' * 64},{mac},v0=old") == EVENT


FORGED: dict[str, tuple[bytes, Callable[[], str], str]] = {
    "another secret": (BODY, lambda: signed(secret="whsec_forged"), "bad_signature"),
    "another body": (BODY + b" ", signed, "bad_signature"),
    "no header": (BODY, lambda: "", "bad_signature"),
    "no signature": (BODY, lambda: "t=1", "bad_signature"),
    "no time": (BODY, lambda: "v1=00", "bad_signature"),
    "nothing in it": (BODY, lambda: "t=,v1=", "bad_signature"),
    "time in words": (BODY, lambda: "t=soon,v1=00", "bad_signature"),
    "garbage": (BODY, lambda: "garbage", "bad_signature"),
    "not ASCII at the end": (BODY, lambda: signed() + "é", "bad_signature"),
    "not ASCII at all": (BODY, lambda: "t=1,v1=é", "bad_signature"),
    "NUL": (BODY, lambda: "\x00", "bad_signature"),
    "body not UTF-8": (b"\xff\xfe", lambda: signed(b"\xff\xfe"), "bad_signature"),
    "just too old": (BODY, lambda: signed(age=301), "signature_expired"),
    "just too early": (BODY, lambda: signed(age=-305), "signature_expired"),
    "yesterday": (BODY, lambda: signed(age=86_400), "signature_expired"),
    "tomorrow": (BODY, lambda: signed(age=-86_400), "signature_expired"),
    "the end of time": (BODY, lambda: signed(time_text="9" * 400), "signature_expired"),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_stale_and_early_ones_are_refused(gateway: StripeGateway, case: str) -> None:
    body, header, code = FORGED[case]
    with pytest.raises(InvalidRequest) as refused:
        gateway.verify_webhook(body, header())
    assert refused.value.code == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"7",
        b'"event"',
        b"{",
        b'{"object":"event"}',
        json.dumps(EVENT | {"object": "v2.core.event"}).encode(),
        json.dumps(EVENT | {"id": 5}).encode(),
        json.dumps(EVENT | {"data": []}).encode(),
        json.dumps(EVENT | {"livemode": float("nan")}).encode(),
        b"[" * 100_000,
    ],
)
def test_signed_bodies_that_are_no_events_are_refused(gateway: StripeGateway, body: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        gateway.verify_webhook(body, signed(body))
    assert refused.value.code == "not_an_event"


@pytest.mark.parametrize("secrets", ["", " ", ",", " , "])
def test_without_a_secret_the_door_is_shut(secrets: str) -> None:
    gateway = StripeGateway(
        key="sk_test_x", url="http://127.0.0.1:9", timeout=1, webhook_secrets=secrets
    )
    with pytest.raises(InvalidRequest) as refused:
        gateway.verify_webhook(BODY, signed(secret=""))
    assert refused.value.code == "webhook_secret_missing"
