"""Column F10 of the fault matrix: the API dies while the money moves; the client asks again."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from tests.api.conftest import body, client
from tests.api.server import Served, add_caller, serve
from tests.support.checker import Facts, check
from tests.support.processes import Process
from tests.support.selection import table
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import set_terms


@pytest.fixture(scope="module")
def key(world: Stack) -> str:
    return add_caller(world.settings.database.url, name="patient planner")


@pytest.fixture(scope="module")
def other_api(world: Stack) -> Iterator[Served]:
    """An API that lives on."""
    with serve(world.settings) as served:
        yield served


@pytest.fixture
async def caller(other_api: Served, key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client(other_api.url, key) as http:
        yield http


def _url(process: Process) -> str:
    process.wait_for_line("Uvicorn running on")
    found = re.search(r"Uvicorn running on (http://[\d.:]+)", process.log())
    assert found
    return found.group(1)


async def _killed(
    stack: Stack, key: str, operation: str, path: str, payload: dict[str, Any], **headers: str
) -> None:
    """Send a request to an API that is killed when the gateway is asked to do ``operation``."""
    fault = await stack.sandbox.arm("stripe", operation, "slow", seconds=0.9)
    doomed = Process("-m", "api", "--port", "0", env=stack.env)
    async with client(await asyncio.to_thread(_url, doomed), key) as http:
        waiting = asyncio.create_task(http.post(path, json=payload, headers=headers))
        async with asyncio.timeout(30):
            while not await stack.sandbox.fired(fault):
                assert not waiting.done(), waiting.result().text
                await asyncio.sleep(0.02)
        doomed.kill()
        (answer,) = await asyncio.gather(waiting, return_exceptions=True)
    assert isinstance(answer, httpx.TransportError), answer


async def _judged(stack: Stack, booking_id: str) -> Facts:
    return await check(stack.sandbox, stack.settings.database.url, booking_id)


async def _booked_all_the_same(
    stack: Stack, key: str, caller: httpx.AsyncClient, operation: str
) -> None:
    trip = await stack.sandbox.trip()
    again = {"Idempotency-Key": uuid.uuid4().hex}
    await _killed(stack, key, operation, "/booking/book", body(trip), **again)
    answer = await caller.post("/booking/book", json=body(trip), headers=again)
    assert (answer.status_code, answer.json()["state"]) == (200, "CONFIRMED"), answer.text
    facts = await _judged(stack, answer.json()["bookingId"])
    assert len(facts.payments) == 1


# To the API, which only waits, it is one what the worker does meanwhile.
@pytest.mark.parametrize("operation", table(["create", "confirm"], quick=["create"]))
async def test_3_F10(stack: Stack, key: str, caller: httpx.AsyncClient, operation: str) -> None:
    await _booked_all_the_same(stack, key, caller, operation)


@pytest.mark.exhaustive
async def test_7_F10(stack: Stack, key: str, caller: httpx.AsyncClient) -> None:
    await _booked_all_the_same(stack, key, caller, "capture")


@pytest.mark.exhaustive
async def test_c1_F10(stack: Stack, key: str, caller: httpx.AsyncClient) -> None:
    booked = (await caller.post("/booking/book", json=body(await stack.sandbox.trip()))).json()
    for number in range(1, 5):
        set_terms(stack, booked["bookingId"], number, [{"until": None, "fee": 0}])
    payload = {"bookingId": booked["bookingId"], "reason": "ill"}
    await _killed(stack, key, "refund", "/booking/cancel", payload)
    answer = await caller.post("/booking/cancel", json=payload)
    assert (answer.status_code, answer.json()["state"]) == (200, "CANCELLED"), answer.text
    facts = await _judged(stack, booked["bookingId"])
    assert [row["amount"] for row in facts.refunds] == [booked["payment"]["amount"]]
    assert facts.payment["refunded"] == booked["payment"]["amount"]
