"""A generator of webhooks that are forged, mutated, stale, monstrous; and some that are good.

What must be refused is judged here by its own reading of the rule (reliability.md S9), not by the
code under test: good is what carries a time of now and, over that time and this very body, the MAC
of one of the endpoint's secrets, and says an event.
"""

import base64
import gzip
import json
import random
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.webhooks.signing import NEW, OLD, encoded, event, mac

GATEWAYS = {
    "stripe": ("/webhooks/stripe", "Stripe-Signature"),
    "payment_service": ("/webhooks/payment-service", "Payment-Signature"),
}
TOLERANCE = 300
LONGEST_HEADER = 16_000
SLACK = 5
"""Seconds of doubt: the time it takes from here to there."""


@dataclass
class Forgery:
    """A request to a door for events."""

    kind: str
    gateway: str
    body: bytes
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    good: bool = False
    """Whether it must be taken."""

    @property
    def path(self) -> str:
        return GATEWAYS[self.gateway][0]

    def may_be_taken(self) -> bool:
        """Whether somebody who knows a secret says this very body now, and it names an event."""
        name = GATEWAYS[self.gateway][1].lower().encode()
        header = next((value for key, value in self.headers if key.lower() == name), b"")
        parts = [part.strip().partition(b"=") for part in header.split(b",")]
        stamps = [value for key, _, value in parts if key == b"t"]
        macs = {value.lower() for key, _, value in parts if key == b"v1"}
        # However a time is spelled (+7, 07), what is signed is the time.
        spelled = {str(_number(stamp)) for stamp in stamps} | {s.decode("latin-1") for s in stamps}
        signed = any(
            mac(self.body, stamp, secret).encode() in macs
            for stamp in spelled
            for secret in (OLD, NEW)
        )
        now = time.time()
        timely = any(abs(_number(stamp) - now) <= TOLERANCE + SLACK for stamp in stamps)
        return signed and timely and _identity(self.body) is not None

    @property
    def identity(self) -> str | None:
        return _identity(self.body)


def _number(stamp: bytes) -> int:
    try:
        return int(stamp.decode("latin-1"))
    except ValueError:
        return 0


