"""RateHawk's webhooks: genuine ones are taken up, nothing else is, and nothing else is raised."""

import datetime as dt
import json
import random
import time
from typing import Any

import pytest

from sandbox.ratehawk.webhooks import webhook
from suppliers.ratehawk.webhooks import verify

SECRET = "api-key-token"
ORDER = "0b370500-5321-4046-92c5-5982f1a64fc6-2-1"
TOKEN = "d3395025-1ee7-49a2-bd86-e4bd6b9908b2"


def genuine(**change: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "partner_order_id": ORDER,
        "status": "completed",
        "secret": SECRET,
        "token": TOKEN,
        "timestamp": int(time.time()),
        **change,
    }
    return webhook(**told)


def body(**change: Any) -> bytes:
    return json.dumps(genuine(**change)).encode()


def test_a_genuine_one() -> None:
    at = int(time.time()) - 10
    event = verify(body(timestamp=at), {}, secrets=[SECRET])
    assert event.type == "booking.completed"
    assert (event.reference, event.supplier_id) == (ORDER, ORDER)
    assert event.at == dt.datetime.fromtimestamp(at, dt.UTC)
    assert verify(body(timestamp=at + 5), {}, secrets=[SECRET]).id == event.id, "a redelivery"
    others = [{"token": "t2"}, {"status": "failed"}, {"partner_order_id": "another"}]
    ids = {verify(body(**other), {}, secrets=[SECRET]).id for other in others}
    assert len(ids | {event.id}) == 4
    assert verify(body(status="failed"), {}, secrets=[SECRET]).type == "booking.failed"
    assert verify(body(status="amended"), {}, secrets=[SECRET]).reference == ORDER, "a new word"


@pytest.mark.parametrize(
    ("identity", "reference"),
    [
        (f"{ORDER}-r2", ORDER),
        (f"{ORDER}-r10", ORDER),
        (f"{ORDER}-r1", f"{ORDER}-r1"),
        (f"{ORDER}-r11", f"{ORDER}-r11"),
        (f"{ORDER}-r2x", f"{ORDER}-r2x"),
    ],
)
def test_the_reference_is_without_the_attempt(identity: str, reference: str) -> None:
    event = verify(body(partner_order_id=identity), {}, secrets=[SECRET])
    assert (event.reference, event.supplier_id) == (reference, identity)


def test_a_secret_can_be_replaced() -> None:
    assert verify(body(), {}, secrets=["new", SECRET]).reference == ORDER
    for secrets in (["new"], [], [""], [SECRET.upper()]):
        with pytest.raises(ValueError, match="signature"):
            verify(body(), {}, secrets=secrets)


@pytest.mark.parametrize(("age", "taken"), [(-299, True), (299, True), (302, False), (-302, False)])
def test_age_counts_both_ways(age: int, taken: bool) -> None:
    sent = body(timestamp=int(time.time()) - age)
    if taken:
        assert verify(sent, {}, secrets=[SECRET]).reference == ORDER
        return
    with pytest.raises(ValueError, match="timestamp"):
        verify(sent, {}, secrets=[SECRET])


def test_a_digit_moved_from_the_token_to_the_time_is_too_old_or_too_new() -> None:
    # Both are signed one after the other without a mark between them.
    now = int(time.time())
    longer, shorter = genuine(token="7abc", timestamp=now), genuine(token="abc", timestamp=now)
    longer["signature"] |= {"timestamp": int(f"{now}7"), "token": "abc"}
    shorter["signature"] |= {"timestamp": now // 10, "token": f"{now % 10}abc"}
    for moved in (longer, shorter):
        with pytest.raises(ValueError, match="timestamp"):
            verify(json.dumps(moved).encode(), {}, secrets=[SECRET])


def test_other_data_under_a_genuine_signature_is_another_event_and_only_a_hint() -> None:
    """The signature does not cover the data: whoever acts on an event has to look."""
    forged = genuine()
    forged["data"] = {"partner_order_id": "somebody-elses", "status": "failed"}
    event = verify(json.dumps(forged).encode(), {}, secrets=[SECRET])
    assert event.id != verify(body(), {}, secrets=[SECRET]).id


def test_mutated_ones_are_not_taken() -> None:
    """200 with one byte of the signature, its time or its token changed; and 200 broken ones."""
    dice = random.Random(5)
    refused = 0
    for _ in range(200):
        told = genuine()
        field = dice.choice(["signature", "timestamp", "token"])
        text = str(told["signature"][field])
        place = dice.randrange(len(text))
        alphabet = "0123456789" if field == "timestamp" else "0123456789abcdef"
        new = text[:place] + dice.choice([c for c in alphabet if c != text[place]])
        new += text[place + 1 :]
        told["signature"][field] = int(new) if field == "timestamp" else new
        with pytest.raises(ValueError, match=r"signature|timestamp|webhook"):
            verify(json.dumps(told).encode(), {}, secrets=[SECRET])
        refused += 1
    assert refused == 200
    sent = body()
    until_data_ends = sent.index(b'"signature"')
    for _ in range(200):
        place = dice.randrange(until_data_ends, len(sent))
        broken = sent[:place] + bytes([dice.randrange(128, 256)]) + sent[place + 1 :]
        with pytest.raises(ValueError, match=r"signature|timestamp|webhook"):
            verify(broken, {}, secrets=[SECRET])


def _changed(path: str, value: Any) -> bytes:
    told = genuine()
    part, _, name = path.partition(".")
    if not name:
        told[part] = value
    elif value is KeyError:
        del told[part][name]
    else:
        told[part][name] = value
    return json.dumps(told).encode()


NONSENSE: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b"1",
    b'"x"',
    b"{}",
    b"{",
    b"\xff\xfe",
    b'{"data": "\\ud800"}',
    b"[" * 100_000,
    b'{"a":' * 5_000,
    b" " * 70_000,
    b"NaN",
    _changed("data", None),
    _changed("signature", "x"),
    _changed("data.status", ""),
    _changed("data.status", KeyError),
    _changed("data.partner_order_id", ""),
    _changed("data.partner_order_id", 7),
    _changed("data.partner_order_id", "a b"),
    _changed("data.partner_order_id", "a\n"),
    _changed("data.partner_order_id", "é"),
    _changed("data.partner_order_id", "x" * 300),
    _changed("data.partner_order_id", KeyError),
    _changed("signature.signature", KeyError),
    _changed("signature.signature", None),
    _changed("signature.signature", "é" * 64),
    _changed("signature.signature", genuine()["signature"]["signature"].upper()),
    _changed("signature.signature", genuine()["signature"]["signature"] + "\n"),
    _changed("signature.timestamp", str(int(time.time()))),
    _changed("signature.timestamp", time.time()),
    _changed("signature.timestamp", True),
    _changed("signature.timestamp", None),
    _changed("signature.timestamp", 10**400),
    _changed("signature.timestamp", -1),
    _changed("signature.token", KeyError),
    _changed("signature.token", ""),
    _changed("signature.token", ["x"]),
    _changed("signature.token", "x" * 1000),
]


@pytest.mark.parametrize(
    # By number: the time is in some of them, and every process has its own.
    "sent",
    NONSENSE,
    ids=range(len(NONSENSE)),
)
def test_what_is_no_webhook_is_a_plain_value_error(sent: bytes) -> None:
    with pytest.raises(ValueError, match=r"body|signature|timestamp") as caught:
        verify(sent, {}, secrets=[SECRET])
    assert type(caught.value) is ValueError
    assert SECRET not in str(caught.value)
