"""``python -m api``: starts, logs without personal data, and stops when asked."""

import asyncio
import json
import re
import time
from typing import Any

import httpx

from tests.api.conftest import body
from tests.support.processes import Process
from tests.support.sandbox_client import SandboxClient
from tests.support.stack import Stack

CANARY = "Canary Xylophone"


def _url(process: Process) -> str:
    process.wait_for_line("Uvicorn running on")
    found = re.search(r"Uvicorn running on (http://[\d.:]+)", process.log())
    assert found
    return found.group(1)


def test_it_serves_and_stops_cleanly(database_url: str, key: str) -> None:
    process = Process(
        "-m",
        "api",
        "--port",
        "0",
        env={
            "DATABASE_URL": database_url,
            "TEMPORAL_ADDRESS": "127.0.0.1:1",
            "SANDBOX_URL": "http://127.0.0.1:1",
        },
    )
    url = _url(process)
    payload = body({"tripOptionId": CANARY, "totalPrice": 1000, "currency": "USD"})
    payload["paymentInfo"]["billingDetails"]["name"] = CANARY
    with httpx.Client(base_url=url, headers={"X-API-Key": key}) as http:
        assert http.get("/healthz").status_code == 200
        assert http.post("/booking/book", json=payload).status_code == 503
        assert http.post("/booking/book", json={**payload, CANARY: 1}).status_code == 422
        assert http.get(f"/booking/{CANARY}?x={CANARY}").status_code == 422
    started = time.monotonic()
    code = process.stop()
    log = process.log()

    assert code == 0, log[-2000:]
    assert time.monotonic() - started < 5
    lines = [json.loads(line) for line in log.splitlines()]
    requests = [line for line in lines if line["message"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("GET", "/healthz", 200),
        ("POST", "/booking/book", 503),
        ("POST", "/booking/book", 422),
        ("GET", "/booking/{bookingId}", 422),
    ]
    assert requests[1]["caller"] == "test planner"
    for secret in (CANARY, "ada@example.com", key, "pm_card_visa"):
        assert secret not in log


async def test_it_stops_while_a_booking_is_watched_and_the_booking_goes_on(
    stack: Stack, api: httpx.AsyncClient, key: str, trip: dict[str, Any], sandbox: SandboxClient
) -> None:
    await sandbox.arm("amadeus", "book", "slow", nth=1, seconds=0.9)
    process = Process("-m", "api", "--port", "0", env=stack.env)
    url = await asyncio.to_thread(_url, process)
    async with httpx.AsyncClient(base_url=url, headers={"X-API-Key": key}) as http:
        taken = (await http.post("/booking/book?wait=0", json=body(trip))).json()
        async with http.stream("GET", taken["eventsUrl"]) as stream:
            lines = stream.aiter_lines()
            assert (await anext(lines)).startswith(("id:", "event:"))
            code = await asyncio.to_thread(process.stop, 10)

    assert code == 0, process.log()[-2000:]
    async with asyncio.timeout(30):
        while (await api.get(taken["statusUrl"])).json().get("state") != "CONFIRMED":
            await asyncio.sleep(0.1)


async def test_a_killed_api_loses_nothing(
    stack: Stack, api: httpx.AsyncClient, key: str, trip: dict[str, Any], sandbox: SandboxClient
) -> None:
    await sandbox.arm("amadeus", "book", "slow", nth=1, seconds=0.9)
    process = Process("-m", "api", "--port", "0", env=stack.env)
    url = await asyncio.to_thread(_url, process)
    headers = {"Idempotency-Key": "killed-" + trip["tripOptionId"]}
    async with httpx.AsyncClient(base_url=url, headers={"X-API-Key": key}) as http:
        waiting = asyncio.create_task(http.post("/booking/book", json=body(trip), headers=headers))
        async with asyncio.timeout(20):
            while not await _seen_at_the_airline(sandbox):
                await asyncio.sleep(0.05)
        process.kill()
        answers = await asyncio.gather(waiting, return_exceptions=True)
        assert isinstance(answers[0], httpx.TransportError)

    again = await api.post("/booking/book", json=body(trip), headers=headers)

    assert again.status_code == 200, again.text
    assert again.json()["state"] == "CONFIRMED"
    assert len(await sandbox.reservations(again.json()["bookingId"])) == 4


async def _seen_at_the_airline(sandbox: SandboxClient) -> bool:
    return await sandbox.fired() > 0
