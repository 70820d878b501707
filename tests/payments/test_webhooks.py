"""Nobody but Stripe, and nothing but now, gets a webhook through (reliability.md S9)."""

import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from starlette.datastructures import Headers

from models.core.errors import InvalidRequest
from payments.core.protocol import PaymentEvent
from payments.core.webhooks import secrets_in, verify
from payments.stripe.adapter import StripeGateway

EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.succeeded",
    "created": 1_760_000_000,
    "livemode": False,
    "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
}
BODY = json.dumps(EVENT).encode()
SECRETS = ["whsec_a", "whsec_b"]


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


def headers(signature: str) -> dict[str, str]:
    return {"Stripe-Signature": signature}


def refusal(body: bytes, signature: str) -> str | None:
    with pytest.raises(InvalidRequest) as refused:
        verify(body, headers(signature), SECRETS)
    return refused.value.code


@pytest.mark.parametrize("secret", ["whsec_a", "whsec_b"])
@pytest.mark.parametrize("age", [0, 290, -290])
def test_either_secret_opens_while_they_are_rotated(
    gateway: StripeGateway, secret: str, age: float
) -> None:
    event = gateway.verify_webhook(BODY, headers(signed(secret=secret, age=age)))
    assert isinstance(event, PaymentEvent)
    assert (event.gateway, event.id, event.type) == ("stripe", "evt_1", "payment_intent.succeeded")
    assert event.created_at.timestamp() == 1_760_000_000


@pytest.mark.parametrize(
    "made",
    [
        lambda signature: {"stripe-signature": signature},
        lambda signature: {"STRIPE-SIGNATURE": signature, "Host": "x"},
        lambda signature: Headers({"stripe-signature": signature}),
        lambda signature: Headers(raw=[(b"Stripe-Signature", signature.encode())]),
    ],
)
def test_the_header_is_found_in_any_case(made: Callable[[str], Any]) -> None:
    assert verify(BODY, made(signed()), SECRETS).id == "evt_1"


def test_one_good_signature_of_several_is_enough() -> None:
    stamp, mac = signed().split(",")
    several = f"{stamp},v1={'0' * 64},{mac},v0=old"
    assert verify(BODY, headers(several), SECRETS).id == "evt_1"


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
    "half a surrogate pair": (BODY, lambda: "t=1,v1=\ud800", "bad_signature"),
    "NUL": (BODY, lambda: "\x00", "bad_signature"),
    "body not UTF-8": (b"\xff\xfe", lambda: signed(b"\xff\xfe"), "bad_signature"),
    "just too old": (BODY, lambda: signed(age=301), "signature_expired"),
    "just too early": (BODY, lambda: signed(age=-305), "signature_expired"),
    "yesterday": (BODY, lambda: signed(age=86_400), "signature_expired"),
    "tomorrow": (BODY, lambda: signed(age=-86_400), "signature_expired"),
    "before time": (BODY, lambda: signed(time_text="-1"), "signature_expired"),
    "the end of time": (BODY, lambda: signed(time_text="9" * 400), "signature_expired"),
    "a time without end": (BODY, lambda: signed(time_text="9" * 5_000), "bad_signature"),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_stale_and_early_ones_are_refused(case: str) -> None:
    body, header, code = FORGED[case]
    assert refusal(body, header()) == code


def test_no_mutation_of_a_good_one_gets_through() -> None:
    """2,000 changes of a byte of the body or a character of the header, from a seed."""
    dice = random.Random(20_260)
    good = signed()
    for _ in range(2_000):
        body, signature = bytearray(BODY), [*good]
        if dice.random() < 0.5:
            place = dice.randrange(len(body))
            body[place] ^= dice.randrange(1, 256)
        else:
            place = dice.randrange(len(signature))
            others = [chr(n) for n in range(32, 256) if chr(n) != signature[place]]
            signature[place] = dice.choice(others)
        code = refusal(bytes(body), "".join(signature))
        assert code in {"bad_signature", "signature_expired"}
    assert verify(BODY, headers(good), SECRETS).id == "evt_1"


NOT_EVENTS = [
    b"",
    b"[]",
    b"null",
    b"7",
    b'"event"',
    b"{",
    b'{"object":"event"}',
    json.dumps(EVENT | {"object": "v2.core.event"}).encode(),
    json.dumps(EVENT | {"id": 5}).encode(),
    json.dumps(EVENT | {"id": "evt\0"}).encode(),
    json.dumps(EVENT | {"id": "evt_\ud800"}).encode(),
    json.dumps(EVENT | {"id": "e" * 256}).encode(),
    json.dumps(EVENT | {"type": ""}).encode(),
    json.dumps(EVENT | {"data": []}).encode(),
    json.dumps(EVENT | {"created": None}).encode(),
    json.dumps(EVENT | {"created": -1}).encode(),
    json.dumps(EVENT | {"created": 10**12}).encode(),
    json.dumps(EVENT | {"created": 1.5}).encode(),
    json.dumps(EVENT | {"livemode": float("nan")}).encode(),
    BODY.replace(b"false", b"1e400"),
    BODY.replace(b"false", b"9" * 5_000),
    BODY.decode().encode("utf-16"),
    BODY.decode().encode("utf-16-le"),
    b"[" * 100_000,
    b'{"a":' * 100_000,
]


@pytest.mark.parametrize("body", NOT_EVENTS)
def test_signed_bodies_that_are_no_events_are_refused(body: bytes) -> None:
    assert refusal(body, signed(body)) in {"not_an_event", "bad_signature"}


@pytest.mark.parametrize("setting", ["", " ", ",", " , "])
def test_without_a_secret_the_door_is_shut(setting: str) -> None:
    gateway = StripeGateway(
        key="sk_test_x", url="http://127.0.0.1:9", timeout=1, webhook_secrets=setting
    )
    assert secrets_in(setting) == []
    with pytest.raises(InvalidRequest) as refused:
        gateway.verify_webhook(BODY, headers(signed(secret="")))
    assert refused.value.code == "webhook_secret_missing"
