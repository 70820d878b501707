"""One key, one body: one booking, however often it is sent (I14)."""

import asyncio
import json
import uuid
from collections import Counter
from typing import Any

import httpx
import psycopg

from tests.api.conftest import body, client
from tests.api.server import Served
from tests.support.sandbox_client import SandboxClient
from tests.support.stack import Stack


def _traveler(name: str) -> dict[str, Any]:
    return {"firstName": name, "lastName": "Moreno", "dateOfBirth": "1990-04-30"}


async def test_the_same_request_is_the_same_booking(
    api: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    payload = body(trip)

    first = await api.post("/booking/book", json=payload, headers=headers)
    # another spelling of the same JSON
    again = await api.post(
        "/booking/book",
        content=json.dumps(dict(reversed(payload.items())), indent=3),
        headers={**headers, "Content-Type": "application/json"},
    )
    other = await api.post(
        "/booking/book", json=body(trip, travelers=[_traveler("Eva")]), headers=headers
    )

    assert first.status_code == again.status_code == 200
    assert again.json() == first.json()
    assert other.status_code == 422
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_a_key_used_for_another_body_is_refused_while_the_first_still_runs(
    api: httpx.AsyncClient, trip: dict[str, Any], sandbox: SandboxClient
) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    await sandbox.arm("amadeus", "book", "slow", nth=1, seconds=0.8)

    first = await api.post("/booking/book?wait=0", json=body(trip), headers=headers)
    other = await api.post(
        "/booking/book", json=body(trip, travelers=[_traveler("Eva")]), headers=headers
    )
    end = await api.post("/booking/book", json=body(trip), headers=headers)

    assert first.status_code == 202
    assert other.status_code == 422
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert end.json()["state"] == "CONFIRMED"


async def test_the_same_key_of_another_caller_is_another_booking(
    api: httpx.AsyncClient,
    whole: Served,
    other_key: str,
    sandbox: SandboxClient,
) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    mine = await api.post("/booking/book", json=body(await sandbox.trip()), headers=headers)
    async with client(whole.url, other_key) as other:
        theirs = await other.post("/booking/book", json=body(await sandbox.trip()), headers=headers)

    assert mine.json()["bookingId"] != theirs.json()["bookingId"]


async def test_a_hundred_requests_at_once_make_one_booking(
    api: httpx.AsyncClient, trip: dict[str, Any], stack: Stack, sandbox: SandboxClient
) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(
        base_url=api.base_url, headers=api.headers, limits=limits, timeout=90
    ) as http:

        async def ask() -> httpx.Response:
            """Ask as a client does: "try again shortly" (503, a busy machine) is obeyed."""
            for _ in range(10):
                answer = await http.post("/booking/book", json=body(trip), headers=headers)
                if answer.status_code != 503:
                    break
                await asyncio.sleep(float(answer.headers["Retry-After"]))
            return answer

        answers = await asyncio.gather(*(ask() for _ in range(100)))

    assert Counter(a.status_code for a in answers) == {200: 100}
    assert len({a.text for a in answers}) == 1
    booked = answers[0].json()
    assert booked["state"] == "CONFIRMED"
    with psycopg.connect(stack.settings.database.url) as connection:
        rows = connection.execute(
            "SELECT count(*) FROM bookings WHERE trip_option_id = %s", (trip["tripOptionId"],)
        ).fetchone()
    assert rows == (1,)
    assert len(await sandbox.reservations(booked["bookingId"])) == 4
    runs = [w async for w in stack.client.list_workflows(f"WorkflowId='{booked['bookingId']}'")]
    assert len(runs) <= 1  # visibility may lag; a second run would show
