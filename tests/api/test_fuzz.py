"""Hundreds of odd bodies, and rubbish on the socket: nothing breaks."""

import asyncio
import json
import random
import uuid
from typing import Any

import httpx

from tests.api.conftest import body
from tests.api.server import Served

JSON = {"Content-Type": "application/json"}

_ODD: list[Any] = [
    None, True, 0, -1, 1.5, 2**62, "", " ", "x" * 300, "\u202e", "\U0001f600", "\x7f", [], {},
    [[]], [None], {"a": 1}, "NaN", "4242424242424242", "' OR 1=1 --", "../../x", "%00",
]  # fmt: skip


def _mutated(value: Any, chance: random.Random) -> Any:
    """Return ``value`` with one thing replaced, dropped or added, somewhere."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(list(value))
        kind = chance.random()
        if kind < 0.1:
            return {k: v for k, v in value.items() if k != name}
        if kind < 0.2:
            return {**value, chance.choice(["role", "", "x.y", "$ref"]): chance.choice(_ODD)}
        return {**value, name: _mutated(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        return [*value[:at], _mutated(value[at], chance), *value[at + 1 :]]
    return chance.choice(_ODD)


async def test_hundreds_of_odd_bodies_never_break_it(
    lonely: Served, alone: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    seed = 20310301
    chance = random.Random(seed)
    full = body(
        trip,
        travelers=[{"firstName": "Eva", "lastName": "M", "dateOfBirth": "1990-04-30"}],
    )
    payloads = [
        ("/booking/book", full),
        ("/booking/cancel", {"bookingId": str(uuid.uuid4()), "reason": "x", "components": ["a"]}),
    ]
    statuses: dict[int, int] = {}
    for _ in range(400):
        path, payload = chance.choice(payloads)
        for _ in range(chance.randint(1, 3)):
            payload = _mutated(payload, chance)
        raw = json.dumps(payload).encode()
        if chance.random() < 0.3:  # and broken bytes
            at = chance.randrange(len(raw) + 1)
            raw = raw[:at] + bytes(chance.randrange(256) for _ in range(2)) + raw[at + 1 :]
        answer = await alone.post(path, content=raw, headers=JSON)
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        # a body that was left valid gets as far as Temporal, which is away here
        known = 400 <= answer.status_code < 500 or (
            answer.status_code == 503 and answer.json()["code"] == "TEMPORAL_UNAVAILABLE"
        )
        assert known, (seed, raw, answer.text)
    assert statuses.get(422, 0) > 100
    assert statuses.get(400, 0) > 20


async def test_raw_rubbish_on_the_socket_harms_nobody(lonely: Served, key: str) -> None:
    host, port = lonely.url.removeprefix("http://").split(":")
    for rubbish in (b"\x00" * 100, b"GET / HTTP/9.9\r\n\r\n", b"POST /booking/book HTTP/1.1\r\n"):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(rubbish)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    async with httpx.AsyncClient(base_url=lonely.url) as http:
        assert (await http.get("/healthz")).status_code == 200