def _identity(body: bytes) -> str | None:
    try:
        content = json.loads(body.decode())
        found = content["id"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    return found if isinstance(found, str) else None


class Forger:
    """Makes them from a seed, so that a run can be repeated (but for ids and times)."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def next(self) -> Forgery:
        """The next one: about a tenth are good."""
        chance = self._chance
        gateway = chance.choice(list(GATEWAYS))
        make = chance.choice(
            [
                self._good,
                self._other_body,
                self._other_body,
                self._other_header,
                self._other_header,
                self._other_header,
                self._other_secret,
                self._other_time,
                self._other_place,
                self._monster,
                self._monster,
            ]
        )
        return make(gateway)

    # -- the good ones --------------------------------------------------------------------

    def _event(self, gateway: str) -> dict[str, Any]:
        if gateway == "stripe":
            kind = self._chance.choice(["charge.refunded", "refund.failed", "customer.created"])
            return event(kind, booking=str(uuid.uuid4()))
        return {
            "id": f"evt_{uuid.uuid4().hex}",
            "type": "intent.captured",
            "livemode": False,
            "created_at": "2031-02-01T10:15:29Z",
            "intent_id": f"in_{uuid.uuid4().hex}",
            "reference": str(uuid.uuid4()),
        }

    def _signed(self, gateway: str, kind: str, body: bytes, *, good: bool = False) -> Forgery:
        stamp = str(int(time.time()))
        header = f"t={stamp},v1={mac(body, stamp, self._chance.choice([OLD, NEW]))}"
        return self._with_header(Forgery(kind, gateway, body, good=good), header.encode())

    def _with_header(self, forgery: Forgery, value: bytes) -> Forgery:
        name = GATEWAYS[forgery.gateway][1].encode()
        # HTTP knows no space around a value, and no server reads headers of any length.
        value = value[:LONGEST_HEADER].strip()
        forgery.headers = [(b"content-type", b"application/json"), (name, value)]
        return forgery

    def _good(self, gateway: str) -> Forgery:
        body = encoded(self._event(gateway))
        if self._chance.random() < 0.3:
            body = json.dumps(json.loads(body), ensure_ascii=False).encode()
        forgery = self._signed(gateway, "good", body, good=True)
        if self._chance.random() < 0.3:  # beside signatures of secrets long gone
            forgery.headers[1] = (
                forgery.headers[1][0],
                forgery.headers[1][1].replace(b",v1=", b",v1=%s,v1=" % (b"0" * 64)),
            )
        return forgery

    # -- what somebody without a secret can do ----------------------------------------------

    def _other_body(self, gateway: str) -> Forgery:
        forgery = self._signed(gateway, "another body", encoded(self._event(gateway)))
        for _ in range(self._chance.choice([1, 1, 1, 2, 5])):
            forgery.body = self._mutated(forgery.body)
        return forgery

    def _mutated(self, raw: bytes) -> bytes:
        chance = self._chance
        at = chance.randrange(len(raw) + 1)
        match chance.randrange(12):
            case 0:
                return raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
            case 1:
                return raw[:at] + bytes([chance.randrange(256)]) + raw[at:]
            case 2:
                return raw[:at] + raw[at + 1 :]
            case 3:
                return raw[:at]
            case 4:
                return raw + chance.choice([b" ", b"\n", b"\x00", b"{}", b"//"])
            case 5:
                return chance.choice([b" ", b"\xef\xbb\xbf", b"\n", b"\x00"]) + raw
            case 6:
                return json.dumps(json.loads(raw)).encode() if _identity(raw) else raw[::-1]
            case 7:
                return raw.replace(b"false", b"true", 1)
            case 8:
                return raw.decode("latin-1").encode(chance.choice(["utf-16", "utf-32", "utf-7"]))
            case 9:
                return raw.replace(b'"type"', b'"type": "refund.created", "type"', 1)
            case 10:
                return chance.choice([gzip.compress(raw), base64.b64encode(raw)])
            case _:
                return raw + raw

    def _other_header(self, gateway: str) -> Forgery:
        forgery = self._signed(gateway, "another header", encoded(self._event(gateway)))
        header = forgery.headers[1][1]
        for _ in range(self._chance.choice([1, 1, 2, 3])):
            header = self._mutated_header(header)
        return self._with_header(forgery, header)

    def _mutated_header(self, header: bytes) -> bytes:
        chance = self._chance
        parts = header.split(b",")
        at = chance.randrange(len(header) + 1)
        match chance.randrange(16):
            case 0:
                odd = chance.choice([i for i in range(32, 256) if i != 127])
                return header[:at] + bytes([odd]) + header[at + 1 :]
            case 1:
                return header[:at] + header[at + 1 :]
            case 2:
                return header[:at]
            case 3:
                return b",".join(part for part in parts if chance.random() < 0.5)
            case 4:
                chance.shuffle(parts)
                return b",".join(parts)
            case 5:
                return header.replace(b"v1=", chance.choice([b"v0=", b"v2=", b"V1=", b"=", b"v1"]))
            case 6:
                return header.replace(b"t=", chance.choice([b"T=", b"t =", b"t", b"t==", b"tt="]))
            case 7:
                return header.upper()
            case 8:
                return header + "é§\xa0".encode(chance.choice(["utf-8", "latin-1"]))
            case 9:
                other = str(int(time.time()) + chance.choice([-1, 1, -400, 400])).encode()
                again = b"t=" + other
                return chance.choice([again + b"," + header, header + b"," + again])
            case 10:
                return header + b",v1=" + bytes(chance.choices(b"0123456789abcdef", k=64))
            case 11:
                return header.replace(b",", chance.choice([b";", b" , ", b",,", b"&", b", "]))
            case 12:
                return header * chance.choice([2, 50])
            case 13:
                stamp = str(int(time.time())).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
                return b"t=" + stamp.encode() + b"," + parts[-1]
            case 14:
                times = [b"+%d", b" %d", b"%d.0", b"0%d", b"%d_0", b"-%d", b"0x%x", b"%de0"]
                return b"t=" + chance.choice(times) % int(time.time()) + b"," + parts[-1]
            case _:
                return b""

    def _other_secret(self, gateway: str) -> Forgery:
        secret = self._chance.choice(
            ["", " ", NEW[:-1], NEW + " ", NEW.upper(), f"{OLD}, {NEW}", f"{OLD},{NEW}", "whsec_"]
        )
        body, stamp = encoded(self._event(gateway)), str(int(time.time()))
        header = f"t={stamp},v1={mac(body, stamp, secret)}"
        return self._with_header(Forgery("another secret", gateway, body), header.encode())

    def _other_time(self, gateway: str) -> Forgery:
        chance = self._chance
        away = chance.choice([-1, 1]) * chance.choice([310, 600, 3_600, 86_400, 10**8])
        stamp = chance.choice([str(int(time.time()) + away), "0", "-1", "9" * 40, "9" * 4_000])
        body = encoded(self._event(gateway))
        header = f"t={stamp},v1={mac(body, stamp)}"
        return self._with_header(Forgery("another time", gateway, body), header.encode())

    def _other_place(self, gateway: str) -> Forgery:
        """A good signature that stands elsewhere, or belongs to the other gateway."""
        forgery = self._signed(gateway, "another place", encoded(self._event(gateway)))
        name, value = forgery.headers.pop()
        other = next(theirs for key, (_, theirs) in GATEWAYS.items() if key != gateway)
        forgery.headers.append(
            self._chance.choice(
                [
                    (other.encode(), value),
                    (b"authorization", value),
                    (name + b"-2", value),
                    (b"cookie", name + b"=" + value),
                ]
            )
        )
        return forgery

    # -- what a gateway that has lost its mind can do -----------------------------------------

    def _monster(self, gateway: str) -> Forgery:
        """Signed with the right secret: taken or refused, but never the end of us."""
        content = self._event(gateway)
        for _ in range(self._chance.choice([1, 1, 2])):
            content = self._replaced(content)
        body = json.dumps(content).encode()
        match self._chance.randrange(8):
            case 0:
                body = self._mutated(body)
            case 1:
                body = body.replace(b'"id"', b'"id": "evt_twice", "id"', 1)
            case 2:
                body = self._chance.choice(
                    [b"", b"[]", b"null", b"1e999", b'"\\ud800"', b"[" * 50_000, b"\x00", b"{}"]
                )
            case 3:
                body = body.replace(b"false", self._chance.choice([b"NaN", b"1e400", b"-0", b"2"]))
        return self._signed(gateway, "monster", body)

    def _replaced(self, value: Any, depth: int = 0) -> Any:
        chance = self._chance
        if isinstance(value, dict) and value and (depth == 0 or chance.random() < 0.7):
            name = chance.choice(list(value))
            if depth == 0 and "data" in value and chance.random() < 0.6:
                name = "data"
            if chance.random() < 0.1:
                return {key: inner for key, inner in value.items() if key != name}
            return {**value, name: self._replaced(value[name], depth + 1)}
        return chance.choice(
            [
                None, True, -1, 0, 1.5, 2**63, 10**300, "", " ", "\x00", "a\x00b", "\ud800",
                "\udfff", "é" * 300, "x" * 10_000, [], {}, [[]], {"id": "\x00"}, [None] * 500,
                "pi_\n", "' OR 1=1 --", "4242424242424242", {"\x00": 1}, {"\ud800": "\udc00"},
                json.loads("[" * 200 + "]" * 200), json.loads('{"a":' * 200 + "1" + "}" * 200),
            ]
        )  # fmt: skip
